import os
import time
from pathlib import Path

import pytest
from luisy.fingerprints import Fingerprints
from luisy_protocol.digest import digest_bytes, digest_folder
from luisy_protocol.errors import NotFound

HOUR = 3_600_000_000_000


@pytest.fixture
def memory(tmp_path):
    return tmp_path / "memory" / "fingerprints"


def settle(path):
    """Let a file look as if it had been written an hour ago."""
    past = time.time_ns() - HOUR + 1
    os.utime(path, ns=(past, past))


def settled_file(path, content):
    path.write_bytes(content)
    settle(path)
    # The time of the last change of status cannot be set back: wait for its tick to be over.
    while time.time_ns() - path.stat().st_ctime_ns < 60_000_000:
        os.sched_yield()
    return str(path)


def forge(path, content):
    """Change a file's bytes so that nothing in its status tells, where that is possible."""
    status = Path(path).stat()
    with Path(path).open("r+b") as file:
        file.write(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def test_digest_is_that_of_the_content(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    assert Fingerprints(memory).of(path).content == digest_bytes(b"one")


def test_memory_answers_instead_of_the_file(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    first = Fingerprints(memory)
    first.of(path)
    first.save()
    told = digest_bytes(b"two").sha256
    memory.write_text(memory.read_text().replace(digest_bytes(b"one").sha256, told))
    assert Fingerprints(memory).of(path).content.sha256 == told


def test_changed_file_is_noticed_though_size_and_time_are_the_same(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    fingerprints = Fingerprints(memory)
    fingerprints.of(path)
    forge(path, b"two")
    assert fingerprints.of(path).content == digest_bytes(b"two")


def test_file_just_written_is_not_remembered(tmp_path, memory):
    path = tmp_path / "a"
    path.write_bytes(b"one")
    fingerprints = Fingerprints(memory)
    assert fingerprints.of(str(path)).content == digest_bytes(b"one")
    path.write_bytes(b"two")
    assert fingerprints.of(str(path)).content == digest_bytes(b"two")


def test_touched_but_equal_file_has_the_same_digest(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    fingerprints = Fingerprints(memory)
    before = fingerprints.of(path)
    os.utime(path)
    assert fingerprints.of(path) == before


def test_folder_is_that_of_its_files(tmp_path, memory):
    folder = tmp_path / "folder"
    (folder / "below").mkdir(parents=True)
    settled_file(folder / "a", b"one")
    settled_file(folder / "below" / "b", b"two")
    found = Fingerprints(memory).of(str(folder), is_folder=True)
    assert (found.content, dict(found.files)) == digest_folder(folder)


@pytest.mark.parametrize("is_folder", [True, False])
def test_output_of_the_wrong_kind_is_not_there(tmp_path, memory, is_folder):
    path = tmp_path / "x"
    path.write_bytes(b"") if is_folder else path.mkdir()
    assert Fingerprints(memory).of(str(path), is_folder=is_folder) is None


@pytest.mark.parametrize("content", [b"\xff\xfe", b"not json\n[1]\n[]\n", b'["x", 1, 2'], ids=str)
def test_broken_memory_is_no_memory(tmp_path, memory, content):
    path = settled_file(tmp_path / "a", b"one")
    memory.parent.mkdir()
    memory.write_bytes(content)
    assert Fingerprints(memory).of(path).content == digest_bytes(b"one")


def test_memory_that_is_mostly_outdated_is_written_anew(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    first = Fingerprints(memory)
    first.of(path)
    first.save()
    memory.write_text(memory.read_text() * 2000)
    other = settled_file(tmp_path / "b", b"two")
    second = Fingerprints(memory)
    second.of(other)
    second.save()
    assert len(memory.read_text().splitlines()) == 2


def test_memory_that_cannot_be_written_anew_is_left(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"one")
    first = Fingerprints(memory)
    first.of(path)
    first.save()
    memory.write_text(memory.read_text() * 2000)
    second = Fingerprints(memory)
    second.of(settled_file(tmp_path / "b", b"two"))
    memory.unlink()
    memory.mkdir()
    second.save()
    assert list(memory.parent.iterdir()) == [memory]


def test_digest_from_the_writer_is_trusted_as_long_as_the_file_has_its_status(tmp_path, memory):
    told = digest_bytes(b"told")
    path = settled_file(tmp_path / "a", b"read")
    fingerprints = Fingerprints(memory)
    fingerprints.trust(path, told)
    assert fingerprints.of(path).content == told
    fingerprints.save()
    assert Fingerprints(memory).of(path).content == told
    Path(path).write_bytes(b"else")
    assert Fingerprints(memory).of(path).content == digest_bytes(b"else")


def test_digest_from_the_writer_of_another_size_is_not_trusted(tmp_path, memory):
    path = settled_file(tmp_path / "a", b"read")
    fingerprints = Fingerprints(memory)
    fingerprints.trust(path, digest_bytes(b"longer"))
    assert fingerprints.of(path).content == digest_bytes(b"read")


def test_file_that_lies_elsewhere_is_known_by_its_path_and_status(tmp_path, memory):
    (tmp_path / "folder").mkdir()
    path = settled_file(tmp_path / "folder" / "a", b"read")
    fingerprints = Fingerprints(memory)
    fingerprints.trust(path, digest_bytes(b"told"))
    (tmp_path / "folder").rename(tmp_path / "aside")
    folder, at = str(tmp_path / "folder"), str(tmp_path / "aside")
    assert fingerprints.files(folder, at=at) == {"a": digest_bytes(b"told")}
    (tmp_path / "aside" / "a").write_bytes(b"else")
    assert fingerprints.files(folder, at=at) == {"a": digest_bytes(b"else")}
    with pytest.raises(NotFound):
        fingerprints.files(folder)


@pytest.mark.parametrize("change", ["rewrite", "replace", "add", "remove"])
def test_second_look_at_a_folder_sees_what_has_changed(tmp_path, memory, change):
    """A folder that is as it was costs little; one that is not must be noticed all the same."""
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in "abc":
        settled_file(folder / name, name.encode())
    fingerprints = Fingerprints(memory)
    first = fingerprints.of(str(folder), is_folder=True)
    assert fingerprints.of(str(folder), is_folder=True) is first
    status = (folder / "b").stat()
    if change == "rewrite":
        (folder / "b").write_bytes(b"B")
        os.utime(folder / "b", ns=(status.st_atime_ns, status.st_mtime_ns))
    elif change == "replace":
        (folder / "c").replace(folder / "b")
    elif change == "add":
        (folder / "d").write_bytes(b"d")
    else:
        (folder / "b").unlink()
    second = fingerprints.of(str(folder), is_folder=True)
    content, files = digest_folder(folder)
    assert (second.content, second.files) == (content, files)
    assert second.content != first.content
