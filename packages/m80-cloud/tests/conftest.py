"""A user with an own home, a bucket of a real server, and a faulty line to it."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

import minus80 as m80
import pytest

VARIABLES = ("ENDPOINT", "BUCKET", "ACCESS_KEY", "SECRET_KEY", "REGION")


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    """An own home folder, and nothing of the real user's settings."""
    home = tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for name in VARIABLES:
        monkeypatch.delenv(f"CLOUD_{name}", raising=False)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    return home


@pytest.fixture
def in_cloud(home, s3_server, s3_bucket, monkeypatch):
    """The settings of a user of the server, in the environment; gives the bucket's name."""
    monkeypatch.setenv("CLOUD_ENDPOINT", s3_server.endpoint)
    monkeypatch.setenv("CLOUD_BUCKET", s3_bucket)
    monkeypatch.setenv("CLOUD_ACCESS_KEY", s3_server.access_key)
    monkeypatch.setenv("CLOUD_SECRET_KEY", s3_server.secret_key)
    return s3_bucket


@pytest.fixture
def data(in_cloud):
    """The user's `CloudData`."""
    data = m80.CloudData()
    yield data
    data.close()


@pytest.fixture
def databases(home):
    """Where the user's datasets are."""
    return home / ".minus80" / "databases"


@pytest.fixture
def dataset(databases):
    """A dataset ``Files.small``: a few files, one of them twice, one empty, one in a folder."""
    folder = databases / "Files.small"
    (folder / "below").mkdir(parents=True)
    (folder / "a.txt").write_bytes(b"first")
    (folder / "b.txt").write_bytes(b"second")
    (folder / "empty").write_bytes(b"")
    (folder / "below" / "again.txt").write_bytes(b"first")
    return folder


class FaultyLine:
    """A server between a client and the S3 server that notes requests and does harm on request.

    Attributes:
        endpoint: Its URL.
        requests: The method and the path of each request.
        fault: Called with a request's number, method and path. It returns None, a status with which
            the line answers itself, "cut" to break off the answer, "lose" to drop it,
            "flip" to damage the body, "double" to send it twice, or "capitals" to answer with the
            names of headers in capitals.
    """

    def __init__(self, endpoint):
        self.requests = []
        self.fault = lambda number, method, path: None
        self.now = threading.local()  # `now.range` is the Range of the request in hand
        self._lock = threading.Lock()
        self._server = ThreadingHTTPServer(
            ("127.0.0.2", 0), self._handler(urlsplit(endpoint).netloc)
        )
        self._server.daemon_threads = True
        # Another of this machine's addresses: to 127.0.0.1 parts would travel one after the other.
        self.endpoint = f"http://127.0.0.2:{self._server.server_port}"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def close(self):
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def decide(self, method, path):
        with self._lock:
            self.requests.append((method, path))
            number = len(self.requests)
        return self.fault(number, method, path)

    def _handler(line, netloc):  # noqa: N805 - the class below has its own self
        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def pass_on(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                line.now.range = self.headers.get("Range")
                fault = line.decide(self.command, self.path)
                if isinstance(fault, int):
                    code = b"SlowDown" if fault == 503 else b"InvalidRequest"
                    content = b"<Error><Code>%s</Code><Message>no</Message></Error>" % code
                    self.answer(fault, [("Content-Type", "application/xml")], content)
                    return
                server = http.client.HTTPConnection(netloc)
                headers = {k: v for k, v in self.headers.items() if k.lower() != "expect"}
                server.request(self.command, self.path, body=body, headers=headers)
                found = server.getresponse()
                content = found.read()
                server.close()
                if fault == "flip":
                    content = bytes([content[0] ^ 1]) + content[1:]
                if fault == "double":
                    content *= 2
                if fault == "lose":  # it was done, but nobody hears of it
                    self.close_connection = True
                    return
                if fault == "cut":
                    self.answer(found.status, found.getheaders(), content, keep=len(content) // 2)
                    self.close_connection = True
                    return
                headers = found.getheaders()
                if fault == "capitals":
                    headers = [(name.upper(), value) for name, value in headers]
                self.answer(found.status, headers, content)

            def answer(self, status, headers, content, keep=None):
                left_out = {"content-length", "connection", "transfer-encoding"}
                length = str(len(content))
                for name, value in headers:
                    if name.lower() == "content-length" and self.command == "HEAD":
                        length = value
                self.send_response(status)
                for name, value in headers:
                    if name.lower() not in left_out:
                        self.send_header(name, value)
                self.send_header("Content-Length", length)
                self.end_headers()
                self.wfile.write(content[:keep])

            do_GET = do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815

            def log_message(self, *_):
                pass

        return Handler


@pytest.fixture
def line(in_cloud, s3_server, monkeypatch):
    """A faulty line to the server; the user's settings lead through it."""
    line = FaultyLine(s3_server.endpoint)
    monkeypatch.setenv("CLOUD_ENDPOINT", line.endpoint)
    yield line
    line.close()
