import luisy
import pytest
from luisy import visualize

nx = pytest.importorskip("networkx", reason="networkx is not installed")
pyplot = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")


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
    figure, ax = pyplot.subplots()
    Root().visualize(ax=ax, unique_children=False, parameters_to_exclude=())
    assert {text.get_text() for text in ax.texts} == {
        "Root",
        *[f"Leaf\nnumber={number}" for number in range(3)],
    }
    pyplot.close(figure)


def test_visualize_makes_a_figure_of_its_own():
    before = len(pyplot.get_fignums())
    Root().visualize()
    assert len(pyplot.get_fignums()) == before + 1
    pyplot.close("all")


@pytest.fixture(autouse=True)
def without_screen():
    pyplot.switch_backend("agg")
