"""The quick path takes plain successes, and leaves everything else to the SDK."""

from __future__ import annotations

import gzip
import os
import threading
from datetime import UTC, datetime, timedelta
from hashlib import md5
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from luisy_cloud.azure_client import SINGLE, open_container
from luisy_cloud.azure_quick import QuickPath, open_quick_path
from luisy_cloud.azure_session import AzureSession
from luisy_cloud.azure_settings import read_settings
from luisy_cloud.azure_store import LARGE_AT_ONCE, open_azure_store
from luisy_cloud.streams import PIECE
from luisy_protocol.digest import digest_bytes
from luisy_protocol.errors import Conflict
from luisy_test_servers import Answer, CutAnswer, CutRequest, DamageRequest


@pytest.fixture(params=["key", "token"])
def quick(azure_url, azure_proxy, azurite, monkeypatch, request):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    if request.param == "token":
        monkeypatch.delenv("LUISY_AZURE_STORAGE_KEY")
        monkeypatch.setenv("LUISY_AZURE_SAS_TOKEN", make_sas(azurite, azure_url))
    settings = read_settings(azure_url, os.environ)
    session = AzureSession(retries=0)
    path = open_quick_path(settings, open_container(settings, session), session, limit=1000)
    assert path is not None
    return path


def make_sas(azurite, url: str) -> str:
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    return generate_container_sas(
        azurite.account,
        url.removeprefix("az://").partition("/")[0],
        account_key=azurite.key,
        permission=ContainerSasPermissions(read=True, write=True, list=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )


def put(quick, name: str, content: bytes):
    return quick.put(name, content, sha256=digest_bytes(content).sha256, md5=md5(content).digest())


def test_put_and_get_return_the_same_as_the_sdk(quick, azure_url):
    info = put(quick, "team/p/a b+ü.csv", b"1")
    found = quick.get("team/p/a b+ü.csv")
    assert found.content == b"1"
    assert found.info == info
    listed = next(open_azure_store(azure_url).list())
    assert (listed.key, listed.etag, listed.sha256) == ("p/a b+ü.csv", info.etag, info.sha256)
    assert listed.modified == info.modified


def test_get_leaves_what_is_empty_to_the_sdk(quick):
    put(quick, "team/p/a", b"")
    assert quick.get("team/p/a") is None


@pytest.mark.parametrize("size", [1000, 1001, 5000])
def test_get_returns_the_beginning_and_tells_of_the_whole(quick, size):
    content = os.urandom(size)
    info = put(quick, "team/p/a", content)
    found = quick.get("team/p/a")
    assert (found.content, found.info) == (content[:1000], info)
    assert found.md5 == md5(content).digest()


def pieces(quick, start: int, end: int, etag: str) -> bytes:
    return b"".join(quick.pieces("team/p/a", etag=etag, start=start, end=end))


@pytest.mark.parametrize(("start", "end"), [(0, 1), (10, 2010), (4999, 5000), (0, 5000)])
def test_pieces_are_the_part_that_was_asked_for(quick, start, end):
    content = os.urandom(5000)
    info = put(quick, "team/p/a", content)
    assert pieces(quick, start, end, info.etag) == content[start:end]


def test_pieces_of_a_part_behind_the_end_or_of_another_version_are_left_to_the_sdk(quick):
    info = put(quick, "team/p/a", b"x")
    assert pieces(quick, 1, 2, info.etag) == b""
    assert pieces(quick, 0, 1, "0x0") == b""


def test_pieces_end_where_the_line_is_cut(quick, azure_proxy):
    content = os.urandom(2 * PIECE)
    info = put(quick, "team/p/a", content)
    azure_proxy.rule = lambda _: CutAnswer(PIECE + 10)
    begun = pieces(quick, 0, len(content), info.etag)
    assert begun == content[: len(begun)]
    assert PIECE <= len(begun) <= PIECE + 10


@pytest.mark.parametrize("trouble", [Answer(503), Answer(403), Answer(200)], ids=str)
def test_pieces_leave_what_is_no_plain_success_to_the_sdk(quick, azure_proxy, trouble):
    info = put(quick, "team/p/a", b"x")
    azure_proxy.rule = lambda _: trouble
    assert pieces(quick, 0, 1, info.etag) == b""


def test_pieces_that_are_all_taken_leave_their_connection_to_the_next(quick):
    info = put(quick, "team/p/a", b"x")
    before = quick._pool.num_connections
    for _ in range(3):
        assert pieces(quick, 0, 1, info.etag) == b"x"
    assert quick._pool.num_connections == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Range": "bytes 9-19/20", "Content-Length": "11"},
        {"Content-Range": "bytes 10-19/20", "Content-Length": "9"},
        {"Content-Range": "bytes 10-18/20", "Content-Length": "9"},
        {"Content-Range": "bytes 10-19/15"},
        {"Content-Range": "bytes 10-19/*"},
        {"Content-Range": f"bytes 10-19/{'9' * 5000}"},
        {"Content-Range": ""},
    ],
    ids=["another place", "another length", "too short", "too long", "no size", "absurd", "none"],
)
def test_pieces_leave_the_answer_to_another_question_to_the_sdk(headers):
    assert asked_of_a_server_with(headers) == b""


@pytest.mark.parametrize("status", [200, 412])
def test_pieces_leave_an_answer_that_is_no_part_to_the_sdk(status):
    assert asked_of_a_server_with({"Content-Range": "bytes 10-19/20"}, status=status) == b""


def test_pieces_are_the_answer_to_the_question():
    assert asked_of_a_server_with({"Content-Range": "bytes 10-19/20"}) == b"x" * 10


@pytest.mark.parametrize("trouble", [Answer(503), Answer(403), Answer(200), CutAnswer(10)], ids=str)
def test_get_leaves_what_is_no_plain_success_to_the_sdk(quick, azure_proxy, trouble):
    put(quick, "team/p/a", b"x" * 100)
    azure_proxy.rule = lambda _: trouble
    assert quick.get("team/p/a") is None


@pytest.mark.parametrize("status", [200, 503])
def test_put_leaves_what_is_no_plain_success_to_the_sdk(quick, azure_proxy, status):
    azure_proxy.rule = lambda _: Answer(status)
    assert put(quick, "team/p/a", b"1") is None


def test_content_that_changed_on_the_way_is_refused(quick, azure_proxy):
    azure_proxy.rule = lambda _: DamageRequest()
    assert put(quick, "team/p/a", b"1") is None
    assert not quick.put_block("team/p/a", "0" * 32, memoryview(b"1"))
    azure_proxy.rule = None
    assert quick.get("team/p/a") is None
    assert quick.put_block("team/p/a", "0" * 32, memoryview(b"1"))


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


@pytest.mark.parametrize("status", [401, 403])
def test_refused_once_it_asks_no_more(quick, azure_proxy, status):
    put(quick, "team/p/a", b"1")
    azure_proxy.rule = lambda _: Answer(status)
    assert quick.get("team/p/a") is None
    azure_proxy.rule = None
    azure_proxy.requests.clear()
    assert quick.get("team/p/a") is None
    assert put(quick, "team/p/a", b"2") is None
    assert azure_proxy.requests == []


def contents(azure_proxy) -> list[str]:
    return [r.method for r in azure_proxy.requests if "/p/a" in r.path]


@pytest.fixture
def proxied(azure_url, azure_proxy, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    return open_azure_store(azure_url)


@pytest.mark.parametrize("trouble", [Answer(503), Answer(429), CutRequest(10)], ids=str)
def test_upload_in_trouble_goes_on_with_the_retries_of_the_sdk(
    proxied, azure_proxy, tmp_path, trouble
):
    (tmp_path / "a").write_bytes(b"x" * 100)
    sha256 = digest_bytes(b"x" * 100).sha256
    azure_proxy.rule = lambda request: trouble if len(contents(azure_proxy)) <= 2 else None
    moved: list[int] = []
    info = proxied.upload(tmp_path / "a", "p/a", sha256=sha256, advance=moved.append)
    assert sum(moved) == 100
    assert next(proxied.list("p/a")) == info
    assert contents(azure_proxy) == ["PUT"] * 3


@pytest.mark.parametrize("trouble", [Answer(503), Answer(429), CutAnswer(10)], ids=str)
def test_download_in_trouble_goes_on_with_the_retries_of_the_sdk(
    proxied, azure_proxy, tmp_path, trouble
):
    info = proxied.write("p/a", b"x" * 100)
    azure_proxy.requests.clear()
    azure_proxy.rule = lambda request: trouble if len(contents(azure_proxy)) <= 2 else None
    moved: list[int] = []
    found = proxied.download("p/a", tmp_path / "a", if_match=info.etag, advance=moved.append)
    assert (found.info, found.sha256) == (info, info.sha256)
    assert (tmp_path / "a").read_bytes() == b"x" * 100
    assert sum(moved) == 100
    assert contents(azure_proxy) == ["GET"] * 3


@pytest.fixture
def large(proxied, azure_proxy, tmp_path) -> bytes:
    """The content of a large blob, which takes four requests."""
    content = os.urandom(20 * 1024 * 1024)
    upload(proxied, tmp_path, content)
    azure_proxy.requests.clear()
    return content


def upload(store, tmp_path, content: bytes):
    (tmp_path / "sent").write_bytes(content)
    return store.upload(tmp_path / "sent", "p/a", sha256=digest_bytes(content).sha256)


@pytest.mark.parametrize(
    "trouble",
    [None, Answer(503), Answer(429), CutAnswer(10), CutAnswer(3 * PIECE + 10)],
    ids=str,
)
def test_large_download_in_trouble_repeats_only_the_block_that_failed(
    proxied, azure_proxy, tmp_path, large, trouble
):
    azure_proxy.rule = lambda request: trouble if request.number == 3 else None
    moved: list[int] = []
    found = proxied.download("p/a", tmp_path / "a", advance=moved.append)
    assert found.sha256 == found.info.sha256 == digest_bytes(large).sha256
    assert (tmp_path / "a").read_bytes() == large
    assert sum(moved) == len(large)
    assert contents(azure_proxy) == ["GET"] * (5 if trouble else 4)


def test_large_blob_that_is_replaced_during_its_download_is_a_conflict(proxied, tmp_path, large):
    replaced = []

    def replace(size: int) -> None:
        if not replaced:
            replaced.append(upload(proxied, tmp_path, large[::-1]))

    with pytest.raises(Conflict):
        proxied.download("p/a", tmp_path / "a", advance=replace)


def test_large_download_that_is_stopped_asks_for_no_more(proxied, azure_proxy, tmp_path, large):
    def advance(size: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        proxied.download("p/a", tmp_path / "a", advance=advance)
    assert contents(azure_proxy) == ["GET"]


def test_large_download_can_be_stopped_when_its_turn_comes_and_it_has_asked_for_no_block(
    proxied, azure_proxy, tmp_path, large
):
    def advance(size: int) -> None:
        free = [proxied._large.acquire(blocking=False) for _ in range(LARGE_AT_ONCE)]
        for _ in filter(None, free):
            proxied._large.release()
        told.append((all(free), len(contents(azure_proxy))))
        raise KeyboardInterrupt

    told: list[tuple[bool, int]] = []
    with pytest.raises(KeyboardInterrupt):
        proxied.download("p/a", tmp_path / "a", advance=advance)
    assert told == [(False, 1)]


def test_answer_that_does_not_come_in_time_is_asked_for_again(
    proxied, azure_proxy, azure_url, tmp_path, monkeypatch
):
    info = proxied.write("p/a", b"x")

    def rule(request):
        azure_proxy.delay = 3.0 if len(contents(azure_proxy)) <= 1 else 0.0

    azure_proxy.requests.clear()
    azure_proxy.rule = rule
    monkeypatch.setenv("LUISY_AZURE_TIMEOUT", "1")
    assert open_azure_store(azure_url).download("p/a", tmp_path / "a").info == info
    assert len(contents(azure_proxy)) >= 2  # more where Azurite itself takes a second


@pytest.mark.parametrize("trouble", [None, Answer(503)], ids=str)
def test_download_of_another_version_is_a_conflict_by_either_way(
    proxied, azure_proxy, tmp_path, trouble
):
    old = proxied.write("p/a", b"1")
    proxied.write("p/a", b"2")
    azure_proxy.requests.clear()
    azure_proxy.rule = lambda request: trouble if len(contents(azure_proxy)) <= 1 else None
    with pytest.raises(Conflict):
        proxied.download("p/a", tmp_path / "a", if_match=old.etag)


def test_blob_with_an_encoding_arrives_as_it_is_by_either_way(proxied, azure_proxy, tmp_path):
    from azure.storage.blob import ContentSettings

    packed = gzip.compress(b"1,2\n" * 1000)
    blob = proxied._container.get_blob_client("team/p/a")
    blob.upload_blob(packed, content_settings=ContentSettings(content_encoding="gzip"))
    proxied.download("p/a", tmp_path / "quick")
    azure_proxy.requests.clear()
    azure_proxy.rule = lambda request: Answer(503) if len(contents(azure_proxy)) <= 1 else None
    proxied.download("p/a", tmp_path / "sdk")
    assert contents(azure_proxy) == ["GET"] * 2
    assert (tmp_path / "quick").read_bytes() == (tmp_path / "sdk").read_bytes() == packed


def asked_of_a_server_with(headers: dict[str, str], *, status: int = 206) -> bytes:
    """Ask a server that gives one answer, whatever the question, for ten bytes from the tenth."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            told = {"Content-Length": "10", "ETag": '"1"', **headers}
            for name, value in told.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(b"x" * int(told["Content-Length"]))

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.handle_request)
    thread.start()
    endpoint = f"http://127.0.0.1:{server.server_port}/team"
    found = b"".join(opened_at(endpoint).pieces("p/a", etag="1", start=10, end=20))
    thread.join()
    server.server_close()
    return found


def opened_at(endpoint: str) -> QuickPath:
    """Open the quick path of an account at another address."""
    environ = {
        "LUISY_AZURE_ACCOUNT_NAME": "team",
        "LUISY_AZURE_STORAGE_KEY": "a2V5",
        "LUISY_AZURE_ENDPOINT": endpoint,
    }
    settings = read_settings("az://projects", environ)
    session = AzureSession(retries=0)
    path = open_quick_path(settings, open_container(settings, session), session, limit=1000)
    assert path is not None
    return path


def test_certificate_that_nobody_vouches_for_gets_no_request(tls_server):
    assert opened_at(tls_server.endpoint).get("p/a") is None
    assert tls_server.asked == []


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_certificate_that_the_environment_vouches_for_is_taken(tls_server, monkeypatch, name):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, str(tls_server.certificate))
    opened_at(tls_server.endpoint).get("p/a")
    assert tls_server.asked == ["/projects/p/a"]


def test_certificates_of_the_system_do_not_count(tls_server, monkeypatch):
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.certificate))
    opened_at(tls_server.endpoint).get("p/a")
    assert tls_server.asked == []


def test_with_a_proxy_there_is_no_quick_path(monkeypatch, azurite, azure_url):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    settings = read_settings(azure_url, os.environ)
    session = AzureSession(retries=0)
    container = open_container(settings, session)
    assert open_quick_path(settings, container, session, limit=1000) is None
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    assert open_quick_path(settings, container, session, limit=1000) is not None


@pytest.mark.parametrize("size", [0, 1, 20 * 1024 * 1024], ids=["empty", "small", "large"])
def test_everything_goes_through_the_proxy_that_the_environment_names(
    azure_url, azure_proxy, azurite, monkeypatch, tmp_path, size
):
    monkeypatch.setenv("HTTP_PROXY", azure_proxy.endpoint.removesuffix(f"/{azurite.account}"))
    monkeypatch.setenv("NO_PROXY", "")
    content = os.urandom(size)
    store = open_azure_store(azure_url)
    sent = upload(store, tmp_path, content)
    found = store.download("p/a", tmp_path / "b")
    assert (found.info, found.sha256) == (sent, sent.sha256)
    assert (tmp_path / "b").read_bytes() == content
    assert {request.method for request in azure_proxy.requests} == {"PUT", "GET"}
