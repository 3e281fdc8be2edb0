from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from luisy_cloud import StoreSynchroniser
from luisy_cloud.garbage import find_garbage, is_raw, remove_garbage
from luisy_cloud.inventory import take_whole_inventory
from luisy_protocol.progress import Silent
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.testing import FaultyStore

LATER = datetime.now(UTC) + timedelta(days=2)


@pytest.fixture
def filled(store, tmp_path, make_output):
    """A store with recorded outputs, raw files, and things that nobody claims."""
    records = [
        make_output(tmp_path, "p/raw/input", b"1", hash=""),
        make_output(tmp_path, "p/final/made", b"2"),
        make_output(tmp_path, "p/final/d", {"1": b"1"}),
        make_output(tmp_path, "q/final/other", b"3"),
    ]
    synchroniser = StoreSynchroniser(store, tmp_path)
    synchroniser.upload(records, progress=Silent(), stored=lambda _: None)
    store.write("p/raw/unrecorded", b"4")
    store.write("p/interim/stray", b"5")
    store.write("p/final/d/leftover", b"6")
    return store


def keys(found) -> list[str]:
    return [garbage.key for garbage in found]


def test_what_has_no_record_is_garbage_but_not_raw_files(filled):
    found = find_garbage(take_whole_inventory(filled), now=LATER)
    assert keys(found) == ["p/final/d/leftover", "p/interim/stray"]


def test_raw_files_are_garbage_when_asked_for(filled):
    found = find_garbage(take_whole_inventory(filled), now=LATER, include_raw=True)
    assert keys(found) == ["p/final/d/leftover", "p/interim/stray", "p/raw/unrecorded"]


def test_what_no_current_task_makes_is_garbage(filled):
    inventory = take_whole_inventory(filled)
    found = find_garbage(inventory, now=LATER, claimed={"p/final/made", "p/interim/stray"})
    assert keys(found) == ["p/final/d", "p/final/d/leftover", "q/final/other"]


def test_what_is_young_may_be_on_its_way(filled):
    assert find_garbage(take_whole_inventory(filled)) == []


def test_removing_forgets_and_deletes_and_a_second_time_finds_nothing(filled, tmp_path: Path):
    inventory = take_whole_inventory(filled)
    found = find_garbage(inventory, now=LATER, claimed={"p/final/made"})
    assert keys(remove_garbage(filled, found)) == keys(found)
    left = take_whole_inventory(filled)
    assert set(left.objects) == {"p/raw/input", "p/raw/unrecorded", "p/final/made"}
    assert set(StoreRecords(filled, "p").read().records) == {"p/raw/input", "p/final/made"}
    assert find_garbage(left, now=LATER, claimed={"p/final/made"}) == []


@pytest.mark.parametrize("when", ["write", "delete"])
def test_what_is_uploaded_anew_during_the_removal_stays(filled, tmp_path, make_output, when):
    found = find_garbage(take_whole_inventory(filled), now=LATER, claimed=set())
    newer = []

    def before(operation, key):
        if operation == when and not newer:  # the records are written, then objects are deleted
            newer.append(make_output(tmp_path, "p/final/made", b"newer"))
            StoreSynchroniser(filled, tmp_path).upload(
                newer, progress=Silent(), stored=lambda _: None
            )

    gone = keys(remove_garbage(FaultyStore(filled, before=before), found))
    left = take_whole_inventory(filled)
    assert set(left.objects) == {"p/raw/input", "p/raw/unrecorded", "p/final/made"}
    assert left.records["p/final/made"] == newer[0]
    assert {"p/final/d", "q/final/other"} <= set(gone)


def test_nothing_of_a_project_whose_records_cannot_be_read_is_garbage(filled):
    filled.write("p/.luisy.hash", b"nonsense")
    found = find_garbage(take_whole_inventory(filled), now=LATER, claimed=set(), include_raw=True)
    assert keys(found) == ["q/final/other"]


def test_what_luisy_1_4_noted_is_no_garbage(store):
    noted = {"/p/final/x.pkl": "0" * 32, "/p/final/table.parquet": "0" * 32}
    store.write("p/.luisy.hash", json.dumps(noted).encode())
    for key in ["p/final/x.pkl", "p/final/table.parquet/part-0", "p/final/stray"]:
        store.write(key, b"1")
    assert keys(find_garbage(take_whole_inventory(store), now=LATER)) == ["p/final/stray"]


def test_record_without_its_object_is_garbage(filled):
    filled.delete("p/final/made")
    found = find_garbage(take_whole_inventory(filled), now=LATER)
    assert "p/final/made" in keys(found)


@pytest.mark.parametrize(
    ("key", "expected"), [("p/raw/a", True), ("p/raw/d/a", True), ("p/final/raw/a", False)]
)
def test_is_raw_looks_at_the_layer(key, expected):
    assert is_raw(key) is expected
