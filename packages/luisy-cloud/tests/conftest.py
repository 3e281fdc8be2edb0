from __future__ import annotations

import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from luisy_protocol import open_store
from luisy_protocol.digest import digest_file, digest_folder
from luisy_protocol.record import Record
from luisy_protocol.store import Store
from luisy_protocol.testing import MemoryStore
from luisy_test_servers import Azurite, Proxy, proxy

MakeOutput = Callable[..., Record]


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind that needs no server; what holds for them must hold for any."""
    if request.param == "memory":
        yield MemoryStore()
        return
    (tmp_path / "store").mkdir()
    opened = open_store((tmp_path / "store").as_uri())
    yield opened
    opened.close()


@pytest.fixture
def make_output() -> MakeOutput:
    """Write an output below a working directory, and return its record.

    The content is bytes for a file, or a dict from names to bytes for a directory.
    """

    def make(working_dir: Path, key: str, content: object, *, hash: str = "a" * 64) -> Record:  # noqa: A002
        path = working_dir / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            whole = digest_file(path)
            return Record(key, hash, whole.sha256, whole.size)
        assert isinstance(content, dict)
        path.mkdir(exist_ok=True)
        for name, part in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(part)
        whole, files = digest_folder(path)
        return Record(key, hash, whole.sha256, whole.size, files=files)

    return make


@pytest.fixture
def azure_url(azurite: Azurite, azure_container: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """The URL of an empty store in Azurite; the way in is in the environment."""
    monkeypatch.setenv("LUISY_AZURE_ACCOUNT_NAME", azurite.account)
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", azurite.key)
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azurite.endpoint)
    return f"az://{azure_container}/team"


@pytest.fixture
def azure_proxy(azurite: Azurite) -> Iterator[Proxy]:
    """A proxy in front of Azurite, which counts requests and makes trouble on demand."""
    with proxy(azurite.endpoint) as running:
        yield running


@dataclass(frozen=True, slots=True)
class TlsServer:
    """A server with a certificate that it signed itself.

    It has nothing; `asked` are the paths, without the query, of the requests that reached it.
    """

    endpoint: str
    certificate: Path
    asked: list[str]


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[TlsServer]:
    """A running server with a certificate that it signed itself."""
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "1"]
    names = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    files = ["-keyout", str(key), "-out", str(certificate)]
    subprocess.run([*command, *names, *files], check=True, capture_output=True)
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path.partition("?")[0])
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            """Say nothing."""

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    yield TlsServer(f"https://localhost:{server.server_port}", certificate, asked)
    server.shutdown()
    thread.join()
    server.server_close()
