"""The asynchronous client: runs the same steps with httpx in an event loop.

Whatever blocks (an access token from a server or a command, reading and writing files) runs in a
thread.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import ssl
import time
from collections.abc import AsyncIterator
from types import TracebackType
from typing import Self

import httpx
from luisy_protocol.errors import ConfigurationError

from firecrest import wire
from firecrest.client import Authorization, Client
from firecrest.compute import Compute
from firecrest.direct import DirectTransfers
from firecrest.errors import ServerTimeout, ServerUnreachable
from firecrest.external import AsyncExternalDownload, AsyncExternalUpload
from firecrest.job import AsyncJob, Jobs
from firecrest.multipart import FormBody
from firecrest.redaction import redact
from firecrest.reservations import Reservations
from firecrest.staging import start_download, start_upload
from firecrest.status import Status
from firecrest.steps import AskToken, Command, Concurrent, Pause, Request, Sink, Steps, T, Work
from firecrest.tasks import Tasks
from firecrest.transfer_jobs import TransferJobs
from firecrest.transfers import Transfers
from firecrest.utilities import Utilities

CHUNK = 1 << 20
CONNECTIONS = httpx.Limits(max_connections=100, max_keepalive_connections=100)
PERMANENT = (httpx.UnsupportedProtocol, httpx.LocalProtocolError)
SERVICES = ("compute", "reservations", "status", "storage", "tasks", "utilities")


class Unreachable(ServerUnreachable, httpx.TransportError):
    """`ServerUnreachable`, also for those who catch what httpx raises."""


class TimedOut(ServerTimeout, httpx.TimeoutException):
    """`ServerTimeout`, also for those who catch what httpx raises."""


class HttpxDriver(Client, Concurrent):
    """Runs steps in the running event loop.

    Args:
        firecrest_url: The URL of the server.
        authorization: Gives the access token of each request; its method may be a coroutine.
        verify: Whom to trust: True for the usual authorities, a file or folder of others, or a
            context.
        sa_role: The role by which `whoami` knows a service account.

    Attributes:
        time_between_calls: The least seconds between two requests to a service, by service. All are
            zero: a server that wants less says so (429), and that is obeyed.
    """

    def __init__(
        self,
        firecrest_url: str,
        authorization: Authorization,
        verify: str | bool | ssl.SSLContext | None = True,
        sa_role: str = "firecrest-sa",
    ) -> None:
        super().__init__(firecrest_url, authorization, sa_role=sa_role)
        redact("httpx")
        self._verify = _trust(verify)
        self._session: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._is_closed = False
        self.time_between_calls: dict[str, float] = dict.fromkeys(SERVICES, 0.0)
        self._next_call: dict[str, float] = {}

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close_session()

    @property
    def is_session_closed(self) -> bool:
        """Whether the connections were closed by `close_session`."""
        return self._is_closed

    async def close_session(self) -> None:
        """Close the connections; a closed client refuses calls until `create_new_session`."""
        session, self._session, self._is_closed = self._session, None, True
        if session is not None and self._loop is asyncio.get_running_loop():
            await session.aclose()

    async def create_new_session(self) -> None:
        """Close the connections, if any, and start with new ones."""
        await self.close_session()
        self._is_closed = False

    async def _drive(self, steps: Steps[T]) -> T:
        try:
            command = next(steps)
            while True:
                try:
                    reply = await self._perform(command)
                except Exception as error:  # noqa: BLE001 - the steps decide what to do about it
                    command = steps.throw(error)
                else:
                    command = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    async def _perform(self, command: Command) -> object:
        match command:
            case Request():
                return await self._send(command)
            case Pause(seconds):
                if seconds > 0:
                    await asyncio.sleep(seconds)
                return time.monotonic()
            case AskToken():
                return await self._token()
            case Work(run):
                return await asyncio.to_thread(run)

    async def _token(self) -> str:
        ask = self._authorization.get_access_token
        if inspect.iscoroutinefunction(ask):
            token: str = await ask()
            return token
        cached = getattr(self._authorization, "cached_token", None)
        kept: str | None = cached() if cached else None
        return await asyncio.to_thread(ask) if kept is None else kept

    async def _send(self, request: Request) -> httpx.Response:
        if not request.is_staging:
            await self._keep_distance(request.url.split("/", 2)[1])
        token = None if request.is_staging else await self._token()
        url = wire.url_of(self._firecrest_url, request)
        try:
            response = await self._exchange(request, url, token)
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            if request.body is not None and request.body.failure is not None:
                raise request.body.failure from None
            failure = _translated(request, url, error)
            # The library's own words may contain the URL, and the staging area's holds a signature.
            raise failure from (None if request.is_staging else error)
        self.log(logging.DEBUG, f"{request.purpose}: HTTP {response.status_code}")
        return response

    async def _exchange(self, request: Request, url: str, token: str | None) -> httpx.Response:
        headers = wire.headers_of(request, token)
        if request.body is not None:
            headers["Content-Length"] = str(len(request.body))
        session, sink = self._open_session(), request.sink
        outgoing = session.build_request(
            request.method,
            url,
            headers=headers,
            params=request.query,
            data=request.form,
            content=_Pieces(request.body) if request.body is not None else None,
            timeout=_timeout(self.timeout),
        )
        response = await session.send(outgoing, stream=True, auth=None, follow_redirects=True)
        try:
            if sink is None or response.status_code not in (200, 206):
                await response.aread()
            else:
                sink.start_at(wire.offset_of(response.status_code, response.headers))
                await _pour(response, sink)
        finally:
            await response.aclose()
        return response

    async def _keep_distance(self, service: str) -> None:
        distance = self.time_between_calls.get(service, 0.0)
        if distance > 0:
            now = time.monotonic()
            turn = max(now, self._next_call.get(service, 0.0))
            self._next_call[service] = turn + distance
            await asyncio.sleep(turn - now)

    def _open_session(self) -> httpx.AsyncClient:
        if self._is_closed:
            raise ConfigurationError("the session is closed; call create_new_session() first")
        loop = asyncio.get_running_loop()
        if self._session is None or self._loop is not loop:
            # Connections belong to the loop that opened them; those of a finished one are gone.
            self._session = httpx.AsyncClient(verify=self._verify, limits=CONNECTIONS)
            self._loop = loop
        return self._session


class _Pieces:
    """A body that is read in a thread; httpx iterates it anew to follow a redirection."""

    def __init__(self, body: FormBody) -> None:
        self._body = body

    async def __aiter__(self) -> AsyncIterator[bytes]:
        pieces = iter(self._body)
        while (piece := await asyncio.to_thread(next, pieces, None)) is not None:
            yield piece


async def _pour(response: httpx.Response, sink: Sink) -> None:
    """Write a body in large pieces, and what came before it was cut as well."""
    pieces = bytearray()
    try:
        async for piece in response.aiter_bytes():
            pieces += piece
            if len(pieces) >= CHUNK:
                # Taken before it is written: what fails or is cancelled is not written twice.
                whole, pieces = bytes(pieces), bytearray()
                await asyncio.to_thread(sink.write, whole)
    finally:
        if pieces:
            sink.write(bytes(pieces))


def _timeout(timeout: float | tuple[float, float] | None) -> httpx.Timeout:
    if isinstance(timeout, tuple):
        connect, answer = timeout
        return httpx.Timeout(answer, connect=connect, pool=None)
    return httpx.Timeout(timeout, pool=None)


def _trust(verify: str | bool | ssl.SSLContext | None) -> bool | ssl.SSLContext:
    if verify is None:
        return True
    if isinstance(verify, str):
        if os.path.isdir(verify):  # noqa: PTH112 - as ssl takes it
            return ssl.create_default_context(capath=verify)
        return ssl.create_default_context(cafile=verify)
    return verify


def _translated(
    request: Request, url: str, error: httpx.HTTPError | httpx.InvalidURL
) -> ServerUnreachable:
    kind = TimedOut if isinstance(error, httpx.TimeoutException) else Unreachable
    failure = kind(wire.message_of(request, url, error))
    failure.was_sent = not isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
    failure.is_permanent = isinstance(error, PERMANENT) or wire.is_tls_refused(error)
    return failure


class AsyncFirecrest(
    Status,
    Utilities,
    DirectTransfers,
    Compute,
    Jobs,
    TransferJobs,
    Transfers,
    Reservations,
    Tasks,
    HttpxDriver,
):
    """A client for FirecREST v1 whose methods are coroutines; see `firecrest.v1.Firecrest`.

    It may be used as ``async with``, which closes its connections.

    Args:
        firecrest_url: The URL of the server.
        authorization: Gives the access token of each request; its method may be a coroutine.
        verify: Whom to trust: True for the usual authorities, a file or folder of others, or a
            context.
        sa_role: The role by which `whoami` knows a service account.
    """

    async def external_upload(
        self, machine: str, source_path: str | os.PathLike[str], target_path: str
    ) -> AsyncExternalUpload:
        """Start an upload through the staging area.

        Args:
            machine: The machine.
            source_path: The local file.
            target_path: The directory on the machine.
        """
        task_id, responses = await self._drive(
            start_upload(self, machine, source_path, target_path)
        )
        return AsyncExternalUpload(self, task_id, responses, source_path=source_path)

    async def external_download(self, machine: str, source_path: str) -> AsyncExternalDownload:
        """Start a download through the staging area.

        Args:
            machine: The machine.
            source_path: The file on it.
        """
        task_id, responses = await self._drive(start_download(self, machine, source_path))
        return AsyncExternalDownload(self, task_id, responses)

    def job(self, machine: str, job_id: str | int) -> AsyncJob:
        """Return an object that follows and cancels one job; asks nothing yet."""
        return AsyncJob(self, machine, job_id)
