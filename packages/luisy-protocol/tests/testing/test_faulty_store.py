"""The faulty store: harmless without faults, and each fault where it was asked for."""

from functools import partial

import pytest
from luisy_protocol import Unavailable, digest_bytes
from luisy_protocol.testing import FaultyStore, MemoryStore, StoreConformance


class TestFaultyStoreWithoutFaults(StoreConformance):
    processes = False

    @pytest.fixture
    def opener(self):
        return partial(FaultyStore, MemoryStore())


def test_before_sees_each_operation_and_may_fail_it(tmp_path):
    seen = []

    def before(operation, key):
        seen.append((operation, key))
        if operation == "write":
            raise Unavailable("no answer")

    store = FaultyStore(MemoryStore(), before=before)
    with pytest.raises(Unavailable):
        store.write("p/a", b"1")
    assert list(store.list("p/")) == []
    store.delete("p/a")
    assert seen == [("write", "p/a"), ("list", "p/"), ("delete", "p/a")]


def test_damaged_object_arrives_with_another_digest(tmp_path):
    store = FaultyStore(MemoryStore(), damaged={"p/a"})
    store.write("p/a", b"abc")
    found = store.download("p/a", tmp_path / "a")
    assert (tmp_path / "a").read_bytes() == b"\x9ebc"
    assert found.sha256 == digest_bytes(b"\x9ebc").sha256 != digest_bytes(b"abc").sha256
