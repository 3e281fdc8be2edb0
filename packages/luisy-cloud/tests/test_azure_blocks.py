"""Large files are sent in blocks, whatever happens to one of them."""

from __future__ import annotations

import os
from hashlib import md5, sha256

import pytest
from azure.storage.blob import ContainerClient
from luisy_cloud.azure_blocks import BLOCKS_AT_ONCE
from luisy_cloud.azure_client import BLOCK, SINGLE
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.digest import digest_bytes
from luisy_protocol.errors import AccessDenied, IntegrityError
from luisy_protocol.transfer import Upload, upload_all
from luisy_test_servers import Answer, CutRequest


@pytest.fixture
def proxied(azure_url, azure_proxy, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    return open_azure_store(azure_url)


def upload(store, path, content: bytes, **options):
    path.write_bytes(content)
    return store.upload(path, "p/a", **{"sha256": sha256(content).hexdigest(), **options})


@pytest.mark.parametrize("size", [SINGLE + 1, BLOCK, BLOCK + 1, 2 * BLOCK])
def test_large_file_of_any_size_arrives_with_its_digests(
    azure_url, azurite, azure_container, tmp_path, size
):
    content = os.urandom(size)
    info = upload(open_azure_store(azure_url), tmp_path / "a", content)
    container = ContainerClient.from_connection_string(azurite.connection_string, azure_container)
    found = container.download_blob("team/p/a")
    assert found.properties.content_settings.content_md5 == md5(content).digest()
    assert found.properties.metadata == {"sha256": info.sha256}
    assert found.readall() == content
    assert (info.size, info.etag) == (size, found.properties.etag.strip('"'))


@pytest.mark.parametrize("trouble", [None, Answer(503), Answer(429), CutRequest(10)], ids=str)
def test_upload_in_trouble_repeats_only_the_block_that_failed(
    proxied, azure_proxy, tmp_path, trouble
):
    content = os.urandom(2 * BLOCK + 1)
    azure_proxy.rule = lambda request: trouble if request.number == 2 else None
    moved: list[int] = []
    upload(proxied, tmp_path / "a", content, advance=moved.append)
    assert sum(moved) == len(content)
    assert [request.method for request in azure_proxy.requests] == ["PUT"] * (5 if trouble else 4)
    assert proxied.download("p/a", tmp_path / "b").sha256 == digest_bytes(content).sha256


def test_uploads_that_fail_give_their_memory_back(proxied, azure_proxy, tmp_path):
    content = os.urandom(SINGLE + 1)
    for _ in range(BLOCKS_AT_ONCE):
        with pytest.raises(IntegrityError):
            upload(proxied, tmp_path / "a", content, sha256="0" * 64)
    assert azure_proxy.requests == []
    azure_proxy.rule = lambda _: Answer(403)
    for _ in range(BLOCKS_AT_ONCE):
        with pytest.raises(AccessDenied):
            upload(proxied, tmp_path / "a", content)
    azure_proxy.rule = None
    assert upload(proxied, tmp_path / "a", content) == proxied.stat("p/a")


def test_large_files_at_the_same_time_share_the_memory(proxied, tmp_path):
    uploads = []
    for number in range(4):
        path, content = tmp_path / str(number), os.urandom((number + 1) * BLOCK)
        path.write_bytes(content)
        uploads.append(Upload(path, f"p/{number}", sha256(content).hexdigest()))
    upload_all(proxied, uploads, workers=4)
    for sent in uploads:
        assert proxied.download(sent.key, tmp_path / "b").sha256 == sent.sha256
