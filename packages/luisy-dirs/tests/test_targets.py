"""Reading and writing directories through their targets."""

import luisy
import pytest
from luigi.task import flatten
from luisy_dirs.errors import FileFailed, NameClash
from luisy_dirs.targets import DirectoryTarget, SourceTarget, read_pickle, write_pickle
from luisy_protocol.errors import ConfigurationError, InvalidKey, NotFound


def text_of(path):
    with open(path) as file:
        return file.read()


def write_text(content, path):
    with open(path, "w") as file:
        file.write(content)


def letters(path):
    if path.endswith(".txt"):
        return path, text_of(path)
    return None


def source(folder, **settings):
    return SourceTarget(str(folder), read=settings.pop("read", text_of), **settings)


def directory(path):
    return DirectoryTarget(str(path), read=text_of, write=write_text, suffix=".txt")


def test_source_yields_what_the_reader_returns_sorted_without_nones(raw):
    (raw / "B.jpg").write_text("no text")
    found = list(source(raw, read=letters).read())
    assert found == [(str(raw / name), name[0]) for name in ("a.txt", "b.txt", "c.txt")]


def test_source_is_read_lazily(raw):
    seen = []
    reading = source(raw, read=lambda path: seen.append(path) or path).read()
    assert seen == []
    next(reading)
    assert seen == [str(raw / "a.txt")]


def test_source_pattern_selects_names(raw):
    assert list(source(raw, pattern=r"^[bc]\.").read()) == ["b", "c"]


def test_source_recursive_has_files_in_folders(raw):
    (raw / "sub").mkdir()
    (raw / "sub/d.txt").write_text("d")
    assert list(source(raw).read()) == ["a", "b", "c"]
    assert list(source(raw, recursive=True).read()) == ["a", "b", "c", "d"]


def test_source_reads_one_file_by_name(raw):
    assert source(raw).read("b.txt") == "b"
    with pytest.raises(NotFound, match=r"no file d\.txt"):
        source(raw).read("d.txt")
    with pytest.raises(InvalidKey):
        source(raw).read("../letters/b.txt")


def test_source_reader_that_raises_names_the_file(raw):
    with pytest.raises(FileFailed, match=r"letters/a\.txt: ZeroDivisionError"):
        list(source(raw, read=lambda path: 1 / 0).read())


def test_source_that_is_not_there_or_empty_says_so(raw):
    with pytest.raises(NotFound, match=r"there is no directory .*nowhere"):
        source(raw.parent / "nowhere").read()
    with pytest.raises(NotFound, match=r"no files whose names match 'x\$'"):
        source(raw, pattern="x$").read()
    (raw.parent / "empty").mkdir()
    with pytest.raises(NotFound, match="empty has no files"):
        source(raw.parent / "empty").read()


def test_source_is_not_written(raw):
    with pytest.raises(ConfigurationError, match="filled by a person"):
        source(raw).write([])


def test_source_gives_a_task_the_object_of_a_pair(raw):
    path = str(raw / "a.txt")
    assert source(raw, read=letters).load_one(path) == "a"
    assert source(raw, read=lambda path: ("x", "y")).load_one(path) == ("x", "y")


def test_target_is_one_output_for_luigi(raw):
    target = source(raw)
    assert flatten([target]) == [target]
    assert flatten(source(raw / "nowhere"))
    assert target
    assert len(target) == 3
    assert [content for _, content in target[:2]] == ["a", "b"]
    assert target.paths()[-1] == str(raw / "c.txt")


def test_directory_is_written_whole_and_read_by_name(tmp_path):
    target = directory(tmp_path / "out")
    target.write((name, name.upper()) for name in ("b", "a.txt", "sub/c"))
    written = {"a.txt": "A.TXT", "b.txt": "B", "sub/c.txt": "SUB/C"}
    assert list(target.read()) == [
        (str(tmp_path / "out" / name), content) for name, content in written.items()
    ]
    assert target.read("sub/c.txt") == "SUB/C"
    assert len(target) == 3


def test_directory_failing_in_the_middle_is_as_it_was(tmp_path):
    target = directory(tmp_path / "out")
    target.write([("a", "old")])

    def failing():
        yield "b", "new"
        raise RuntimeError("stop")

    with pytest.raises(RuntimeError, match="stop"):
        target.write(failing())
    assert [content for _, content in target.read()] == ["old"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


@pytest.mark.parametrize(
    ("names", "error"),
    [
        (["../x"], InvalidKey),
        (["/x"], InvalidKey),
        (["a\nb"], InvalidKey),
        (["x" * 252], InvalidKey),
        (["a", "a"], NameClash),
        (["a", "A"], NameClash),
    ],
    ids=["upwards", "absolute", "control", "long", "twice", "case"],
)
def test_directory_with_a_bad_name_is_not_written(tmp_path, names, error):
    target = directory(tmp_path / "out")
    with pytest.raises(error):
        target.write((name, "x") for name in names)
    assert list(tmp_path.iterdir()) == []


def test_staging_becomes_the_directory(tmp_path):
    target = directory(tmp_path / "out")
    with target.staging() as folder:
        (folder / "x.txt").write_text("x")
        (folder / "notes.md").write_text("not one of the files")
        assert not target.exists()
    assert [content for _, content in target.read()] == ["x"]


def test_writer_that_writes_elsewhere_is_found_out(tmp_path):
    target = DirectoryTarget(
        str(tmp_path / "out"),
        read=text_of,
        write=lambda content, path: write_text(content, path + ".more"),
        suffix=".txt",
    )
    with pytest.raises(ConfigurationError, match=r"did not write a\.txt"):
        target.write([("a", "x")])


def test_pickles_are_read_as_written(tmp_path):
    write_pickle({"a": [1]}, str(tmp_path / "x.pkl"))
    assert read_pickle(str(tmp_path / "x.pkl")) == {"a": [1]}


def test_two_tasks_have_two_readers(raw):
    upper = luisy.decorators.make_directory_output(lambda path: text_of(path).upper())
    lower = luisy.decorators.make_directory_output(text_of)

    class Shared(luisy.ExternalTask):
        def get_folder_name(self):
            return "letters"

    @upper
    @luisy.raw
    @luisy.project_name("luisy_dirs_tests")
    class Upper(Shared):
        pass

    @luisy.raw
    @luisy.project_name("luisy_dirs_tests")
    @lower
    class Lower(Shared):
        pass

    assert list(Upper().output().read()) == ["A", "B", "C"]
    assert list(Lower().read()) == ["a", "b", "c"]
