"""A request out, an answer in; what is not understood is an error, and never part of the next."""

import os
import socket
import ssl
import threading
from contextlib import suppress
from urllib.parse import urlsplit

import pytest
import trustme
from minus80.s3_wire import Sink, Wire

GOOD = b'HTTP/1.1 200 OK\r\nContent-Length: 4\r\nETag: "x"\r\n\r\nbody'


class Server:
    """Answers each request with the next of some texts, each connection with its own list."""

    def __init__(self, *connections, context=None):
        self.requests = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._context = context
        scheme, port = "https" if context else "http", self._listener.getsockname()[1]
        self.url = urlsplit(f"{scheme}://127.0.0.1:{port}")
        self._thread = threading.Thread(target=self._serve, args=(connections,))
        self._thread.start()

    def close(self):
        self._listener.close()
        self._thread.join()

    def _serve(self, connections):
        for answers in connections:
            connection, _ = self._listener.accept()
            if self._context:
                connection = self._context.wrap_socket(connection, server_side=True)
            with suppress(OSError), connection:  # a client may leave
                for answer in answers:
                    self.requests.append(self._request(connection))
                    connection.sendall(answer)

    @staticmethod
    def _request(connection):
        text = b""
        while b"\r\n\r\n" not in text:
            text += connection.recv(65536) or b"\r\n\r\n"
        head, _, body = text.partition(b"\r\n\r\n")
        size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0] or 0)
        while len(body) < size and (more := connection.recv(65536)):
            body += more
        return head, body


@pytest.fixture
def serve():
    made = []

    def serve(*connections, context=None):
        made.append(Server(*connections, context=context))
        return made[-1]

    yield serve
    for server in made:
        server.close()


def test_exchange_gives_status_headers_and_body(serve):
    server = serve([GOOD])
    wire = Wire(server.url)
    reply = wire.exchange("GET", "/a", {"host": "there", "range": "bytes=0-9"})
    assert (reply.status, reply.headers["etag"], reply.body) == (200, '"x"', b"body")
    head, _ = server.requests[0]
    assert head.split(b"\r\n")[:3] == [b"GET /a HTTP/1.1", b"host: there", b"range: bytes=0-9"]
    wire.close()


@pytest.mark.parametrize("size", [10, 1_000_000])
def test_exchange_sends_the_body_whole(serve, size):
    server = serve([GOOD])
    wire = Wire(server.url)
    wire.exchange("PUT", "/a", {}, b"x" * size)
    assert server.requests[0][1] == b"x" * size
    wire.close()


@pytest.fixture(params=["http", "https"])
def wire_and_server(request, serve, tmp_path):
    """Return a way to a server that answers twice, and the server."""
    if request.param == "http":
        server = serve([GOOD], [GOOD])
        wire = Wire(server.url)
    else:
        authority, context = trustme.CA(), ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        authority.issue_cert("127.0.0.1").configure_cert(context)
        authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
        server = serve([GOOD], [GOOD], context=context)
        wire = Wire(server.url, ca_bundle=str(tmp_path / "ca.pem"))
    yield wire, server
    wire.close()


@pytest.mark.parametrize("size", [10, 3_000_000])
def test_part_of_memory_is_sent(wire_and_server, size):
    wire, server = wire_and_server
    content = os.urandom(size + 20)
    part = memoryview(content)[7 : size + 7]
    assert wire.exchange("PUT", "/a", {}, part).body == b"body"
    wire.exchange("PUT", "/a", {}, b"")
    assert [body for _, body in server.requests] == [part, b""]


def test_answer_that_comes_in_pieces_is_put_together(serve):
    long = b"z" * 3_000_000
    server = serve([b"HTTP/1.1 200 OK\r\ncontent-length: 3000000\r\n\r\n" + long])
    wire = Wire(server.url)
    assert wire.exchange("GET", "/a", {}).body == long
    wire.close()


def test_connection_is_used_again(serve):
    server = serve([GOOD, GOOD])
    wire = Wire(server.url)
    assert [wire.exchange("GET", path, {}).body for path in ("/a", "/b")] == [b"body"] * 2
    wire.close()


@pytest.mark.parametrize("ending", [b"", b"Connection: close\r\n"], ids=["silently", "announced"])
def test_connection_that_the_server_closed_is_replaced(serve, ending):
    server = serve([GOOD.replace(b"ETag", ending + b"ETag")], [GOOD])
    wire = Wire(server.url)
    assert [wire.exchange("GET", path, {}).body for path in ("/a", "/b")] == [b"body"] * 2
    assert len(server.requests) == 2
    wire.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"not HTTP at all\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: many\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: " + b"4" * 5000 + b"\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nbody and more",
        b"HTTP/1.1 200 OK\r\nContent-Length: 40\r\n\r\nbody",
        b"HTTP/1.1 200 OK\r\nEndless: " + b"x" * 200_000,
    ],
    ids=[
        "none",
        "other",
        "old",
        "no-length",
        "length",
        "huge",
        "chunked",
        "longer",
        "cut",
        "endless",
    ],
)
def test_answer_that_is_not_understood_is_an_error_and_not_part_of_the_next(serve, answer):
    server = serve([answer], [GOOD])
    wire = Wire(server.url)
    with pytest.raises(ConnectionError):
        wire.exchange("GET", "/a", {})
    assert wire.exchange("GET", "/b", {}).body == b"body"
    wire.close()


def test_bytes_beyond_an_answer_are_not_part_of_the_next(serve):
    length = 3_000_000
    first = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % length + b"z" * length
    server = serve([first + GOOD.replace(b"body", b"evil")], [GOOD])
    wire = Wire(server.url)
    assert len(wire.exchange("GET", "/a", {}).body) == length
    assert wire.exchange("GET", "/b", {}).body == b"body"
    wire.close()


class Taken:
    """What a sink was given."""

    def __init__(self, size):
        self.bytes = bytearray(size)
        self.sink = Sink(size, self.write)

    def write(self, offset, piece):
        self.bytes[offset : offset + len(piece)] = piece


def test_sink_takes_a_long_answer_and_nothing_beyond_it(serve):
    long = bytes(range(250)) * 12_000
    answer = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 3000000\r\n\r\n" + long
    server = serve([answer + GOOD], [GOOD])
    wire, taken = Wire(server.url), Taken(len(long))
    reply = wire.exchange("GET", "/a", {}, sink=taken.sink)
    assert (reply.status, reply.body, bytes(taken.bytes)) == (206, b"", long)
    assert wire.exchange("GET", "/b", {}).body == b"body"
    wire.close()


def test_sink_begins_again_when_the_connection_had_ended(serve):
    long = b"z" * 3_000_000
    head = b"HTTP/1.1 206 Partial Content\r\ncontent-length: 3000000\r\n\r\n"
    server = serve([GOOD, head + long[: len(long) // 2]], [head + long])
    wire, taken = Wire(server.url), Taken(len(long))
    wire.exchange("GET", "/a", {})
    wire.exchange("GET", "/b", {}, sink=taken.sink)
    assert bytes(taken.bytes) == long
    wire.close()


@pytest.mark.parametrize("size", [3, 5], ids=["shorter", "longer"])
def test_sink_takes_nothing_of_another_length(serve, size):
    server = serve([GOOD])
    wire, taken = Wire(server.url), Taken(size)
    with pytest.raises(ConnectionError, match="another length"):
        wire.exchange("GET", "/a", {}, sink=taken.sink)
    assert bytes(taken.bytes) == bytes(size)
    wire.close()


def test_sink_takes_nothing_of_an_error(serve):
    server = serve([GOOD.replace(b"200 OK", b"404 Not Found")])
    wire, taken = Wire(server.url), Taken(4)
    reply = wire.exchange("GET", "/a", {}, sink=taken.sink)
    assert (reply.status, reply.body, bytes(taken.bytes)) == (404, b"body", bytes(4))
    wire.close()
