"""A loopback HTTP server for tests, which answers as a function or as recordings say.

    def answer(received: Received) -> Reply:
        return Reply(json={"out": []})

    with Server(answer) as server:
        client = firecrest.v1.Firecrest(server.url, FixedToken())
        client.all_systems()
        assert server.received[0].path == "/status/systems"

It speaks real HTTP, so what is tested is the client with its HTTP library. For a whole FirecREST
see `firecrest.emulator`.
"""

from __future__ import annotations

import json as json_module
import re
import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self
from urllib.parse import parse_qsl, urlsplit


class FixedToken:
    """An authorization that always gives the same token."""

    def __init__(self, token: str = "token") -> None:  # noqa: S107 - a token for tests
        self._token = token

    def get_access_token(self) -> str:
        """Return the token."""
        return self._token


@dataclass(frozen=True, slots=True)
class Received:
    """A request as it arrived.

    Attributes:
        method: The verb.
        path: The path, without the query.
        query: The query.
        headers: The headers, by name in lower case.
        body: The body.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes

    @property
    def machine(self) -> str:
        """The machine that the request is for."""
        return self.headers.get("x-machine-name", "")

    @property
    def form(self) -> dict[str, str]:
        """The fields of the form, of either encoding; a file counts with its content."""
        kind = self.headers.get("content-type", "")
        boundary = re.search(r"boundary=([^;]+)", kind)
        if boundary is None:
            return dict(parse_qsl(self.body.decode(), keep_blank_values=True))
        return dict(_fields(self.body, boundary[1].encode()))

    @property
    def filename(self) -> str:
        """The name of the file in the form."""
        match = re.search(rb'filename="([^"]*)"', self.body)
        return match[1].decode() if match else ""


@dataclass(frozen=True, slots=True)
class Reply:
    """What to answer.

    Attributes:
        status: The status.
        json: The body as JSON, if there is no `body`.
        body: The body as bytes.
        headers: Further headers.
        cut_after: Close the connection after so many bytes of the body; 0 answers nothing at all.
    """

    status: int = 200
    json: Any = None
    body: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    cut_after: int | None = None

    @property
    def content(self) -> bytes:
        """The bytes of the body."""
        if self.body is not None:
            return self.body
        return b"" if self.json is None else json_module.dumps(self.json).encode()


class Server:
    """Serves on a free port of the loopback address while its block runs.

    Args:
        answer: Called with each request, in several threads.

    Attributes:
        received: What has arrived so far.
    """

    def __init__(self, answer: Callable[[Received], Reply]) -> None:
        self.received: list[Received] = []
        self._answer = answer
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self._http.daemon_threads = True
        self._thread = threading.Thread(target=self._http.serve_forever, args=(0.02,), daemon=True)

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._http.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._http.shutdown()
        self._http.server_close()

    def handle(self, received: Received) -> Reply:
        """Note a request and answer it."""
        self.received.append(received)
        return self._answer(received)


class Replay:
    """Answers requests from recordings of a real server.

    The same request gets its recorded answers in their order, and the last one from then on. A
    request that was never recorded gets 501, so that a test cannot pass by chance.

    Args:
        recordings: A file with one exchange per line: method, url, req_headers, req_body, status,
            resp_headers, resp_body.
        moved: Texts to replace in the answers, such as the address of the recorded staging area.
    """

    def __init__(self, recordings: Path, *, moved: Mapping[str, str] | None = None) -> None:
        self._answers: dict[object, list[Reply]] = defaultdict(list)
        for line in recordings.read_text(encoding="utf-8").splitlines():
            exchange = json_module.loads(line)
            self._answers[_key(_recorded(exchange))].append(_reply(exchange, moved or {}))
        self._lock = threading.Lock()

    def __call__(self, received: Received) -> Reply:
        """Return the next recorded answer."""
        with self._lock:
            answers = self._answers.get(_key(received))
            if not answers:
                said = f"not recorded: {received.method} {received.path} {received.form}"
                return Reply(501, json={"description": said})
            return answers.pop(0) if len(answers) > 1 else answers[0]


def _fields(body: bytes, boundary: bytes) -> Iterable[tuple[str, str]]:
    for part in body.split(b"--" + boundary)[1:-1]:
        head, _, content = part.strip(b"\r\n").partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        if name:
            yield name[1].decode(), content.decode("utf-8", "replace")


# What servers of version 1.16 do not read, and the public client did not send.
_UNRECORDED = frozenset({"type"})


def _key(received: Received) -> object:
    form = {name: text.strip() for name, text in received.form.items() if name not in _UNRECORDED}
    if received.path == "/utilities/upload":
        form["file"] = received.filename
    parts = (received.query, form)
    sorted_parts = tuple(tuple(sorted(part.items())) for part in parts)
    return (received.method, received.path, received.machine, sorted_parts)


def _recorded(exchange: Mapping[str, Any]) -> Received:
    url = urlsplit(exchange["url"])
    return Received(
        exchange["method"],
        url.path,
        dict(parse_qsl(url.query, keep_blank_values=True)),
        {name.lower(): value for name, value in exchange["req_headers"].items()},
        exchange["req_body"].encode("utf-8", "surrogateescape"),
    )


def _reply(exchange: Mapping[str, Any], moved: Mapping[str, str]) -> Reply:
    body = exchange["resp_body"]
    for old, new in moved.items():
        body = body.replace(old, new)
    headers = {
        name: value
        for name, value in exchange["resp_headers"].items()
        if name.lower() not in ("content-length", "transfer-encoding", "connection")
    }
    return Reply(exchange["status"], body=body.encode(), headers=headers)


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # One write per answer: two of them wait for each other's acknowledgement.
        wbufsize = -1
        disable_nagle_algorithm = True

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            size = int(self.headers.get("Content-Length", 0))
            reply = server.handle(
                Received(
                    self.command,
                    url.path,
                    dict(parse_qsl(url.query, keep_blank_values=True)),
                    {name.lower(): value for name, value in self.headers.items()},
                    self.rfile.read(size),
                )
            )
            self.answer(reply)

        def answer(self, reply: Reply) -> None:
            content = reply.content
            if reply.cut_after == 0:
                self.close_connection = True
                return
            self.send_response(reply.status)
            headers = {"Content-Type": "application/json", "Content-Length": str(len(content))}
            for name, value in (headers | dict(reply.headers)).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content[: reply.cut_after])
            self.wfile.flush()
            self.close_connection = self.close_connection or reply.cut_after is not None

        do_GET = do_POST = do_PUT = do_DELETE = handle_any  # noqa: N815 - names of the base class

        def log_message(self, *args: object) -> None:
            """Write nothing."""

    return Handler
