"""Connections to one server: a request out, an answer in, as plainly as HTTP/1.1 allows.

Rules. An answer is understood if it tells its length, as a server of objects does; of any other
(chunked, longer than it says, cut off, not HTTP) a `ConnectionError` is raised and the connection
is dropped, so that bytes of one answer never become part of the next. A connection at which
something arrived while nobody used it, mostly its end, is replaced. If it ends later, that is done
once, unseen; so only requests that may be repeated are made here.
"""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import wait
from queue import Empty, SimpleQueue
from urllib.parse import SplitResult

_TIMEOUT = 60
_PORTS = {"http": 80, "https": 443}
_CHUNK = 64 * 1024
_PIECE = 256 * 1024
_PIECE_SENT = 1024 * 1024
_LONGEST_HEAD = 64 * 1024
_MOST_DIGITS = 18
_ERRORS = 300


@dataclass(frozen=True, slots=True)
class Sink:
    """Takes a part of an object while it comes.

    Attributes:
        size: How many bytes are asked for.
        write: Called with the place of a piece in the answer, and the piece; from the beginning
            again if the connection had ended.
    """

    size: int
    write: Callable[[int, memoryview], None]


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's answer.

    Attributes:
        status: The status.
        headers: The headers, by names in small letters.
        body: The content; empty if a sink took it.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """Connections to one server, kept open; as many as are used at a time.

    Args:
        server: The server's URL.
        ca_bundle: The file of certificate authorities; certifi's or the system's if None.
    """

    def __init__(self, server: SplitResult, *, ca_bundle: str | None = None) -> None:
        self._host = server.hostname or ""
        self._port = server.port or _PORTS[server.scheme]
        self._context: ssl.SSLContext | None = None
        if server.scheme == "https":
            self._context = ssl.create_default_context(cafile=ca_bundle or _certifi())
        self._idle: SimpleQueue[socket.socket] = SimpleQueue()

    def exchange(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes | memoryview = b"",
        *,
        sink: Sink | None = None,
    ) -> Reply:
        """Send a request and return the answer.

        Args:
            method: The method.
            path: The quoted path.
            headers: The headers, all but the length.
            body: The content.
            sink: Takes the content of the answer, if that is a part of an object.

        Raises:
            OSError: If there is no answer, or none that is understood.
        """
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        text = f"{method} {path} HTTP/1.1\r\n{lines}content-length: {len(body)}\r\n\r\n"
        head = text.encode()
        with suppress(Empty, ConnectionError, ssl.SSLEOFError, ssl.SSLZeroReturnError):
            return self._exchange(self._silent(), head, body, sink)
        return self._exchange(self._connected(), head, body, sink)

    def close(self) -> None:
        """Release the connections."""
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _exchange(
        self, connection: socket.socket, head: bytes, body: bytes | memoryview, sink: Sink | None
    ) -> Reply:
        try:
            _send(connection, head, body)
            reply = _received(connection, sink)
        except BaseException:
            connection.close()
            raise
        if reply.headers.get("connection", "").lower() == "close":
            connection.close()
        else:
            self._idle.put(connection)
        return reply

    def _silent(self) -> socket.socket:
        """Return an idle connection at which nothing has arrived since its last answer."""
        while True:
            connection = self._idle.get_nowait()
            held = isinstance(connection, ssl.SSLSocket) and connection.pending()
            if not held and not wait([connection], 0):
                return connection
            connection.close()

    def _connected(self) -> socket.socket:
        connection = socket.create_connection((self._host, self._port), timeout=_TIMEOUT)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if self._context is None:
            return connection
        try:
            return self._context.wrap_socket(connection, server_hostname=self._host)
        except BaseException:
            connection.close()
            raise


def _send(connection: socket.socket, head: bytes, body: bytes | memoryview) -> None:
    if len(body) <= _CHUNK:
        connection.sendall(head + body)
        return
    connection.sendall(head)
    # In pieces, for the time that is allowed is that of one call: a slow line needs more for all.
    for start in range(0, len(body), _PIECE_SENT):
        connection.sendall(memoryview(body)[start : start + _PIECE_SENT])


def _received(connection: socket.socket, sink: Sink | None) -> Reply:
    begun = b""
    while (end := begun.find(b"\r\n\r\n")) < 0:
        chunk = connection.recv(_CHUNK)
        if not chunk or len(begun) > _LONGEST_HEAD:
            raise ConnectionError("the answer has no end of headers")
        begun += chunk
    status, headers = _parsed(begun[:end].decode("latin-1"))
    body, length = begun[end + 4 :], int(headers["content-length"])
    if len(body) > length:
        raise ConnectionError("the answer is longer than it says")
    if sink and status < _ERRORS:
        if length != sink.size:
            raise ConnectionError("the answer has another length than was asked for")
        _pour(connection, body, sink)
        return Reply(status, headers, b"")
    if len(body) < length:
        body += _rest(connection, length - len(body))
    return Reply(status, headers, body)


def _pour(connection: socket.socket, begun: bytes, sink: Sink) -> None:
    sink.write(0, memoryview(begun))
    view, come = memoryview(bytearray(_PIECE)), len(begun)
    while come < sink.size:
        count = connection.recv_into(view[: sink.size - come])
        if not count:
            raise ConnectionError("the answer is cut off")
        sink.write(come, view[:count])
        come += count


def _parsed(head: str) -> tuple[int, dict[str, str]]:
    first, *lines = head.split("\r\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.lower(): value.strip() for name, _, value in pairs}
    version, _, status = first.partition(" ")
    length = headers.get("content-length", "")
    if (
        version != "HTTP/1.1"
        or not status[:3].isdecimal()
        or "transfer-encoding" in headers
        or not length.isdecimal()
        or len(length) > _MOST_DIGITS
    ):
        raise ConnectionError("the answer is not understood")
    return int(status[:3]), headers


def _rest(connection: socket.socket, size: int) -> bytes:
    content = bytearray(size)
    view, come = memoryview(content), 0
    while come < size:
        count = connection.recv_into(view[come:])
        if not count:
            raise ConnectionError("the answer is cut off")
        come += count
    return bytes(content)


def _certifi() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()
