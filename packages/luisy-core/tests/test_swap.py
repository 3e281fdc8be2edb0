"""The change of a folder by renames: whole, or undone by whoever comes next."""

import luigi
import pytest
from luisy.aside import Aside, leftovers, recover
from luisy.journal import Journal
from luisy.pipeline import Kind, Node
from luisy.swap import Swap
from luisy.workspace import Workspace
from luisy_protocol.digest import digest_folder
from luisy_protocol.errors import LuisyError
from luisy_protocol.record import Record

KEY = "p/interim/out"
OLD = {"keep": "old", "change": "old", "sub/gone": "old"}
NEW = {"keep": "old", "change": "new", "more": "new"}


def write(folder, names, text):
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)


def content(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def record(workspace):
    seen, files = digest_folder(workspace.folder / KEY)
    workspace.records("p").append([Record(KEY, "", seen.sha256, seen.size, files=files)])


def begin(tmp_path):
    """Give a recorded folder that lies aside, and what is made for the new one."""
    workspace = Workspace(tmp_path)
    target = tmp_path / KEY
    write(target, OLD, "old")
    record(workspace)
    aside = Aside(workspace)
    aside.put([KEY])
    swap = Swap(target)
    write(swap.made, ["change", "more"], "new")
    return workspace, swap, tmp_path / f"p/.luisy/aside/{aside.run}/outputs/{KEY}"


def test_folder_has_what_was_kept_and_what_was_made(tmp_path):
    _, swap, old = begin(tmp_path)
    swap.carry_out(old, OLD, keep={"keep"}, made=["change", "more"])
    swap.settle()
    assert content(swap.target) == NEW
    assert not (swap.target / "sub").exists()
    assert not swap.folder.exists()


def test_old_folder_stays_aside_when_the_note_finds_no_room(tmp_path, largest_file):
    _, swap, old = begin(tmp_path)
    with largest_file(5), pytest.raises(LuisyError, match=f"cannot write {swap.folder}/swap: "):
        swap.carry_out(old, OLD, keep={"keep"}, made=["change", "more"])
    assert content(old) == OLD
    assert not swap.is_noted


@pytest.mark.parametrize("steps", range(6))
def test_old_folder_is_restored_whole_after_a_death_at_any_step(tmp_path, steps):
    """The renames are done here by hand, up to the step at which the process died."""
    workspace, swap, old = begin(tmp_path)
    folder = swap.folder
    (folder / "swap").write_text(f'[{old.stat().st_ino}, ["change", "more"]]')
    moves = [
        (old / "change", folder / "replaced/change"),
        (old / "sub/gone", folder / "replaced/sub/gone"),
        (swap.made / "change", old / "change"),
        (swap.made / "more", old / "more"),
        (old, swap.target),
    ]
    for source, place in moves[:steps]:
        place.parent.mkdir(parents=True, exist_ok=True)
        source.rename(place)
    assert recover(workspace, "p") == [KEY]
    assert content(swap.target) == OLD
    assert content(swap.made) == {"change": "new", "more": "new"}


def test_new_folder_stays_when_it_was_recorded_before_the_death(tmp_path):
    workspace, swap, old = begin(tmp_path)
    swap.carry_out(old, OLD, keep={"keep"}, made=["change", "more"])
    record(workspace)
    assert recover(workspace, "p") == []
    assert content(swap.target) == NEW
    assert not swap.folder.exists()


def test_note_about_another_folder_changes_nothing(tmp_path):
    workspace, swap, old = begin(tmp_path)
    (swap.folder / "swap").write_text(f'[{old.stat().st_ino + 1}, ["keep"]]')
    assert recover(workspace, "p") == [KEY]
    assert content(swap.target) == OLD


def test_old_folder_that_became_the_new_one_leaves_nothing_to_undo(tmp_path):
    """As after the death of the process that made it: it had no time to settle."""
    workspace, swap, old = begin(tmp_path)
    (left,) = leftovers(workspace, "p")
    swap.carry_out(old, OLD, keep={"keep"}, made=["change", "more"])
    left.discard([KEY])
    assert not swap.folder.exists()
    assert content(tmp_path / KEY) == NEW


def test_interrupted_task_takes_no_old_file_with_it(tmp_path):
    workspace, swap, old = begin(tmp_path)
    swap.carry_out(old, OLD, keep={"keep"}, made=["change", "more"])
    Journal(workspace).withdraw(Node(luigi.Task(), Kind.OUTPUT, KEY, "p", ()))
    assert recover(workspace, "p") == [KEY]
    assert content(tmp_path / KEY) == OLD
