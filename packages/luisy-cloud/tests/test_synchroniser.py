from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from luisy_cloud import StoreSynchroniser
from luisy_protocol import open_store
from luisy_protocol.errors import (
    IntegrityError,
    LuisyError,
    NotFound,
    NotSupported,
    TransferFailed,
    Unavailable,
)
from luisy_protocol.progress import Silent
from luisy_protocol.record import Record
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.sync import Arrived
from luisy_protocol.testing import FaultyStore, MemoryStore


class Progress:
    def __init__(self):
        self.titles, self.files, self.size, self.moved, self.keys, self.ended = [], 0, 0, 0, [], 0

    def begin(self, title, *, files, size):
        self.titles.append(title)
        self.files, self.size = files, size

    def advance(self, size):
        self.moved += size

    def done(self, key):
        self.keys.append(key)

    def end(self):
        self.ended += 1


def upload(store, working_dir: Path, *records: Record, progress=None) -> list[str]:
    stored: list[Record] = []
    synchroniser = StoreSynchroniser(store, working_dir)
    synchroniser.look(["p"])
    synchroniser.upload(records, progress=progress or Silent(), stored=stored.append)
    return [record.key for record in stored]


def download(store, working_dir: Path, *keys: str, progress=None) -> dict[str, Arrived]:
    arrived: list[Arrived] = []
    synchroniser = StoreSynchroniser(store, working_dir)
    found = synchroniser.look(["p"])
    wanted = [found[key] if key in found else synchroniser.folder(key) for key in keys]
    synchroniser.download(wanted, progress=progress or Silent(), arrived=arrived.append)
    return {output.key: output for output in arrived}


def sent_keys(store, working_dir: Path, *records: Record) -> list[str]:
    moved: list[str] = []

    def before(operation, key):
        if operation == "upload":
            moved.append(key)

    upload(FaultyStore(store, before=before), working_dir, *records)
    return sorted(moved)


def fetched_keys(store, working_dir: Path, *keys: str) -> list[str]:
    moved: list[str] = []

    def before(operation, key):
        if operation == "download":
            moved.append(key)

    download(FaultyStore(store, before=before), working_dir, *keys)
    return sorted(moved)


class WithoutNotes:
    """A store in which the objects of some keys have no digest noted."""

    def __init__(self, store, keys):
        self._store, self._keys = store, keys

    def __getattr__(self, name):
        return getattr(self._store, name)

    def list(self, prefix=""):
        for info in self._store.list(prefix):
            yield replace(info, sha256=None) if info.key in self._keys else info


def store_keys(store) -> set[str]:
    return {info.key for info in store.list()}


def remaining(folder: Path) -> list[str]:
    return sorted(p.relative_to(folder).as_posix() for p in folder.rglob("*") if p.is_file())


def test_outputs_when_uploaded_are_found_and_downloaded_by_another(store, tmp_path, make_output):
    file = make_output(tmp_path / "a", "p/final/x.csv", b"one\n")
    folder = make_output(tmp_path / "a", "p/interim/d", {"1": b"1", "sub/2": b"22"})
    assert set(upload(store, tmp_path / "a", file, folder)) == {file.key, folder.key}

    arrived = download(store, tmp_path / "b", file.key, folder.key)
    assert (tmp_path / "b/p/final/x.csv").read_bytes() == b"one\n"
    assert (tmp_path / "b/p/interim/d/sub/2").read_bytes() == b"22"
    assert arrived[file.key].record == file
    assert arrived[file.key].files is None
    assert arrived[folder.key].content.sha256 == folder.sha256
    assert arrived[folder.key].files == folder.files
    assert remaining(tmp_path / "b") == ["p/final/x.csv", "p/interim/d/1", "p/interim/d/sub/2"]


def test_look_when_store_is_empty_finds_nothing(store, tmp_path):
    assert StoreSynchroniser(store, tmp_path).look(["p"]) == {}


def test_look_asks_for_one_listing_and_one_read_of_records(tmp_path, make_output):
    store = MemoryStore()
    upload(store, tmp_path, make_output(tmp_path, "p/raw/a", b"1"))
    store.requests.clear()
    StoreSynchroniser(store, tmp_path).look(["p"])
    assert store.requests == Counter(list=1, read=1)


def test_look_when_objects_have_no_record_shows_each_as_an_output(store, tmp_path):
    store.write("p/raw/file_a.csv", b"1,2")
    store.write("p/raw/d/1", b"1")
    store.write("p/raw/d/2", b"22")
    store.write("q/raw/other", b"")
    synchroniser = StoreSynchroniser(store, tmp_path)
    found = synchroniser.look(["p"])
    assert sorted(found) == ["p/raw/d/1", "p/raw/d/2", "p/raw/file_a.csv"]
    assert found["p/raw/file_a.csv"].record is None
    assert found["p/raw/file_a.csv"].is_complete
    folder = synchroniser.folder("p/raw/d")
    assert folder is not None
    assert folder.files == {"p/raw/d/1": 1, "p/raw/d/2": 2}
    assert synchroniser.folder("p/raw/file_a.csv") is None
    assert synchroniser.folder("p/ra") is None


def test_unrecorded_folder_when_downloaded_arrives_whole(store, tmp_path):
    store.write("p/raw/d/1", b"1")
    store.write("p/raw/d/s/2", b"22")
    arrived = download(store, tmp_path / "b", "p/raw/d")
    assert remaining(tmp_path / "b") == ["p/raw/d/1", "p/raw/d/s/2"]
    assert arrived["p/raw/d"].record is None
    assert set(arrived["p/raw/d"].files) == {"1", "s/2"}


def test_look_when_a_recorded_object_is_gone_does_not_show_it(store, tmp_path, make_output):
    record = make_output(tmp_path, "p/final/x", b"1")
    upload(store, tmp_path, record)
    store.delete(record.key)
    assert StoreSynchroniser(store, tmp_path).look(["p"]) == {}


@pytest.mark.parametrize("change", ["delete", "shorten"])
def test_look_when_a_file_of_a_folder_differs_says_incomplete(store, tmp_path, make_output, change):
    record = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"22"})
    upload(store, tmp_path, record)
    store.delete("p/final/d/2") if change == "delete" else store.write("p/final/d/2", b"2")
    assert not StoreSynchroniser(store, tmp_path).look(["p"])["p/final/d"].is_complete


def test_look_when_an_external_object_was_replaced_takes_it_as_unrecorded(
    store, tmp_path, make_output
):
    record = make_output(tmp_path, "p/raw/a", b"1", hash="")
    upload(store, tmp_path, record)
    store.write("p/raw/a", b"newer")
    output = StoreSynchroniser(store, tmp_path).look(["p"])["p/raw/a"]
    assert output.record is None
    assert output.is_complete
    assert output.is_replaced


def test_look_when_an_external_object_lost_its_note_takes_it_as_replaced(tmp_path, make_output):
    store = MemoryStore()
    record = make_output(tmp_path, "p/raw/a", b"1", hash="")
    upload(store, tmp_path, record, make_output(tmp_path, "p/raw/b", b"1", hash=""))
    forgetful = WithoutNotes(store, {"p/raw/a"})
    found = StoreSynchroniser(forgetful, tmp_path).look(["p"])
    assert (found["p/raw/a"].is_replaced, found["p/raw/b"].is_replaced) == (True, False)
    assert sent_keys(forgetful, tmp_path, record) == ["p/raw/a"]
    found = StoreSynchroniser(WithoutNotes(store, store_keys(store)), tmp_path).look(["p"])
    assert not found["p/raw/a"].is_replaced


def test_look_when_records_are_corrupt_warns_and_trusts_nothing(store, tmp_path, caplog):
    store.write("p/.luisy.hash", b'{"format":"luisy-records","version":2}\nnonsense\n{}\n')
    store.write("p/raw/a", b"1")
    found = StoreSynchroniser(store, tmp_path).look(["p"])
    assert found["p/raw/a"].record is None
    assert "p/.luisy.hash" in caplog.text


def test_upload_when_nothing_differs_sends_nothing(tmp_path, make_output):
    store = MemoryStore()
    records = [make_output(tmp_path, f"p/final/{n}", b"x" * n) for n in range(10)]
    upload(store, tmp_path, *records)
    store.requests.clear()
    assert len(upload(store, tmp_path, *records)) == 10
    assert store.requests == Counter(list=1, read=1)


def test_upload_of_many_outputs_merges_their_records_once(tmp_path, make_output):
    store = MemoryStore()
    records = [make_output(tmp_path, f"p/final/{n}", b"x" * n) for n in range(50)]
    upload(store, tmp_path, *records)
    assert store.requests["upload"] == 50
    assert store.requests["write"] == 1


def test_upload_when_only_the_hash_changed_writes_only_the_record(store, tmp_path, make_output):
    record = make_output(tmp_path, "p/final/x", b"1")
    upload(store, tmp_path, record)
    newer = replace(record, hash="b" * 64)
    assert sent_keys(store, tmp_path, newer) == []
    assert StoreRecords(store, "p").read().records[record.key].hash == "b" * 64


def test_upload_of_a_folder_sends_the_changed_files_and_removes_the_old_ones(
    store, tmp_path, make_output
):
    first = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"2", "3": b"3"})
    upload(store, tmp_path, first)
    (tmp_path / "p/final/d/3").unlink()
    second = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"two", "4": b"4"})
    assert sent_keys(store, tmp_path, second) == ["p/final/d/2", "p/final/d/4"]
    assert [info.key for info in store.list("p/final/")] == [
        "p/final/d/1",
        "p/final/d/2",
        "p/final/d/4",
    ]


@pytest.mark.parametrize(
    ("old", "new"), [(b"1", {"1": b"1"}), ({"1": b"1"}, b"1")], ids=["to folder", "to file"]
)
def test_upload_of_a_folder_that_was_a_file_replaces_it(tmp_path, make_output, old, new):
    store = MemoryStore()
    upload(store, tmp_path / "a", make_output(tmp_path / "a", "p/final/x", old))
    newer = make_output(tmp_path / "b", "p/final/x", new)
    upload(store, tmp_path / "b", newer)
    assert StoreSynchroniser(store, tmp_path).look(["p"])["p/final/x"].record == newer
    assert len(store_keys(store) - {"p/.luisy.hash"}) == 1


def test_upload_of_an_external_folder_removes_no_file_that_somebody_else_put_there(
    store, tmp_path, make_output
):
    theirs = make_output(tmp_path / "a", "p/raw/d", {"1": b"1", "2": b"2"}, hash="")
    upload(store, tmp_path / "a", theirs)
    mine = make_output(tmp_path / "b", "p/raw/d", {"1": b"1"}, hash="")
    upload(store, tmp_path / "b", mine)
    assert store.read("p/raw/d/2")[0] == b"2"
    output = StoreSynchroniser(store, tmp_path).look(["p"])["p/raw/d"]
    assert (output.record, output.is_complete) == (mine, True)


def test_to_send_tells_what_upload_would_send(store, tmp_path, make_output):
    sent = make_output(tmp_path, "p/final/x", b"1")
    folder = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"22"})
    upload(store, tmp_path, sent)
    synchroniser = StoreSynchroniser(store, tmp_path)
    synchroniser.look(["p"])
    assert synchroniser.to_send([sent, folder]) == (2, 3)


def test_upload_when_a_file_changed_since_its_record_fails_alone(store, tmp_path, make_output):
    good = make_output(tmp_path, "p/final/good", b"1")
    bad = make_output(tmp_path, "p/final/bad", b"22")
    (tmp_path / bad.key).write_bytes(b"33")
    with pytest.raises(TransferFailed) as raised:
        upload(store, tmp_path, good, bad)
    assert isinstance(raised.value.failures[bad.key], IntegrityError)
    assert set(StoreRecords(store, "p").read().records) == {good.key}
    assert [info.key for info in store.list("p/final/")] == [good.key]


def test_upload_when_one_file_of_a_folder_fails_records_nothing_of_it(tmp_path, make_output):
    behind = MemoryStore()

    def before(operation, key):
        if (operation, key) == ("upload", "p/final/d/2"):
            raise Unavailable("the line is cut")

    record = make_output(tmp_path, "p/final/d", {"1": b"1", "2": b"22"})
    with pytest.raises(TransferFailed) as raised:
        upload(FaultyStore(behind, before=before), tmp_path, record)
    assert set(raised.value.failures) == {"p/final/d"}
    assert StoreRecords(behind, "p").read().records == {}
    assert sent_keys(behind, tmp_path, record) == ["p/final/d/2"]


def test_upload_when_interrupted_records_what_is_done_and_resumes(tmp_path, make_output):
    behind = MemoryStore()
    records = [make_output(tmp_path, f"p/final/{n:02}", b"x" * n) for n in range(40)]
    started = Counter[str]()

    def before(operation, key):
        started[operation] += 1
        if operation == "upload" and started[operation] == 30:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        upload(FaultyStore(behind, before=before), tmp_path, *records)
    done = {info.key for info in behind.list("p/final/")}
    recorded = set(StoreRecords(behind, "p").read().records)
    assert recorded
    assert recorded <= done
    again = sent_keys(behind, tmp_path, *records)
    assert set(again) == {record.key for record in records} - done


def test_upload_when_the_records_cannot_be_merged_reports_each_output(tmp_path, make_output):
    behind = MemoryStore()

    def before(operation, key):
        if operation == "write":
            raise Unavailable("the line is cut")

    record = make_output(tmp_path, "p/final/x", b"1")
    with pytest.raises(TransferFailed) as raised:
        upload(FaultyStore(behind, before=before), tmp_path, record)
    assert isinstance(raised.value.failures[record.key], Unavailable)
    assert sent_keys(behind, tmp_path, record) == []
    assert set(StoreRecords(behind, "p").read().records) == {record.key}


def test_upload_to_a_store_without_conditions_is_refused_before_anything_is_sent(
    tmp_path, make_output
):
    store = MemoryStore(has_compare_and_swap=False)
    with pytest.raises(NotSupported):
        upload(store, tmp_path, make_output(tmp_path, "p/final/x", b"1"))
    assert store.requests["upload"] == 0


def test_uploads_at_once_keep_the_records_of_both(store, tmp_path, make_output):
    mine = make_output(tmp_path, "p/final/mine", b"1")
    theirs = make_output(tmp_path, "p/final/theirs", b"2")
    first = True

    def before(operation, key):
        nonlocal first
        if operation == "write" and first:
            first = False
            upload(store, tmp_path, theirs)

    upload(FaultyStore(store, before=before), tmp_path, mine)
    assert set(StoreRecords(store, "p").read().records) == {mine.key, theirs.key}


def test_download_when_the_content_is_damaged_leaves_nothing(store, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    folder = make_output(tmp_path / "a", "p/final/d", {"1": b"1", "2": b"22"})
    upload(store, tmp_path / "a", record, folder)
    damaged = FaultyStore(store, damaged=["p/final/x", "p/final/d/2"])
    with pytest.raises(TransferFailed) as raised:
        download(damaged, tmp_path / "b", record.key, folder.key)
    assert {type(error) for error in raised.value.failures.values()} == {IntegrityError}
    assert set(raised.value.failures) == {record.key, folder.key}
    assert not (tmp_path / "b" / record.key).exists()
    assert not (tmp_path / "b" / folder.key).exists()


@pytest.mark.parametrize("content", [b"2", {"1": b"2", "2": b"22"}], ids=["file", "folder"])
def test_download_of_an_external_output_that_was_replaced_takes_what_is_there(
    tmp_path, make_output, content
):
    (tmp_path / "store").mkdir()
    store = open_store((tmp_path / "store").as_uri())  # which keeps no notes: the sizes are equal
    old = b"1" if isinstance(content, bytes) else {"1": b"1", "2": b"22"}
    record = make_output(tmp_path / "a", "p/raw/x", old, hash="")
    upload(store, tmp_path / "a", record)
    newer = make_output(tmp_path / "store", "p/raw/x", content, hash="")
    arrived = download(store, tmp_path / "b", "p/raw/x")["p/raw/x"]
    assert (arrived.record, arrived.content.sha256) == (None, newer.sha256)


def test_download_when_an_object_vanished_after_the_listing_is_not_found(
    store, tmp_path, make_output
):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    other = make_output(tmp_path / "a", "p/final/y", b"2")
    upload(store, tmp_path / "a", record, other)

    def before(operation, key):
        if (operation, key) == ("download", record.key):
            store.delete(key)

    with pytest.raises(TransferFailed) as raised:
        download(FaultyStore(store, before=before), tmp_path / "b", record.key, other.key)
    assert isinstance(raised.value.failures[record.key], NotFound)
    assert remaining(tmp_path / "b") == ["p/final/y"]


def test_download_of_a_folder_fetches_only_what_differs(store, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/d", {"1": b"1", "2": b"22", "s/3": b"333"})
    upload(store, tmp_path / "a", record)
    make_output(tmp_path / "b", "p/final/d", {"1": b"1", "2": b"!!", "old": b"0"})
    assert fetched_keys(store, tmp_path / "b", record.key) == ["p/final/d/2", "p/final/d/s/3"]
    assert remaining(tmp_path / "b/p/final") == ["d/1", "d/2", "d/s/3"]


def test_download_of_a_folder_when_interrupted_does_not_repeat_what_arrived(
    store, tmp_path, make_output
):
    record = make_output(tmp_path / "a", "p/final/d", {f"{n:02}": b"x" * n for n in range(30)})
    upload(store, tmp_path / "a", record)
    asked = Counter[str]()

    def before(operation, key):
        asked[operation] += 1
        if operation == "download" and asked[operation] > 20:
            raise Unavailable("the line is cut")

    with pytest.raises(TransferFailed):
        download(FaultyStore(store, before=before), tmp_path / "b", record.key)
    assert not (tmp_path / "b" / record.key).exists()
    assert len(fetched_keys(store, tmp_path / "b", record.key)) == 10
    assert len(list((tmp_path / "b" / record.key).iterdir())) == 30


def test_download_of_a_folder_when_interrupted_keeps_the_old_one(store, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/d", {"1": b"new", "2": b"new2"})
    upload(store, tmp_path / "a", record)
    make_output(tmp_path / "b", "p/final/d", {"1": b"old"})
    with pytest.raises(TransferFailed):
        download(FaultyStore(store, damaged=["p/final/d/2"]), tmp_path / "b", record.key)
    assert (tmp_path / "b/p/final/d/1").read_bytes() == b"old"
    assert not (tmp_path / "b/p/final/d/2").exists()


def test_empty_folder_goes_there_and_back(store, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/d", {})
    upload(store, tmp_path / "a", record)
    assert list(download(store, tmp_path / "b", record.key)) == [record.key]
    assert (tmp_path / "b/p/final/d").is_dir()


def test_download_when_the_working_directory_is_a_link_out_is_refused(store, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    upload(store, tmp_path / "a", record)
    (tmp_path / "b").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "b/p").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(TransferFailed):
        download(store, tmp_path / "b", record.key)
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_progress_sums_up_to_what_was_announced(store, tmp_path, make_output):
    file = make_output(tmp_path / "a", "p/final/x", b"1" * 1000)
    folder = make_output(tmp_path / "a", "p/final/d", {"1": b"1", "2": b"22"})
    up, down = Progress(), Progress()
    upload(store, tmp_path / "a", file, folder, progress=up)
    make_output(tmp_path / "b", "p/final/d", {"1": b"1"})
    download(store, tmp_path / "b", file.key, folder.key, progress=down)
    for progress in (up, down):
        assert progress.moved == progress.size == 1003
        assert len(progress.keys) == progress.files == 3
        assert progress.ended == 1


def test_upload_after_another_one_removed_the_object_sends_it_again(store, tmp_path, make_output):
    record = make_output(tmp_path, "p/final/x", b"1")
    upload(store, tmp_path, record)
    store.delete(record.key)
    assert sent_keys(store, tmp_path, record) == [record.key]


def test_upload_sends_what_changed_in_the_store_since_the_look(store, tmp_path, make_output):
    kept = make_output(tmp_path, "p/final/kept", b"1")
    upload(store, tmp_path, kept)
    synchroniser = StoreSynchroniser(store, tmp_path)
    synchroniser.look(["p"])
    store.delete(kept.key)
    newer = replace(kept, hash="c" * 64)
    synchroniser.upload([newer], progress=Silent(), stored=lambda _: None)
    assert store.stat(kept.key).size == 1


def test_download_of_an_orphan_checks_the_digest_that_its_writer_noted(tmp_path):
    store = MemoryStore()
    source = tmp_path / "source"
    source.write_bytes(b"1")
    store.upload(source, "p/raw/a", sha256=hashlib.sha256(b"1").hexdigest())
    with pytest.raises(TransferFailed) as raised:
        download(FaultyStore(store, damaged=["p/raw/a"]), tmp_path / "b", "p/raw/a")
    assert all(isinstance(error, LuisyError) for error in raised.value.failures.values())
