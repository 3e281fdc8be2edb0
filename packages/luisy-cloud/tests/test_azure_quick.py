"""The quick path takes plain successes, and leaves everything else to the SDK."""

from __future__ import annotations

import os

import pytest
from luisy_cloud.azure_client import SINGLE, open_container
from luisy_cloud.azure_quick import open_quick_path
from luisy_cloud.azure_session import AzureSession
from luisy_cloud.azure_settings import read_settings
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.digest import digest_bytes
from luisy_test_servers import Answer, CutAnswer


@pytest.fixture
def quick(azure_url, azure_proxy, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    settings = read_settings(azure_url, os.environ)
    session = AzureSession(retries=0)
    path = open_quick_path(settings, open_container(settings, session), session, limit=1000)
    assert path is not None
    return path


def put(quick, name: str, content: bytes):
    from hashlib import md5

    return quick.put(name, content, sha256=digest_bytes(content).sha256, md5=md5(content).digest())


def test_put_and_get_return_the_same_as_the_sdk(quick, azure_url):
    info = put(quick, "team/p/a b+ü.csv", b"1")
    found = quick.get("team/p/a b+ü.csv")
    assert found.content == b"1"
    assert found.info == info
    listed = next(open_azure_store(azure_url).list())
    assert (listed.key, listed.etag, listed.sha256) == ("p/a b+ü.csv", info.etag, info.sha256)
    assert listed.modified == info.modified


@pytest.mark.parametrize("size", [0, 1001, 5000])
def test_get_leaves_what_is_empty_or_large_to_the_sdk(quick, size):
    put(quick, "team/p/a", b"x" * size)
    assert quick.get("team/p/a") is None


def test_get_of_exactly_the_limit_is_whole(quick):
    put(quick, "team/p/a", b"x" * 1000)
    assert quick.get("team/p/a").content == b"x" * 1000


@pytest.mark.parametrize("trouble", [Answer(503), Answer(403), Answer(200), CutAnswer(10)], ids=str)
def test_get_leaves_what_is_no_plain_success_to_the_sdk(quick, azure_proxy, trouble):
    put(quick, "team/p/a", b"x" * 100)
    azure_proxy.rule = lambda _: trouble
    assert quick.get("team/p/a") is None


def test_put_leaves_what_is_no_plain_success_to_the_sdk(quick, azure_proxy):
    azure_proxy.rule = lambda _: Answer(503)
    assert put(quick, "team/p/a", b"1") is None


def test_put_of_content_that_changed_on_the_way_is_refused(quick):
    assert quick.put("team/p/a", b"1", sha256="0" * 64, md5=bytes(16)) is None
    assert quick.get("team/p/a") is None


def test_get_with_another_etag_is_left_to_the_sdk(quick):
    info = put(quick, "team/p/a", b"1")
    assert quick.get("team/p/a", etag=info.etag).content == b"1"
    assert quick.get("team/p/a", etag="0x0") is None


def test_identity_has_no_quick_path():
    pytest.importorskip("azure.identity")
    settings = read_settings("az://projects", {"LUISY_AZURE_ACCOUNT_NAME": "team"})
    session = AzureSession(retries=0)
    container = open_container(settings, session)
    assert open_quick_path(settings, container, session, limit=SINGLE) is None
