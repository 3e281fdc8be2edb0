import luisy
import pytest
from luisy import visualize
from luisy.config import Config
from luisy.graph import FILLS
from luisy.plan import Verdict

nx = pytest.importorskip("networkx", reason="networkx is not installed")
pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
colors = pytest.importorskip("matplotlib.colors", reason="matplotlib is not installed")


class Leaf(luisy.ExternalTask):
    number = luisy.IntParameter(default=0)


class Root(luisy.Task):
    def requires(self):
        return [Leaf(number=number) for number in range(3)]


def test_graph_has_each_class_once_by_default():
    graph = visualize.make_dependency_graph(Root())
    assert set(graph.edges) == {("Root", "Leaf\nnumber=0")}


def test_graph_can_have_every_instance():
    graph = visualize.make_dependency_graph(Root(), unique_children=False)
    assert len(graph) == 4


def test_graph_leaves_out_parameters():
    graph = visualize.make_dependency_graph(Root(), ["number"], unique_children=False)
    assert set(graph) == {"Root", "Leaf"}


def test_label_can_tell_instances_apart():
    assert visualize.create_label(Leaf(), with_id=True) != visualize.create_label(
        Leaf(number=1), with_id=True
    )


def test_visualize_draws_every_task_into_the_axis():
    _, ax = pyplot.subplots()
    Root().visualize(ax=ax, unique_children=False, parameters_to_exclude=())
    assert {text.get_text() for text in ax.texts} == {
        "Root",
        *[f"Leaf\nnumber={number}" for number in range(3)],
    }


def test_visualize_makes_a_figure_of_its_own():
    before = len(pyplot.get_fignums())
    Root().visualize()
    assert len(pyplot.get_fignums()) == before + 1


class Made(luisy.Task):
    number = luisy.IntParameter(default=0)

    def run(self):
        self.write(self.number)


class Above(luisy.Task):
    def requires(self):
        return [Made(number=0), Made(number=1), Leaf()]

    def run(self):
        self.write(1)


def fills(ax):
    rgba = {text.get_text(): text.get_bbox_patch().get_facecolor() for text in ax.texts}
    return {label: colors.to_hex(colour) for label, colour in rgba.items()}


def test_visualize_has_the_colours_of_the_verdicts(luisy_working_dir):
    luisy.build(Made(number=1))
    _, ax = pyplot.subplots()
    Above().visualize(ax, unique_children=False)
    assert fills(ax) == {
        "Above": FILLS[Verdict.RUN],
        "Made\nnumber=0": FILLS[Verdict.RUN],
        "Made\nnumber=1": FILLS[Verdict.KEEP],
        "Leaf\nnumber=0": FILLS[Verdict.MISSING],
    }


def test_visualize_gives_tasks_of_one_label_the_colour_that_asks_for_most(luisy_working_dir):
    luisy.build(Made(number=1))
    _, ax = pyplot.subplots()
    Above().visualize(ax, unique_children=False, parameters_to_exclude=("number",))
    assert fills(ax)["Made"] == FILLS[Verdict.RUN]


def test_visualize_is_white_without_a_working_directory(monkeypatch):
    monkeypatch.delenv("WORKING_DIR", raising=False)
    _, ax = pyplot.subplots()
    with Config().restored():
        Config().reset()
        Root().visualize(ax)
    assert set(fills(ax).values()) == {"#ffffff"}


@pytest.fixture(autouse=True)
def without_screen():
    pyplot.switch_backend("agg")
    yield
    pyplot.close("all")
