import luisy
import pytest
from luisy import decorators, targets

pytestmark = pytest.mark.usefixtures("luisy_working_dir")
PROJECT = __name__.partition(".")[0]


@pytest.mark.parametrize("layer", ["raw", "interim", "final"])
@pytest.mark.parametrize("is_called", [False, True], ids=["plain", "called"])
def test_layer_is_a_folder_of_the_project(layer, is_called):
    decorator = getattr(luisy, layer)

    class Some(luisy.Task):
        pass

    decorated = (decorator() if is_called else decorator)(Some)
    assert decorated().key == f"{PROJECT}/{layer}/Some.pkl"
    assert decorated.layer == layer


def test_later_layer_wins():
    @luisy.raw
    class Base(luisy.Task):
        pass

    @luisy.final
    class Derived(Base):
        pass

    assert Derived().key == f"{PROJECT}/final/Derived.pkl"
    assert Base().key == f"{PROJECT}/raw/Base.pkl"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("csv_output", "CSVTarget"),
        ("feather_output", "FeatherTarget"),
        ("hdf_output", "HDFTarget"),
        ("json_output", "JSONTarget"),
        ("parquet_output", "ParquetTarget"),
        ("parquetdir_output", "ParquetDirTarget"),
        ("pickle_output", "PickleTarget"),
        ("xlsx_output", "XLSXTarget"),
    ],
)
def test_output_decorator_gives_its_kind_of_target(name, kind):
    decorator = getattr(luisy, name)

    @decorator
    class Plain(luisy.Task):
        pass

    @decorator()
    class Called(luisy.Task):
        pass

    assert type(Plain().output()) is type(Called().output()) is getattr(targets, kind)
    assert decorator is getattr(decorators, name)


def test_arguments_of_the_decorator_reach_the_target():
    @luisy.csv_output(sep="|")
    class Some(luisy.Task):
        pass

    assert Some().output().kwargs == {"sep": "|"}


def test_parquetdir_names_its_folder():
    @luisy.final
    @luisy.parquetdir_output(outdir="parts")
    class Given(luisy.Task):
        pass

    @luisy.final
    @luisy.parquetdir_output
    class Own(luisy.Task):
        x = luisy.IntParameter(default=1)

        def get_folder_name(self):
            return f"own_{self.x}"

    @luisy.final
    @luisy.parquetdir_output
    class Automatic(luisy.Task):
        pass

    keys = [task.key for task in (Given(), Own(), Automatic())]
    assert keys == [f"{PROJECT}/final/{name}" for name in ("parts", "own_1", "Automatic")]
    assert Given().output().is_folder


def test_project_name_replaces_the_module():
    @luisy.project_name("other")
    @luisy.raw
    class Some(luisy.Task):
        pass

    assert Some().key == "other/raw/Some.pkl"


def test_own_kind_of_output_can_be_made_a_decorator():
    class TextTarget(targets.LocalTarget):
        file_ending = "txt"

        def load(self, path):
            return path.read_text()

        def dump(self, obj, path):
            path.write_text(obj)

    text_output = decorators.make_output_decorator(TextTarget)

    @text_output
    class Some(luisy.Task):
        pass

    Some().write("hello")
    assert Some().output().read() == "hello"
    assert Some().key == f"{PROJECT}/Some.txt"


@pytest.mark.parametrize("name", decorators.__all__)
def test_every_decorator_is_documented(name):
    assert getattr(decorators, name).__doc__
