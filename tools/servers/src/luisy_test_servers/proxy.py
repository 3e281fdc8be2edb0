"""An HTTP proxy in front of a server, on a port of its own, that counts requests and makes trouble.

It forwards to one server and is addressed as if it were that server. Before each request it asks
`rule` what to do with it: forward it (None), answer in the server's place, forward it damaged, or
forward it and cut the connection in the middle of the request or of the answer.
"""

from __future__ import annotations

import http.client
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TypeAlias
from urllib.parse import urlsplit

_CHUNK = 64 * 1024
_HOP = {"connection", "keep-alive", "transfer-encoding", "content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """What was asked.

    Attributes:
        number: Its place among all requests, from 1.
        method: As in GET.
        path: The path with the query.
        size: How many bytes of content come with it.
    """

    number: int
    method: str
    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer in the server's place; the request does not reach it."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class CutAnswer:
    """Let the request through, and cut the connection after so many bytes of the answer."""

    after: int


@dataclass(frozen=True, slots=True)
class CutRequest:
    """Cut the connection after so many bytes of the request's content; the server gets nothing."""

    after: int


@dataclass(frozen=True, slots=True)
class DamageRequest:
    """Let the request through with another last byte than its content has."""


Trouble: TypeAlias = Answer | CutAnswer | CutRequest | DamageRequest
Rule: TypeAlias = Callable[[Request], Trouble | None]


@dataclass(slots=True)
class Proxy:
    """A running proxy.

    Attributes:
        endpoint: Its own URL, with the path that the server's endpoint has.
        rule: What to do with each request; None forwards all.
        delay: How many seconds each request waits first, as on a long line.
        requests: All requests so far.
    """

    endpoint: str
    rule: Rule | None = None
    delay: float = 0.0
    requests: list[Request] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, method: str, path: str, size: int) -> tuple[Request, Trouble | None]:
        """Count a request, and say what is to be done with it."""
        with self._lock:
            request = Request(len(self.requests) + 1, method, path, size)
            self.requests.append(request)
            return request, self.rule(request) if self.rule else None


@contextmanager
def proxy(endpoint: str) -> Iterator[Proxy]:
    """Forward to the server at `endpoint` from a free loopback port until the block ends."""
    target = urlsplit(endpoint)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Forwarder)
    server.daemon_threads = True
    running = Proxy(f"http://127.0.0.1:{server.server_port}{target.path}")
    server.proxy, server.target = running, (target.hostname, target.port)  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
    thread.start()
    try:
        yield running
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


class _Forwarder(BaseHTTPRequestHandler):
    """One connection of a client, and one to the server behind."""

    protocol_version = "HTTP/1.1"
    wbufsize = _CHUNK

    def setup(self) -> None:
        """Open the connection behind."""
        super().setup()
        host, port = self.server.target  # type: ignore[attr-defined]
        self.behind = http.client.HTTPConnection(host, port, timeout=60)

    def finish(self) -> None:
        """Close both connections."""
        self.behind.close()
        with suppress(OSError):
            super().finish()

    def forward(self) -> None:
        """Do what the rule says."""
        size = int(self.headers.get("Content-Length") or 0)
        running: Proxy = self.server.proxy  # type: ignore[attr-defined]
        _, trouble = running.note(self.command, self.path, size)
        if running.delay:
            time.sleep(running.delay)
        if isinstance(trouble, CutRequest):
            self._read(min(size, trouble.after))
            self._cut()
            return
        content = self._read(size)
        if isinstance(trouble, Answer):
            self._answer(trouble.status, list(trouble.headers), b"")
            return
        if isinstance(trouble, DamageRequest):
            content = content[:-1] + bytes([content[-1] ^ 1])
        headers = {name: value for name, value in self.headers.items() if name.lower() not in _HOP}
        headers["Content-Length"] = str(size)
        answer = self._ask(content, headers)
        self._pass_on(answer, trouble.after if isinstance(trouble, CutAnswer) else None)

    def _ask(self, content: bytes, headers: dict[str, str]) -> http.client.HTTPResponse:
        try:
            self.behind.request(self.command, self.path, body=content, headers=headers)
            return self.behind.getresponse()
        except ConnectionError:  # the server has closed it, which was idle for long
            self.behind.close()
            self.behind.request(self.command, self.path, body=content, headers=headers)
            return self.behind.getresponse()

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = do_OPTIONS = forward  # noqa: N815

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""

    def _pass_on(self, answer: http.client.HTTPResponse, cut_after: int | None) -> None:
        content = answer.read()
        headers = [(name, value) for name, value in answer.getheaders() if name.lower() not in _HOP]
        declared = answer.getheader("Content-Length") if self.command == "HEAD" else None
        if cut_after is None or cut_after >= len(content):
            self._answer(answer.status, headers, content, declared=declared)
            return
        self._answer(answer.status, headers, content[:cut_after], declared=str(len(content)))
        self._cut()

    def _answer(
        self,
        status: int,
        headers: list[tuple[str, str]],
        content: bytes,
        *,
        declared: str | None = None,
    ) -> None:
        self.send_response_only(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", declared or str(len(content)))
        self.end_headers()
        self.wfile.write(content)
        self.wfile.flush()

    def _read(self, size: int) -> bytes:
        return self.rfile.read(size) if size else b""

    def _cut(self) -> None:
        self.close_connection = True
        with suppress(OSError):
            self.connection.shutdown(2)
