"""What is in a dataset's folder: digests, the memory of them, databases."""

import hashlib
import os
import sqlite3

import pytest
from luisy_protocol.errors import LuisyError
from minus80.snapshot import Memory, backup, fetched, lasting, snapshot

LONG_AGO = 1_600_000_000_000_000_000


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    return folder


@pytest.fixture
def look(folder, tmp_path):
    def look():
        memory = Memory(tmp_path / "memory.json")
        with snapshot(folder, memory, scratch=tmp_path / "scratch") as sources:
            memory.note(sources)
            return {source.path: source for source in sources}

    return look


def digest(content):
    return hashlib.sha256(content).hexdigest()


def test_files_have_their_digest_and_size(folder, look):
    (folder / "small").write_bytes(b"small")
    (folder / "large").write_bytes(b"large" * 50_000)
    (folder / "below").mkdir()
    (folder / "below" / "empty").write_bytes(b"")
    found = look()
    assert list(found) == ["below/empty", "large", "small"]
    assert found["small"].sha256 == digest(b"small")
    assert (found["large"].sha256, found["large"].size) == (digest(b"large" * 50_000), 250_000)


def test_file_that_did_not_change_is_not_read_again(folder, look, tmp_path, monkeypatch):
    path = folder / "file"
    path.write_bytes(b"content")
    look()
    # The time of change cannot be set back, so the memory is told of one of long ago.
    memory = tmp_path / "memory.json"
    status = path.stat()
    stamp = [status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino]
    remembered = "f" * 64
    memory.write_text(f'{{"version":1,"files":{{"file":[{stamp},"{remembered}",7,false]}}}}')
    assert look()["file"].sha256 == remembered
    path.write_bytes(b"longer now")  # in the same tick of the clock the size alone tells
    assert look()["file"].sha256 == digest(b"longer now")


NOW = 1_700_000_000_123_456_789
SECOND = 1_000_000_000


@pytest.mark.parametrize(
    ("modified", "changed", "lasts"),
    [
        (NOW - SECOND // 20, NOW - SECOND // 20, False),
        (NOW + SECOND // 20, NOW + SECOND // 20, False),
        (NOW - 90 * SECOND, NOW - SECOND // 20, False),
        (NOW - SECOND // 5, NOW - SECOND // 5, True),
        (NOW // SECOND * SECOND - SECOND, NOW // SECOND * SECOND - SECOND, False),
        (NOW // SECOND * SECOND - 2 * SECOND, NOW // SECOND * SECOND - 2 * SECOND, True),
    ],
    ids=["just-now", "ahead", "set-back", "a-moment-ago", "whole-seconds", "older-seconds"],
)
def test_stamp_lasts_when_the_next_change_must_show(modified, changed, lasts):
    stamp = (7, modified, changed, 42)
    assert lasting(stamp, now=NOW) == (stamp if lasts else ())


def test_fetched_file_is_known_where_its_folder_goes_until_it_changes(folder, look, tmp_path):
    stage, remembered = tmp_path / "stage", "f" * 64
    stage.mkdir()
    (stage / "file").write_bytes(b"content")
    later = (stage / "file").stat().st_mtime_ns + 3 * SECOND
    source = fetched(stage, "file", remembered, is_database=False, now=later)
    folder.rmdir()
    stage.rename(folder)
    Memory(tmp_path / "memory.json").note([source])
    assert look()["file"].sha256 == remembered
    (folder / "file").write_bytes(b"longer now")
    assert look()["file"].sha256 == digest(b"longer now")


def test_fetched_file_that_was_just_written_is_read_again(folder):
    (folder / "file").write_bytes(b"content")
    now = (folder / "file").stat().st_mtime_ns
    assert fetched(folder, "file", "f" * 64, is_database=False, now=now).stamp == ()


def test_time_that_is_set_back_does_not_hide_a_change(folder, look):
    path = folder / "file"
    path.write_bytes(b"one")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    look()
    path.write_bytes(b"two")
    os.utime(path, ns=(LONG_AGO, LONG_AGO))
    assert look()["file"].sha256 == digest(b"two")


@pytest.mark.parametrize("damage", ["", "[]", "{", '{"version":1,"files":{"file":7}}', "\x00"])
def test_damaged_memory_only_costs_time(folder, look, tmp_path, damage):
    (folder / "file").write_bytes(b"content")
    (tmp_path / "memory.json").write_text(damage)
    assert look()["file"].sha256 == digest(b"content")


def test_database_counts_as_its_backup_and_leaves_its_company_out(folder, look):
    live = sqlite3.connect(folder / "data.db")
    live.execute("PRAGMA journal_mode = wal")
    live.execute("CREATE TABLE t (x)")
    live.commit()
    assert (folder / "data.db-wal").exists()
    first = look()
    assert list(first) == ["data.db"]
    live.execute("INSERT INTO t VALUES (1)")
    live.commit()
    assert look()["data.db"].sha256 != first["data.db"].sha256
    live.close()


def test_file_that_only_looks_like_company_is_kept(folder, look):
    (folder / "notes").write_text("x")
    (folder / "notes-wal").write_text("y")
    assert list(look()) == ["notes", "notes-wal"]


def test_backup_of_a_damaged_database_is_one_sentence(folder, tmp_path):
    path = folder / "data.db"
    path.write_bytes(b"SQLite format 3\0" + b"damaged" * 100)
    with pytest.raises(LuisyError, match=r"cannot back up the database .*data\.db"):
        backup(path, tmp_path / "copy")
