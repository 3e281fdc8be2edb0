"""The store in a directory: the conformance suite, and what is its own."""

from functools import partial

import pytest
from luisy_protocol import FileStore
from luisy_protocol.testing import StoreConformance


class TestFileStore(StoreConformance):
    @pytest.fixture
    def opener(self, tmp_path):
        return partial(FileStore, tmp_path / "store")
