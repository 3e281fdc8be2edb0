"""The swap: the new directory whole, or the old one as it was."""

import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_dirs.files import list_names
from luisy_dirs.staging import Staging
from luisy_protocol.errors import NotFound
from luisy_protocol.temporary import is_temporary

NAMES = st.sampled_from(["a", "b", "c", "sub/d", "sub/e", "deep/er/f"])


def write(folder, names, text):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder):
    return {name: (folder / name).read_text() for name in list_names(str(folder), recursive=True)}


def folders(base, old_names, made):
    old, target = base / "aside", base / "out"
    old.mkdir()
    write(old, old_names, "old")
    staging = Staging(target)
    staging.prepare()
    write(staging.made, made, "new")
    return old, target, staging


@given(old_names=st.sets(NAMES), keep=st.sets(NAMES), made=st.sets(NAMES))
def test_swap_gives_what_is_kept_and_what_is_made(tmp_path_factory, old_names, keep, made):
    base = tmp_path_factory.mktemp("swap")
    keep = (keep & old_names) - made
    old, target, staging = folders(base, old_names, made)
    staging.swap(old, content(old), keep=keep, made=made)
    staging.remove()
    assert content(target) == dict.fromkeys(keep, "old") | dict.fromkeys(made, "new")
    assert [path for path in base.iterdir() if is_temporary(path.name)] == []


@given(old_names=st.sets(NAMES), keep=st.sets(NAMES), made=st.sets(NAMES))
def test_undo_of_a_swap_leaves_the_old_directory_as_it_was(tmp_path_factory, old_names, keep, made):
    old, target, staging = folders(tmp_path_factory.mktemp("undo"), old_names, made)
    keep = (keep & old_names) - made
    staging.swap(old, content(old), keep=keep, made=made)
    staging.undo(old)
    assert content(old) == dict.fromkeys(old_names, "old")
    if keep:
        assert content(staging.made) == dict.fromkeys(made, "new")
        assert not target.exists()


@pytest.fixture
def other_disk(tmp_path):
    """A folder in memory, where the system has that."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    with tempfile.TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_swap_copies_what_is_kept_from_another_disk(tmp_path, other_disk):
    old = other_disk / "aside"
    write(old, ["keep", "sub/keep", "gone"], "old")
    staging = Staging(tmp_path / "out")
    staging.prepare()
    write(staging.made, ["more"], "new")
    staging.swap(old, content(old), keep=["keep", "sub/keep"], made=["more"])
    assert content(tmp_path / "out") == {"keep": "old", "sub/keep": "old", "more": "new"}
    assert content(old) == dict.fromkeys(["keep", "sub/keep", "gone"], "old")


def test_swap_that_cannot_be_finished_is_undone(tmp_path):
    old, target, staging = folders(tmp_path, ["keep", "gone"], ["more"])
    target.mkdir()
    (target / "in the way").touch()
    with pytest.raises(Exception, match="out"):
        staging.swap(old, content(old), keep={"keep"}, made=["more"])
    assert content(old) == dict.fromkeys(["keep", "gone"], "old")
    assert content(staging.made) == {"more": "new"}
    assert content(target) == {"in the way": ""}


def test_unchanged_files_keep_their_inode_and_their_times(tmp_path):
    old, target, staging = folders(tmp_path, ["keep", "gone"], ["more"])
    before = (old / "keep").stat()
    staging.swap(old, content(old), keep={"keep"}, made=["more"])
    after = (target / "keep").stat()
    assert (before.st_ino, before.st_mtime_ns, before.st_ctime_ns) == (
        after.st_ino,
        after.st_mtime_ns,
        after.st_ctime_ns,
    )


def test_folder_of_a_dead_run_is_found_again(tmp_path):
    first = Staging(tmp_path / "out")
    first.prepare()
    write(first.made, ["x"], "new")
    again = Staging(tmp_path / "out")
    again.prepare()
    assert again.left() == ["x"]
    again.drop(["x"])
    assert again.left() == []
    shutil.rmtree(first.made.parent)


def test_swap_without_a_file_that_was_made_is_undone(tmp_path):
    old, target, staging = folders(tmp_path, ["keep", "gone"], ["more"])
    with pytest.raises(NotFound):
        staging.swap(old, content(old), keep={"keep"}, made=["more", "vanished"])
    assert content(old) == dict.fromkeys(["keep", "gone"], "old")
    assert content(staging.made) == {"more": "new"}
    assert not target.exists()
