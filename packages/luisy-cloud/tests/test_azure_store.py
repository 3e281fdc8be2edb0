from __future__ import annotations

import functools

import pytest
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.testing import StoreConformance


class TestAzureStore(StoreConformance):
    # The SDK reserves (but does not touch) 8 bytes for each byte of a range that it reads, so a
    # smaller file would prove nothing.
    large = 384 * 1024 * 1024

    @pytest.fixture
    def opener(self, azure_url):
        return functools.partial(open_azure_store, azure_url)
