"""What goes wrong between here and Azure: one clear sentence, and nothing half-done."""

from __future__ import annotations

import hashlib
import os
import resource
import socket
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import luisy
import pytest
from azure.storage.blob import ContainerClient
from luisy_cloud import StoreSynchroniser
from luisy_cloud.azure_store import AzureStore, open_azure_store
from luisy_cloud.errors import MissingContainer
from luisy_protocol.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    IntegrityError,
    LuisyError,
    NotFound,
    TransferFailed,
    Unavailable,
)
from luisy_protocol.progress import Silent
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.transfer import Download, download_all
from luisy_test_servers import Answer, CutAnswer, CutRequest, Request

LARGE = 10 * 1024 * 1024


@luisy.final
class Large(luisy.Task):
    def run(self):
        self.write(b"x" * LARGE)


def is_content(request: Request) -> bool:
    return "/final/" in request.path


def only(count: int, trouble, when: Callable[[Request], bool] = is_content):
    """Make trouble for the first so many requests of a kind."""
    left = count

    def rule(request: Request):
        nonlocal left
        if left > 0 and when(request):
            left -= 1
            return trouble
        return None

    return rule


def send(store, working_dir: Path, *records) -> None:
    synchroniser = StoreSynchroniser(store, working_dir)
    synchroniser.look(["p"])
    synchroniser.upload(records, progress=Silent(), stored=lambda _: None)


def fetch(store, working_dir: Path, *keys: str) -> None:
    synchroniser = StoreSynchroniser(store, working_dir)
    found = synchroniser.look(["p"])
    synchroniser.download([found[key] for key in keys], progress=Silent(), arrived=lambda _: None)


@pytest.fixture
def proxied(azure_proxy, azure_container, azurite, monkeypatch) -> AzureStore:
    """A store behind a proxy that can make trouble, with few retries."""
    monkeypatch.setenv("LUISY_AZURE_ACCOUNT_NAME", azurite.account)
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", azurite.key)
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    monkeypatch.setenv("LUISY_AZURE_RETRIES", "1")
    return open_azure_store(f"az://{azure_container}")


# Credentials and settings


def test_wrong_key_is_access_denied(azure_url, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", "d3Jvbmc=")
    with pytest.raises(AccessDenied, match="LUISY_AZURE_STORAGE_KEY"):
        list(open_azure_store(azure_url).list())


def test_key_that_is_not_base64_says_so(azure_url, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", "no-key")
    with pytest.raises(ConfigurationError, match="base64"):
        list(open_azure_store(azure_url).list())


@pytest.mark.parametrize("way", ["token", "connection string"])
def test_sas_token_opens_the_store(azure_url, azurite, monkeypatch, way):
    token = make_sas(azurite, azure_url, hours=1)
    monkeypatch.delenv("LUISY_AZURE_STORAGE_KEY")
    if way == "token":
        monkeypatch.setenv("LUISY_AZURE_SAS_TOKEN", token)
    else:
        text = f"BlobEndpoint={azurite.endpoint};SharedAccessSignature={token}"
        monkeypatch.setenv("LUISY_AZURE_CONNECTION_STRING", text)
    store = open_azure_store(azure_url)
    store.write("p/a", b"1")
    assert store.read("p/a")[0] == b"1"


def test_connection_string_opens_the_store(azure_url, azurite, monkeypatch):
    for name in ("ACCOUNT_NAME", "STORAGE_KEY", "ENDPOINT"):
        monkeypatch.delenv(f"LUISY_AZURE_{name}")
    monkeypatch.setenv("LUISY_AZURE_CONNECTION_STRING", azurite.connection_string)
    assert list(open_azure_store(azure_url).list()) == []


def test_expired_sas_token_is_found_before_anything_is_sent(azure_url, azurite, monkeypatch):
    monkeypatch.delenv("LUISY_AZURE_STORAGE_KEY")
    monkeypatch.setenv("LUISY_AZURE_SAS_TOKEN", make_sas(azurite, azure_url, hours=-48))
    with pytest.raises(ConfigurationError, match="expired on"):
        open_azure_store(azure_url)


def test_sas_token_that_expires_on_the_way_is_access_denied(azure_url, azurite, monkeypatch):
    monkeypatch.delenv("LUISY_AZURE_STORAGE_KEY")
    monkeypatch.setenv("LUISY_AZURE_SAS_TOKEN", make_sas(azurite, azure_url, hours=-0.1))
    with pytest.raises(AccessDenied, match="LUISY_AZURE_SAS_TOKEN"):
        list(open_azure_store(azure_url).list())


def test_missing_container_says_how_to_make_it(azure_url):
    store = open_azure_store("az://not-there")
    for operation in (
        lambda: list(store.list()),
        lambda: store.read("p/a"),
        lambda: store.write("p/a", b"1"),
    ):
        with pytest.raises(MissingContainer, match="luisy remote create"):
            operation()
    store.create_container()
    store.create_container()
    assert list(store.list()) == []


# The network


def test_no_network_is_unavailable(azure_url, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_RETRIES", "0")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        monkeypatch.setenv("LUISY_AZURE_ENDPOINT", f"http://127.0.0.1:{port}/x")
        with pytest.raises(Unavailable, match=r"\(Connection refused\)"):
            list(open_azure_store(azure_url).list())


def test_unknown_host_is_unavailable(azure_url, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", "http://no-such-host.invalid")
    monkeypatch.setenv("LUISY_AZURE_RETRIES", "0")
    with pytest.raises(Unavailable, match="check the network"):
        list(open_azure_store(azure_url).list())


def test_certificate_that_nobody_vouches_for_is_refused(azure_url, tls_server, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", tls_server.endpoint)
    monkeypatch.setenv("LUISY_AZURE_RETRIES", "0")
    with pytest.raises(Unavailable, match="certificate verify failed"):
        list(open_azure_store(azure_url).list())


@pytest.mark.parametrize("status", [429, 500, 503])
def test_short_storm_of_errors_is_weathered(proxied, azure_proxy, tmp_path, make_output, status):
    record = make_output(tmp_path, "p/final/x", b"1")
    azure_proxy.rule = only(1, Answer(status, (("Retry-After", "0"),)))
    send(proxied, tmp_path, record)
    assert proxied.read("p/final/x")[0] == b"1"


@pytest.mark.parametrize("status", [429, 503])
def test_long_storm_of_errors_is_unavailable(proxied, azure_proxy, status):
    azure_proxy.rule = lambda _: Answer(status, (("Retry-After", "0"),))
    with pytest.raises(Unavailable, match=f"busy or broken .{status}"):
        list(proxied.list())
    assert len(azure_proxy.requests) == 2


@pytest.mark.parametrize("size", [1000, LARGE], ids=["small", "large"])
def test_cut_in_the_middle_of_a_download_is_mended(
    proxied, azure_proxy, tmp_path, make_output, size
):
    record = make_output(tmp_path / "a", "p/final/x", os.urandom(size))
    send(proxied, tmp_path / "a", record)
    azure_proxy.rule = only(1, CutAnswer(500))
    fetch(proxied, tmp_path / "b", record.key)
    assert digest(tmp_path / "b" / record.key) == record.sha256


@pytest.mark.parametrize("size", [1000, LARGE], ids=["small", "large"])
def test_cut_in_the_middle_of_an_upload_is_mended(
    proxied, azure_proxy, tmp_path, make_output, size
):
    record = make_output(tmp_path, "p/final/x", os.urandom(size))
    azure_proxy.rule = only(1, CutRequest(500))
    send(proxied, tmp_path, record)
    assert hashlib.sha256(proxied.read(record.key)[0]).hexdigest() == record.sha256


def test_line_that_is_cut_again_and_again_leaves_the_old_file(
    proxied, azure_proxy, tmp_path, make_output
):
    record = make_output(tmp_path / "a", "p/final/x", os.urandom(1000))
    send(proxied, tmp_path / "a", record)
    make_output(tmp_path / "b", "p/final/x", b"old")
    azure_proxy.rule = lambda request: CutAnswer(500) if is_content(request) else None
    with pytest.raises(TransferFailed) as raised:
        fetch(proxied, tmp_path / "b", record.key)
    assert isinstance(raised.value.failures[record.key], Unavailable)
    assert [p.name for p in (tmp_path / "b/p/final").iterdir()] == ["x"]
    assert (tmp_path / "b/p/final/x").read_bytes() == b"old"


def test_upload_that_is_cut_again_and_again_leaves_the_old_blob(
    proxied, azure_proxy, tmp_path, make_output
):
    old = make_output(tmp_path, "p/final/x", os.urandom(LARGE))
    other = make_output(tmp_path, "p/final/y", b"2")
    send(proxied, tmp_path, old)
    new = make_output(tmp_path, "p/final/x", os.urandom(LARGE))

    def rule(request: Request):
        is_second_half = "comp=block" in request.path and azure_proxy.requests[-3:-1]
        return CutRequest(500) if "/x?" in request.path and is_second_half else None

    azure_proxy.rule = rule
    with pytest.raises(TransferFailed) as raised:
        send(proxied, tmp_path, new, other)
    assert set(raised.value.failures) == {new.key}
    azure_proxy.rule = None
    assert hashlib.sha256(proxied.read(old.key)[0]).hexdigest() == old.sha256
    assert StoreRecords(proxied, "p").read().records == {old.key: old, other.key: other}
    azure_proxy.requests.clear()
    send(proxied, tmp_path, new, other)
    assert not any("/final/y" in request.path for request in azure_proxy.requests)


def test_resumed_download_fetches_only_what_is_missing(proxied, azure_proxy, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/d", {f"{n:02}": b"x" * n for n in range(20)})
    send(proxied, tmp_path / "a", record)
    azure_proxy.rule = lambda r: Answer(403) if "/final/d/1" in r.path else None
    with pytest.raises(TransferFailed):
        fetch(proxied, tmp_path / "b", record.key)
    assert not (tmp_path / "b/p/final/d").exists()
    azure_proxy.rule = None
    azure_proxy.requests.clear()
    fetch(proxied, tmp_path / "b", record.key)
    assert sum("/final/d/" in request.path for request in azure_proxy.requests) == 10


def test_blob_deleted_between_listing_and_download_is_not_found(proxied, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    send(proxied, tmp_path / "a", record)
    synchroniser = StoreSynchroniser(proxied, tmp_path / "b")
    found = synchroniser.look(["p"])
    proxied.delete(record.key)
    with pytest.raises(TransferFailed) as raised:
        synchroniser.download(found.values(), progress=Silent(), arrived=lambda _: None)
    assert isinstance(raised.value.failures[record.key], NotFound)


def test_blob_replaced_after_its_record_is_an_integrity_error(proxied, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    send(proxied, tmp_path / "a", record)
    synchroniser = StoreSynchroniser(proxied, tmp_path / "b")
    found = synchroniser.look(["p"])
    proxied.write(record.key, b"2")
    with pytest.raises(TransferFailed) as raised:
        synchroniser.download(found.values(), progress=Silent(), arrived=lambda _: None)
    assert isinstance(raised.value.failures[record.key], IntegrityError)
    assert not (tmp_path / "b" / record.key).exists()
    assert not StoreSynchroniser(proxied, tmp_path / "b").look(["p"])[record.key].is_complete


def test_large_output_that_is_replaced_during_its_download_is_made(
    proxied, azure_proxy, azurite, azure_container, tmp_path
):
    for person in ("anna", "ben"):
        (tmp_path / person).mkdir()
    wishes = {"remote": proxied.url, "working_dir": str(tmp_path / "anna")}
    assert luisy.build(Large(), upload=True, **wishes).succeeded
    container = ContainerClient.from_connection_string(azurite.connection_string, azure_container)
    [name] = (name for name in container.list_blob_names() if name.endswith("Large.pkl"))
    asked = []

    def replace_after_the_beginning(request: Request):
        if request.method == "GET" and "Large.pkl" in request.path:
            asked.append(request)
            if len(asked) == 2:
                azure_proxy.rule = None
                container.upload_blob(name, b"y", overwrite=True)

    azure_proxy.rule = replace_after_the_beginning
    outcome = luisy.build(
        Large(), download=True, **{**wishes, "working_dir": str(tmp_path / "ben")}
    )
    assert (outcome.succeeded, outcome.ran) == (True, ["Large"])


def test_blob_in_the_archive_is_named_so(proxied, tmp_path, make_output):
    record = make_output(tmp_path, "p/final/x", b"1")
    send(proxied, tmp_path, record)
    proxied._container.get_blob_client(record.key).set_standard_blob_tier("Archive")
    with pytest.raises(LuisyError, match="it is in the archive tier") as raised:
        proxied.download(record.key, tmp_path / "y")
    assert not isinstance(raised.value, Conflict)


def test_lease_on_the_records_is_told_at_once(proxied, azure_proxy, tmp_path, make_output):
    record = make_output(tmp_path, "p/final/x", b"1")
    send(proxied, tmp_path, record)
    lease = proxied._container.get_blob_client("p/.luisy.hash").acquire_lease(60)
    azure_proxy.requests.clear()
    with pytest.raises(LuisyError, match="somebody holds a lease on it"):
        StoreRecords(proxied, "p").forget([record])
    assert len(azure_proxy.requests) == 2
    lease.release()


def test_record_file_of_a_newer_version_asks_to_upgrade_and_is_kept(proxied, tmp_path, make_output):
    newer = b'{"format":"luisy-records","version":99}\n'
    proxied.write("p/.luisy.hash", newer)
    with pytest.raises(ConfigurationError, match=r"(?i)upgrade|newer"):
        send(proxied, tmp_path, make_output(tmp_path, "p/final/x", b"1"))
    assert proxied.read("p/.luisy.hash")[0] == newer
    assert list(proxied.list("p/final/")) == []


# The disk


@pytest.mark.parametrize("size", [1_001, 200_000, LARGE])
def test_full_disk_is_told_and_leaves_nothing(azure_url, tmp_path, make_output, size):
    record = make_output(tmp_path / "a", "p/final/x", os.urandom(size))
    send(open_azure_store(azure_url), tmp_path / "a", record)
    code = (
        "import sys; from pathlib import Path\n"
        "from luisy_cloud import StoreSynchroniser\n"
        "from luisy_cloud.azure_store import open_azure_store\n"
        "from luisy_protocol.progress import Silent\n"
        f"s = StoreSynchroniser(open_azure_store({azure_url!r}), Path({str(tmp_path / 'b')!r}))\n"
        "found = s.look(['p'])\n"
        "try: s.download(found.values(), progress=Silent(), arrived=print)\n"
        "except Exception as e: print(type(e).__name__, e); sys.exit(1)\n"
    )

    def limit() -> None:
        # Files end at this size, as on a disk with so much left.
        import signal

        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))

    command = [sys.executable, "-B", "-c", code]
    done = subprocess.run(command, preexec_fn=limit, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "TransferFailed" in done.stdout
    assert "cannot write" in done.stdout
    assert [p for p in (tmp_path / "b").rglob("*") if p.is_file()] == []


def test_read_only_working_directory_is_access_denied(azure_url, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    store = open_azure_store(azure_url)
    send(store, tmp_path / "a", record)
    read_only = tmp_path / "b" if os.geteuid() else Path("/sys")  # modes do not stop root
    read_only.mkdir(mode=0o555, exist_ok=True)
    with pytest.raises(TransferFailed) as raised:
        fetch(store, read_only, record.key)
    assert isinstance(raised.value.failures[record.key], AccessDenied)


def test_working_directory_that_is_a_file_is_told(azure_url, tmp_path, make_output):
    record = make_output(tmp_path / "a", "p/final/x", b"1")
    store = open_azure_store(azure_url)
    send(store, tmp_path / "a", record)
    (tmp_path / "b").write_bytes(b"")
    with pytest.raises(TransferFailed) as raised:
        fetch(store, tmp_path / "b", record.key)
    assert isinstance(raised.value.failures[record.key], LuisyError)


# Integrity where there is no record


def test_blob_by_other_means_is_checked_against_its_md5(proxied, tmp_path):
    from azure.storage.blob import ContentSettings

    blob = proxied._container.get_blob_client("p/raw/a")
    blob.upload_blob(b"1")
    blob.set_http_headers(ContentSettings(content_md5=bytearray(16)))
    with pytest.raises(TransferFailed) as raised:
        download_all(proxied, [Download("p/raw/a", tmp_path / "a")])
    assert isinstance(raised.value.failures["p/raw/a"], IntegrityError)


@pytest.mark.parametrize("size", [0, 1, LARGE], ids=["empty", "small", "large"])
def test_uploaded_blob_carries_both_digests(proxied, tmp_path, make_output, size):
    content = os.urandom(size)
    send(proxied, tmp_path, make_output(tmp_path, "p/final/x", content))
    properties = proxied._container.get_blob_client("p/final/x").get_blob_properties()
    assert properties.metadata == {"sha256": hashlib.sha256(content).hexdigest()}
    md5 = hashlib.md5(content).digest()
    assert bytes(properties.content_settings.content_md5) == md5


def make_sas(azurite, url: str, *, hours: float) -> str:
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    now = datetime.now(UTC)
    return generate_container_sas(
        azurite.account,
        url.removeprefix("az://").partition("/")[0],
        account_key=azurite.key,
        permission=ContainerSasPermissions(read=True, write=True, list=True, delete=True),
        start=now - timedelta(hours=100),
        expiry=now + timedelta(hours=hours),
    )


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
