"""Records in a store: merged by compare-and-swap, whoever else writes."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest
from luisy_protocol import (
    ConfigurationError,
    Conflict,
    FileStore,
    InvalidKey,
    NotSupported,
    Record,
    StoreRecords,
)
from luisy_protocol.record_log import HEADER, encode
from luisy_protocol.testing import FaultyStore, MemoryStore

LEGACY = b'{"/p/raw/a.csv": "0123456789abcdef0123456789abcdef"}'


def record(name, size=1):
    return Record(f"p/raw/{name}", "1" * 64, "2" * 64, size, parts={"m": "3"})


def merge_many(root: Path, worker: int, count: int) -> None:
    for number in range(count):
        StoreRecords(FileStore(root), "p").merge([record(f"{worker}-{number}")])


@pytest.fixture
def store():
    return MemoryStore()


@pytest.fixture
def records(store):
    return StoreRecords(store, "p")


def test_read_when_there_is_no_object_returns_nothing(records, store):
    assert dict(records.read().records) == {}
    assert store.requests == {"read": 1}


def test_merge_then_read_returns_the_records(records, store):
    records.merge([record("a")])
    merged = records.merge([record("b"), record("a", 2)])
    expected = {"p/raw/a": record("a", 2), "p/raw/b": record("b")}
    assert dict(merged.records) == dict(records.read().records) == expected
    assert store.read("p/.luisy.hash")[0] == encode(expected.values())


def test_merge_of_what_is_there_writes_nothing(records, store):
    records.merge([record("a")])
    records.merge([record("a")])
    records.merge([])
    assert store.requests["write"] == 1


def test_merge_of_nothing_into_nothing_writes_nothing(records, store):
    records.merge([])
    records.forget([record("a")])
    assert store.requests["write"] == 0


def test_merge_of_many_records_costs_one_read_and_one_write(records, store):
    records.merge(record(str(number)) for number in range(500))
    assert store.requests == {"read": 1, "write": 1}


def test_forget_removes_the_record(records):
    records.merge([record("a"), record("b")])
    assert list(records.forget([record("a"), record("absent")]).records) == ["p/raw/b"]
    assert list(records.read().records) == ["p/raw/b"]


def test_forget_leaves_a_record_that_has_taken_the_place_of_the_one_to_be_forgotten(records):
    records.merge([record("a", 2)])
    assert list(records.forget([record("a")]).records) == ["p/raw/a"]


def test_merge_by_several_processes_loses_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(8, mp_context=context) as pool:
        list(pool.map(merge_many, [tmp_path / "store"] * 8, range(8), [6] * 8))
    found = StoreRecords(FileStore(tmp_path / "store"), "p").read()
    assert set(found.records) == {f"p/raw/{w}-{n}" for w in range(8) for n in range(6)}
    assert found.warnings == ()


@pytest.mark.parametrize("there", [False, True], ids=["first", "later"])
def test_merge_when_another_writes_in_between_keeps_both(store, there):
    if there:
        StoreRecords(store, "p").merge([record("old")])
    others = [record("other")]

    def interfere(operation, key):
        if operation == "write" and others:
            StoreRecords(store, "p").merge([others.pop()])

    waited = []
    records = StoreRecords(FaultyStore(store, before=interfere), "p", wait=waited.append)
    records.merge([record("mine")])
    assert set(records.read().records) >= {"p/raw/other", "p/raw/mine"}
    assert len(waited) == 1


def test_merge_when_others_always_write_in_between_gives_up(store):
    def interfere(operation, key):
        if operation == "write":
            raise Conflict("somebody else wrote")

    waited = []
    records = StoreRecords(FaultyStore(store, before=interfere), "p", wait=waited.append)
    with pytest.raises(Conflict, match=r"p/\.luisy\.hash in memory://test"):
        records.merge([record("a")])
    assert 10 < len(waited) < 100
    assert max(waited) <= 1.0


def test_merge_without_compare_and_swap_is_not_supported():
    store = MemoryStore(has_compare_and_swap=False)
    with pytest.raises(NotSupported, match="memory://test"):
        StoreRecords(store, "p").merge([record("a")])
    assert not store.requests


def test_malformed_object_is_kept_under_another_key(records, store):
    store.write("p/.luisy.hash", HEADER + b"garbage\n")
    found = records.read()
    assert dict(found.records) == {}
    assert "memory://test/p/.luisy.hash" in found.warnings[0]
    merged = records.merge([record("a")])
    (kept,) = [info.key for info in store.list() if "corrupt" in info.key]
    assert store.read(kept)[0] == HEADER + b"garbage\n"
    assert any(kept in warning for warning in merged.warnings)
    assert list(records.read().records) == ["p/raw/a"]
    assert records.read().warnings == ()


def test_object_of_luisy_1_4_is_kept_with_its_hashes(records, store):
    store.write("p/.luisy.hash", LEGACY)
    assert list(records.read().legacy) == ["p/raw/a.csv"]
    merged = records.merge([record("b")])
    assert store.read("p/.luisy.hash.1.4")[0] == LEGACY
    assert list(merged.legacy) == list(records.read().legacy) == ["p/raw/a.csv"]
    assert list(records.read().records) == ["p/raw/b"]


def test_object_of_a_newer_version_is_left_alone(records, store):
    newer = b'{"format":"luisy-records","version":3}\n'
    store.write("p/.luisy.hash", newer)
    with pytest.raises(ConfigurationError, match="upgrade"):
        records.read()
    with pytest.raises(ConfigurationError, match="upgrade"):
        records.merge([record("a")])
    assert store.read("p/.luisy.hash")[0] == newer


@pytest.mark.parametrize("project", ["..", "/a", "a\\b"])
def test_project_that_is_no_key_is_refused(store, project):
    with pytest.raises(InvalidKey):
        StoreRecords(store, project)
