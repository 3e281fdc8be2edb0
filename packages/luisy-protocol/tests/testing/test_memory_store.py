"""The store in memory: the conformance suite, with conditions and without."""

import pytest
from luisy_protocol.testing import MemoryStore, StoreConformance


class TestMemoryStore(StoreConformance):
    processes = False

    @pytest.fixture
    def opener(self):
        store = MemoryStore()
        return lambda: store


class TestMemoryStoreWithoutConditions(StoreConformance):
    processes = False

    @pytest.fixture
    def opener(self):
        store = MemoryStore(has_compare_and_swap=False)
        return lambda: store


def test_requests_are_counted():
    store = MemoryStore()
    store.write("p/a", b"1")
    list(store.list())
    store.stat("p/a")
    store.stat("p/a")
    assert store.requests == {"write": 1, "list": 1, "stat": 2}
