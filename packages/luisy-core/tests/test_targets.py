import errno
import gc
import os
import shutil
import subprocess
import sys
from pathlib import Path

import luigi
import pandas as pd
import pytest
from luisy import targets
from luisy_protocol import (
    AccessDenied,
    ConfigurationError,
    LuisyError,
    MissingPackage,
    NotFound,
)

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
def test_write_that_finds_no_room_says_so_and_keeps_the_old_output(kind, tmp_path, largest_file):
    target = target_of(kind, tmp_path)
    target.write(FRAME if kind != "JSONTarget" else 1)
    before = snapshot(tmp_path)
    large = pd.DataFrame({"a": range(3_000)}) if kind not in OBJECTS else list(range(3_000))
    with (
        pytest.raises(LuisyError, match=f"cannot write {target.path}: the file is larger"),
        largest_file(1_500),
    ):
        target.write(large)
    assert snapshot(tmp_path) == before
    target.write(large)
    assert len(target.read()) == 3_000


@pytest.mark.parametrize("mode", ["text", "bytes"])
def test_file_opened_for_writing_that_finds_no_room_says_so_and_leaves_nothing(
    mode, tmp_path, largest_file, monkeypatch
):
    unheard = []
    monkeypatch.setattr(sys, "unraisablehook", unheard.append)
    target = target_of("CSVTarget", tmp_path)
    if mode == "bytes":
        target.format = luigi.format.Nop
    line = "line\n" if mode == "text" else b"line\n"
    with largest_file(20_000):
        with (
            pytest.raises(LuisyError, match=f"cannot write {target.path}: the file is larger"),
            target.open("w") as file,
        ):
            file.writelines(line for _ in range(10_000))
        del file
        gc.collect()
    assert snapshot(tmp_path) == {}
    assert unheard == []


def test_file_that_found_no_room_does_not_appear_although_its_writer_goes_on(
    tmp_path, largest_file
):
    target = target_of("CSVTarget", tmp_path)
    with largest_file(10):
        file = target.open("w")
        file.write("0" * 11)
        with pytest.raises(LuisyError, match="larger"):
            file.flush()
    file.write("1")
    with pytest.raises(LuisyError, match="larger"):
        file.close()
    assert not target.exists()


def test_output_that_may_not_be_written_is_told_in_a_sentence(tmp_path):
    target = target_of("CSVTarget", tmp_path)
    with pytest.raises(AccessDenied, match=f"cannot write {target.path}: Permission denied"):
        with target.temporary_path() as path:
            raise PermissionError(errno.EACCES, "Permission denied", path)


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="nothing is read-only for root"
)
@pytest.mark.parametrize("kind", [*FRAMES, *OBJECTS, "XLSXTarget"])
def test_write_to_a_read_only_folder_is_told_in_a_sentence(kind, tmp_path):
    target = target_of(kind, tmp_path)
    Path(target.path).parent.mkdir()
    Path(target.path).parent.chmod(0o500)
    with pytest.raises(AccessDenied, match=f"cannot write {target.path}: "):
        target.write(FRAME if kind != "JSONTarget" else 1)


def test_other_error_of_the_system_in_the_block_is_left_as_it_is(tmp_path):
    target = target_of("CSVTarget", tmp_path)
    with pytest.raises(FileNotFoundError, match="elsewhere"), target.temporary_path():
        (tmp_path / "elsewhere").read_text()


@pytest.mark.parametrize(
    ("number", "names"),
    [
        (errno.ENOSPC, ["/scratch/x"]),
        (errno.ENOSPC, ["own", None, "/scratch/x"]),
        (errno.ENOSPC, [7]),
        (errno.EACCES, ["/scratch/x"]),
        (errno.EACCES, ["own"]),
        (errno.EACCES, ["/scratch/x", None, "own"]),
    ],
    ids=["another disk", "copy of it", "number", "another file", "what was written", "source"],
)
def test_error_that_is_not_about_the_writing_is_left_as_it_is(number, names, tmp_path):
    target = target_of("CSVTarget", tmp_path)

    def fail():
        with target.temporary_path() as path:
            Path(path).write_text("1")
            raise OSError(number, "own words", *(path if name == "own" else name for name in names))

    with pytest.raises(OSError, match="own words") as caught:
        fail()
    assert caught.value.errno == number


def test_copy_that_finds_no_room_says_so_and_leaves_nothing(tmp_path, largest_file):
    source = tmp_path / "source"
    source.write_bytes(bytes(20_000))
    target = target_of("CSVTarget", tmp_path)
    with (
        pytest.raises(LuisyError, match=f"cannot write {target.path}: the file is larger"),
        largest_file(1_500),
        target.temporary_path() as path,
    ):
        shutil.copy(source, path)
    assert snapshot(tmp_path / "sub") == {}


def test_file_for_which_there_is_no_room_in_the_folder_says_so(tmp_path):
    target = target_of("CSVTarget", tmp_path)
    with pytest.raises(LuisyError, match=f"cannot write {target.path}: the disk is full"):
        with target.temporary_path() as path:
            raise OSError(errno.ENOSPC, "No space left on device", path)


class Frame(pd.DataFrame):
    """A frame that, like dask's, writes itself to a path."""

    def to_hdf(self, path, key):
        pd.DataFrame(self).to_hdf(os.fspath(path), key=key)


@pytest.mark.parametrize("as_path", [Path, str])
def test_hdf_of_a_frame_that_writes_itself(as_path, tmp_path):
    target = target_of("HDFTarget", tmp_path)
    target.makedirs()
    for frame in (Frame(FRAME), FRAME):
        target.dump(frame, as_path(target.path))
        pd.testing.assert_frame_equal(target.read(), FRAME)


def test_folder_of_an_output_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "sub").write_text("a file")
    with pytest.raises(LuisyError, match=f"cannot make {tmp_path}/sub/deep: a file and a folder"):
        targets.JSONTarget(path=tmp_path / "sub/deep/x.json").write(1)


@pytest.mark.parametrize("arguments", [{}, {"format": "table", "complevel": 5, "mode": "a"}])
def test_hdf_file_has_what_its_arguments_say(arguments, tmp_path):
    target = target_of("HDFTarget", tmp_path, **arguments)
    target.write(pd.DataFrame({"a": [0] * 50_000}))
    assert len(target.read()) == 50_000
    assert (Path(target.path).stat().st_size < 100_000) is bool(arguments)
    with pd.HDFStore(target.path, "r") as store:
        assert store.keys() == ["/data"]


@pytest.mark.parametrize("format", ["fixed", "table"])
def test_hdf_file_is_compressed_as_its_arguments_say(format, tmp_path):  # noqa: A002 - pandas' name
    target = target_of("HDFTarget", tmp_path, format=format, complevel=5, complib="bzip2")
    target.write(pd.DataFrame({"a": [0] * 50_000}))
    with pd.HDFStore(target.path, "r") as store:
        node = store.root.data.table if format == "table" else store.root.data.block0_values
        assert (node.filters.complib, node.filters.complevel) == ("bzip2", 5)


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


@pytest.mark.parametrize("kind", ["CSVTarget", "ParquetTarget", "FeatherTarget"])
def test_polars_frame_that_finds_no_room_says_so(kind, tmp_path, largest_file):
    polars = pytest.importorskip("polars")
    target, frame = target_of(kind, tmp_path), polars.DataFrame({"a": range(5_000)})
    with (
        pytest.raises(LuisyError, match=f"cannot write {target.path}: the file is larger"),
        largest_file(1_000),
    ):
        target.write(frame)
    assert not target.exists()


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
