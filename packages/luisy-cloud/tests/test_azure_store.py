from __future__ import annotations

import functools

import luisy
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


def test_account_and_key_that_were_set_in_python_count(azurite, azure_container, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azurite.endpoint)
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", "d3Jvbmc=")
    with luisy.Config().restored():
        luisy.Config().update(
            {
                "azure_account_name": azurite.account,
                "azure_container_name": azure_container,
                "azure_storage_key": azurite.key,
            }
        )
        store = open_azure_store(luisy.Config().remote)
    assert list(store.list()) == []
