import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from luisy import targets
from luisy_protocol import ConfigurationError, MissingPackage, NotFound

FRAME = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
FRAMES = ["CSVTarget", "ParquetTarget", "FeatherTarget", "HDFTarget", "ParquetDirTarget"]
OBJECTS = ["PickleTarget", "JSONTarget"]


class Unwritable:
    """Starts to be written, and fails."""

    def __reduce__(self):
        raise RuntimeError("no")


def target_of(kind, folder, **kwargs):
    target_cls = getattr(targets, kind)
    return target_cls(path=folder / f"sub/out.{target_cls.file_ending}".rstrip("."), **kwargs)


@pytest.mark.parametrize("kind", FRAMES)
def test_frame_is_read_as_it_was_written(kind, tmp_path):
    target = target_of(kind, tmp_path)
    assert not target.exists()
    target.write(FRAME)
    assert target.exists()
    pd.testing.assert_frame_equal(target.read(), FRAME)


def test_xlsx_has_the_index_as_its_first_column(tmp_path):
    target = target_of("XLSXTarget", tmp_path)
    target.write(FRAME)
    assert list(target.read().columns) == ["Unnamed: 0", "a", "b"]


@pytest.mark.parametrize("kind", OBJECTS)
def test_object_is_read_as_it_was_written(kind, tmp_path):
    target = target_of(kind, tmp_path)
    target.write({"a": [1, None, "ü"]})
    assert target.read() == {"a": [1, None, "ü"]}


@pytest.mark.parametrize("kind", [*FRAMES, *OBJECTS, "XLSXTarget"])
def test_write_replaces_and_leaves_nothing_beside(kind, tmp_path):
    target = target_of(kind, tmp_path)
    for value in (FRAME, FRAME.head(1)):
        target.write(value if kind != "JSONTarget" else len(value))
    assert [path.name for path in Path(target.path).parent.iterdir()] == [Path(target.path).name]
    if kind != "JSONTarget":
        assert len(target.read()) == 1


@pytest.mark.parametrize("kind", [*FRAMES, *OBJECTS, "XLSXTarget"])
def test_failed_write_keeps_the_old_output_and_nothing_else(kind, tmp_path):
    target = target_of(kind, tmp_path)
    target.write(FRAME if kind != "JSONTarget" else 1)
    before = snapshot(tmp_path)
    with pytest.raises(Exception):  # noqa: B017, PT011 - each library fails in its own way
        target.write(Unwritable())
    assert snapshot(tmp_path) == before


@pytest.mark.parametrize("kind", [*FRAMES, *OBJECTS, "XLSXTarget"])
def test_read_of_nothing_is_not_found(kind, tmp_path):
    with pytest.raises(NotFound, match="run the task"):
        target_of(kind, tmp_path).read()


@pytest.mark.parametrize("kind", [*FRAMES, *OBJECTS, "XLSXTarget"])
def test_remove_twice_is_fine(kind, tmp_path):
    target = target_of(kind, tmp_path)
    target.write(FRAME if kind != "JSONTarget" else 1)
    target.remove()
    target.remove()
    assert not target.exists()
    assert list(Path(target.path).parent.iterdir()) == []


def test_open_for_writing_appears_when_closed(tmp_path):
    target = target_of("CSVTarget", tmp_path)
    with target.open("w") as file:
        file.write("a\n1\n")
        assert not target.exists()
    assert target.read()["a"].tolist() == [1]
    with target.open() as file:
        assert file.read() == "a\n1\n"


def test_open_for_writing_leaves_nothing_when_the_block_raises(tmp_path):
    target = target_of("CSVTarget", tmp_path)
    with pytest.raises(KeyError), target.open("w") as file:  # noqa: PT012 - the block is the test
        file.write("half")
        raise KeyError
    del file
    assert not target.exists()


def test_temporary_path_replaces_the_output(tmp_path):
    target = target_of("JSONTarget", tmp_path)
    target.write(1)
    with target.temporary_path() as path:
        Path(path).write_text("2")
        assert target.read() == 1
    assert target.read() == 2


@pytest.mark.parametrize("kind", ["JSONTarget", "FolderTarget"])
def test_process_killed_while_writing_leaves_no_output(kind, tmp_path):
    code = (
        "import os, sys\n"
        "from luisy import targets\n"
        f"target = targets.{kind}(path={str(tmp_path / 'out')!r})\n"
        "with target.temporary_path() as path:\n"
        "    file = path if os.path.isfile(path) or not os.path.isdir(path) else path + '/x'\n"
        "    open(file, 'w').write('half')\n"
        "    os.kill(os.getpid(), 9)\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == -9
    assert not target_of_path(kind, tmp_path / "out").exists()


def test_folder_is_replaced_whole(tmp_path):
    target = targets.FolderTarget(path=tmp_path / "out")
    for name in ("old", "new"):
        with target.temporary_path() as path:
            Path(path, name).write_text(name)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["new"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_folder_that_failed_to_fill_keeps_the_old_one(tmp_path):
    target = targets.FolderTarget(path=tmp_path / "out")
    with target.temporary_path() as path:
        Path(path, "old").touch()
    with pytest.raises(KeyError), target.temporary_path() as path:  # noqa: PT012
        Path(path, "new").touch()
        raise KeyError
    assert snapshot(tmp_path) == {"out": None, "out/old": b""}


def test_folder_that_is_a_whole_layer_is_not_written(tmp_path):
    target = targets.ParquetDirTarget(path=f"{tmp_path}/")
    with pytest.raises(ConfigurationError, match="get_folder_name"):
        target.write(FRAME)


@pytest.mark.parametrize(
    ("kind", "kwargs"),
    [
        ("CSVTarget", {"sep": ";"}),
        ("CSVTarget", {"sep": ";", "dtype": {"a": "int64"}, "float_format": "%.1f"}),
        ("ParquetTarget", {"compression": "gzip"}),
        ("FeatherTarget", {"compression": "uncompressed"}),
        ("HDFTarget", {"key": "other"}),
        ("XLSXTarget", {"index_col": 0, "sheet_name": "first"}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_arguments_go_to_the_writer_and_the_reader_that_know_them(kind, kwargs, tmp_path):
    target = target_of(kind, tmp_path, **kwargs)
    target.write(FRAME)
    pd.testing.assert_frame_equal(target.read(), FRAME, check_names=False)


def test_separator_is_in_the_file(tmp_path):
    target = target_of("CSVTarget", tmp_path, sep=";")
    target.write(FRAME)
    assert Path(target.path).read_text() == "a;b\n1;x\n2;y\n"


@pytest.mark.parametrize("kind", ["CSVTarget", "ParquetDirTarget"])
def test_argument_that_nothing_knows_is_named(kind, tmp_path):
    if kind == "CSVTarget":
        with pytest.raises(ConfigurationError, match="'seperator'"):
            target_of(kind, tmp_path, seperator=";").write(FRAME)
    else:
        with pytest.raises(ConfigurationError, match="not list"):
            target_of(kind, tmp_path).write([1])


def test_index_can_be_written(tmp_path):
    target = target_of("CSVTarget", tmp_path, index=True, index_col=0)
    target.write(FRAME)
    assert Path(target.path).read_text().startswith(",a,b\n0,1,x")
    pd.testing.assert_frame_equal(target.read(), FRAME)


@pytest.mark.parametrize(
    ("kind", "library", "extra"),
    [
        ("ParquetTarget", "pyarrow", "parquet"),
        ("FeatherTarget", "pyarrow", "parquet"),
        ("ParquetDirTarget", "pyarrow", "parquet"),
        ("XLSXTarget", "openpyxl", "xlsx"),
        ("HDFTarget", "tables", "hdf"),
    ],
)
def test_missing_library_names_the_extra(kind, library, extra, tmp_path):
    """In a process of its own, where the library cannot be found."""
    code = (
        "import sys\n"
        "class Hidden:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        f"        if name.partition('.')[0] == {library!r}:\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Hidden())\n"
        "import importlib.util\n"
        "import pandas as pd\n"
        "from luisy import targets\n"
        f"target = targets.{kind}(path={str(tmp_path / 'x')!r})\n"
        "target.write(pd.DataFrame({'a': [1]}))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert MissingPackage.__name__ in last
    assert f'pip install "luisy-core[{extra}]"' in last
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "kind", ["CSVTarget", "ParquetTarget", "FeatherTarget", "ParquetDirTarget"]
)
@pytest.mark.parametrize("is_lazy", [False, True], ids=["eager", "lazy"])
def test_polars_frame_is_accepted(kind, is_lazy, tmp_path):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    frame = polars.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    target = target_of(kind, tmp_path)
    target.write(frame.lazy() if is_lazy else frame)
    pd.testing.assert_frame_equal(target.read(), FRAME)


def test_polars_frame_with_arguments_of_pandas(tmp_path):
    polars = pytest.importorskip("polars", reason="polars is not installed")
    target = target_of("CSVTarget", tmp_path, sep=";", header=False)
    target.write(polars.DataFrame({"a": [1], "b": ["x"]}))
    assert Path(target.path).read_text() == "1;x\n"


def test_old_kind_of_target_with_its_own_read_and_write_works(tmp_path):
    class Text(targets.LocalTarget):
        file_ending = "txt"

        def write(self, obj):
            Path(self.path).write_text(obj)

        def read(self):
            return Path(self.path).read_text()

    target = Text(path=tmp_path / "x.txt")
    target.write("hello")
    assert target.read() == "hello"
    assert target.exists()


def target_of_path(kind, path):
    return getattr(targets, kind)(path=path)


def snapshot(folder):
    return {
        os.path.relpath(path, folder): path.read_bytes() if path.is_file() else None
        for path in sorted(folder.rglob("*"))
        if folder != path and path.name != "sub"
    }
