"""The files of a directory: in order, one at a time."""

import os

import pytest
from luisy_dirs.errors import FileFailed
from luisy_dirs.files import Files, content_of, list_names
from luisy_protocol.digest import digest_file
from luisy_protocol.errors import NotFound
from luisy_protocol.temporary import staging_beside, temporary_beside


def text_of(path):
    with open(path) as file:
        return file.read()


@pytest.fixture
def folder(tmp_path):
    for name in ("b", "a", "B", "sub/c", "sub/deep/d"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    temporary_beside(tmp_path / "x").write_text("half")
    staging_beside(tmp_path / "x").mkdir()
    (staging_beside(tmp_path / "x") / "y").write_text("half")
    return str(tmp_path)


def test_list_names_is_sorted_and_leaves_out_folders_and_what_is_temporary(folder):
    assert list_names(folder, recursive=False) == ["B", "a", "b"]


def test_list_names_recursive_has_the_files_in_folders(folder):
    assert list_names(folder, recursive=True) == ["B", "a", "b", "sub/c", "sub/deep/d"]


def test_list_names_of_nothing_says_so(folder):
    with pytest.raises(NotFound, match="nothing"):
        list_names(os.path.join(folder, "nothing"), recursive=False)


def test_files_are_read_one_at_a_time(folder):
    seen = []
    files = Files(folder, list_names(folder, recursive=True), seen.append)
    reading = iter(files)
    assert seen == []
    next(reading)
    assert seen == [os.path.join(folder, "B")]


def test_files_have_a_length_an_index_and_slices(folder):
    files = Files(folder, ["B", "a", "sub/c"], text_of)
    assert len(files) == 3
    assert files[1] == (os.path.join(folder, "a"), "a")
    assert [content for _, content in files[1:]] == ["a", "sub/c"]
    assert files[:2].paths() == [os.path.join(folder, name) for name in ("B", "a")]


def test_reader_that_raises_names_the_file(folder):
    files = Files(folder, ["a"], lambda path: 1 / 0)
    with pytest.raises(FileFailed, match=r"cannot read .*a: ZeroDivisionError") as failed:
        list(files)
    assert failed.value.path == os.path.join(folder, "a")
    assert isinstance(failed.value.__cause__, ZeroDivisionError)


def test_content_of_is_the_digest_of_the_protocol(folder):
    path = os.path.join(folder, "sub", "c")
    assert content_of(path) == digest_file(path)
