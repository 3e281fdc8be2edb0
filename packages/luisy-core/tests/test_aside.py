import hashlib
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from luisy.aside import Aside, leftovers, outdated, recover
from luisy.workspace import Workspace
from luisy_protocol.errors import LuisyError
from luisy_protocol.record import Record

KEYS = ["p/interim/a.csv", "p/final/sub/b.csv"]


@pytest.fixture
def workspace(tmp_path):
    for key in KEYS:
        (tmp_path / key).parent.mkdir(parents=True)
        (tmp_path / key).write_text(key)
    return Workspace(tmp_path)


def exist(workspace):
    return [key for key in KEYS if (workspace.folder / key).exists()]


def test_outputs_are_gone_and_come_back(workspace):
    aside = Aside(workspace)
    aside.put([*KEYS, "p/final/never_there.csv"])
    assert exist(workspace) == []
    assert aside.restore() == KEYS
    assert exist(workspace) == KEYS
    assert (workspace.folder / KEYS[0]).read_text() == KEYS[0]
    assert not (workspace.folder / "p/.luisy/aside").exists()


def test_outputs_stay_where_they_are_when_their_keys_find_no_room(workspace, largest_file):
    with largest_file(5), pytest.raises(LuisyError, match=r"cannot write .*/\.luisy/aside/"):
        Aside(workspace).put(KEYS)
    assert exist(workspace) == KEYS
    assert not (workspace.folder / "p/.luisy/aside").exists()


@pytest.fixture
def other_disk(tmp_path):
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other disk here")
    with TemporaryDirectory(dir=memory) as folder:
        yield Path(folder)


def test_folder_on_another_disk_for_which_there_is_no_room_stays(
    tmp_path, other_disk, largest_file
):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/final").symlink_to(other_disk)
    (other_disk / "out").mkdir()
    for name in ("a", "b"):
        (other_disk / "out" / name).write_text(name * 1_000)
    aside = Aside(Workspace(tmp_path))
    place = tmp_path / "p/final/out"
    with (
        largest_file(500),
        pytest.raises(LuisyError, match=f"^cannot copy {place}/[ab] to ") as told,
    ):
        aside.put(["p/final/out"])
    assert str(told.value).count("larger than allowed") == 1
    assert aside.restore() == []
    assert sorted(path.name for path in place.iterdir()) == ["a", "b"]
    assert not (tmp_path / "p/.luisy/aside").exists()


@pytest.mark.parametrize("name", ["out", "out/a"], ids=["file", "folder"])
def test_output_for_which_there_is_no_room_on_its_disk_stays_aside(
    tmp_path, other_disk, largest_file, name
):
    (tmp_path / "p").mkdir()
    (tmp_path / "p/final").symlink_to(other_disk)
    (other_disk / name).parent.mkdir(exist_ok=True)
    (other_disk / name).write_text("a" * 1_000)
    aside = Aside(Workspace(tmp_path))
    aside.put(["p/final/out"])
    with largest_file(500), pytest.raises(LuisyError, match=r"^cannot .* larger than allowed"):
        aside.restore()
    assert list(other_disk.iterdir()) == []
    assert aside.restore() == ["p/final/out"]
    assert (other_disk / name).read_text() == "a" * 1_000


def test_what_another_run_has_set_aside_stays(workspace):
    first, second = Aside(workspace), Aside(workspace)
    first.put(KEYS[:1])
    second.put(KEYS[1:])
    assert first.restore() == KEYS[:1]
    assert second.restore() == KEYS[1:]
    assert not (workspace.folder / "p/.luisy/aside").exists()


def test_run_that_was_killed_before_it_set_anything_aside_left_nothing(workspace):
    (workspace.folder / "p/.luisy/aside/20200101T000000-0").mkdir(parents=True)
    assert list(leftovers(workspace, "p")) == []


def test_replaced_output_is_removed(workspace):
    aside = Aside(workspace)
    aside.put(KEYS)
    (workspace.folder / KEYS[0]).write_text("new")
    aside.discard([KEYS[0]])
    assert aside.keys == (KEYS[1],)
    aside.restore()
    assert (workspace.folder / KEYS[0]).read_text() == "new"
    assert not (workspace.folder / "p/.luisy/aside").exists()


def test_restoring_does_not_overwrite_what_took_the_place(workspace):
    aside = Aside(workspace)
    aside.put(KEYS)
    (workspace.folder / KEYS[0]).write_text("new")
    assert aside.restore() == [KEYS[1]]
    assert (workspace.folder / KEYS[0]).read_text() == "new"


def test_what_a_killed_run_left_is_found_and_restored(workspace):
    Aside(workspace).put(KEYS)
    (left,) = leftovers(workspace, "p")
    assert left.restore() == KEYS
    assert exist(workspace) == KEYS
    assert list(leftovers(workspace, "p")) == []


def test_folder_is_set_aside_as_one(workspace):
    folder = workspace.folder / "p/raw/images"
    folder.mkdir(parents=True)
    (folder / "1.png").write_text("old")
    Aside(workspace).put(["p/raw/images"])
    folder.mkdir()
    (folder / "2.png").write_text("new")
    (left,) = leftovers(workspace, "p")
    assert left.restore() == []
    assert [path.name for path in folder.iterdir()] == ["2.png"]


def test_recorded_output_replaces_what_a_killed_task_left(workspace):
    digest = hashlib.sha256(KEYS[0].encode()).hexdigest()
    workspace.records("p").append([Record(key=KEYS[0], hash="", sha256=digest, size=len(KEYS[0]))])
    Aside(workspace).put(KEYS)
    for key in KEYS:
        (workspace.folder / key).write_text("half")
    assert recover(workspace, "p") == [KEYS[0]]
    assert (workspace.folder / KEYS[0]).read_text() == KEYS[0]
    assert (workspace.folder / KEYS[1]).read_text() == "half"


def test_what_a_person_changed_survives_a_kill_before_the_record(workspace):
    path = workspace.folder / KEYS[0]
    digest = hashlib.sha256(b"made").hexdigest()
    workspace.records("p").append([Record(key=KEYS[0], hash="", sha256=digest, size=4)])
    path.write_text("changed by hand")
    Aside(workspace).put(KEYS[:1])
    path.write_text("made anew")
    assert recover(workspace, "p") == []
    assert path.read_text() == "made anew"
    assert outdated(workspace, KEYS[0]).read_text() == "changed by hand"

    digest = hashlib.sha256(b"made anew").hexdigest()
    workspace.records("p").append([Record(key=KEYS[0], hash="", sha256=digest, size=9)])
    assert recover(workspace, "p") == []
    assert path.read_text() == "made anew"
    assert outdated(workspace, KEYS[0]) is None


def test_half_an_output_of_a_run_that_goes_on_makes_room_for_what_a_person_changed(workspace):
    """The run itself knows that nobody else made it."""
    path = workspace.folder / KEYS[0]
    path.write_text("changed by hand")
    aside = Aside(workspace)
    aside.put(KEYS[:1])
    path.write_text("half")
    assert aside.settle(KEYS, {}, workspace.fingerprints("p")) == KEYS[:1]
    assert path.read_text() == "changed by hand"
    assert list(leftovers(workspace, "p")) == []


def test_list_of_keys_that_was_torn_within_a_letter_is_read(workspace):
    Aside(workspace).put(KEYS)
    (run,) = (workspace.folder / "p/.luisy/aside").iterdir()
    (run / "keys").write_bytes((run / "keys").read_bytes() + "p/interim/\u00e4".encode()[:-1])
    assert recover(workspace, "p") == KEYS


def test_outdated_tells_where_an_output_lies(workspace):
    assert outdated(workspace, KEYS[0]) is None
    aside = Aside(workspace)
    aside.put(KEYS[:1])
    assert outdated(workspace, KEYS[0]).read_text() == KEYS[0]
    assert outdated(workspace, KEYS[1]) is None
    aside.restore()
    assert outdated(workspace, KEYS[0]) is None
