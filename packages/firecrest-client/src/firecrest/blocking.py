"""The synchronous client: runs the steps with requests.

One client may be used by several threads at once: all that belongs to one call lives in its steps,
and the pool of connections is the session's, which locks it.
"""

from __future__ import annotations

import logging
import os
import time
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from firecrest import wire
from firecrest.client import Authorization, Client
from firecrest.compute import Compute
from firecrest.direct import DirectTransfers
from firecrest.errors import ServerTimeout, ServerUnreachable
from firecrest.external import ExternalDownload, ExternalUpload
from firecrest.job import Job, Jobs
from firecrest.redaction import redact
from firecrest.reservations import Reservations
from firecrest.staging import start_download, start_upload
from firecrest.status import Status
from firecrest.steps import AskToken, Blocking, Command, Pause, Request, Sink, Steps, T, Work
from firecrest.tasks import Tasks
from firecrest.transfer_jobs import TransferJobs
from firecrest.transfers import Transfers
from firecrest.utilities import Utilities

CONNECTIONS = 64
# What is lost of a cut download, for a piece is handed on when it is whole.
CHUNK = 1 << 16
PERMANENT = (
    requests.exceptions.InvalidURL,
    requests.exceptions.InvalidSchema,
    requests.exceptions.MissingSchema,
    requests.exceptions.TooManyRedirects,
)
NOT_SENT = (ConnectTimeoutError, NameResolutionError, NewConnectionError)


class Unreachable(ServerUnreachable, requests.ConnectionError):
    """`ServerUnreachable`, also for those who catch what requests raises."""


class TimedOut(ServerTimeout, requests.Timeout):
    """`ServerTimeout`, also for those who catch what requests raises."""


class Session(requests.Session):
    """Follows redirections without the passwords of a .netrc, which would replace the token."""

    def rebuild_auth(
        self, prepared_request: requests.PreparedRequest, response: requests.Response
    ) -> None:
        """Keep the token from other hosts; add nothing."""
        if self.should_strip_auth(str(response.request.url), str(prepared_request.url)):
            prepared_request.headers.pop("Authorization", None)


class RequestsDriver(Client, Blocking):
    """Runs steps in the calling thread.

    Args:
        firecrest_url: The URL of the server.
        authorization: Gives the access token of each request.
        verify: The file or folder of the certificate authorities to trust, for a site with its own.
        sa_role: The role by which `whoami` knows a service account.
    """

    def __init__(
        self,
        firecrest_url: str,
        authorization: Authorization,
        verify: str | bool | None = None,
        sa_role: str = "firecrest-sa",
    ) -> None:
        super().__init__(firecrest_url, authorization, sa_role=sa_role)
        redact("urllib3.connectionpool")
        self._session = Session()
        adapter = HTTPAdapter(pool_connections=8, pool_maxsize=CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self._verify = verify
        self._settings: dict[str, dict[str, object]] = {}

    def close(self) -> None:
        """Close the connections; the client opens new ones if it is used again."""
        self._session.close()

    def _drive(self, steps: Steps[T]) -> T:
        try:
            command = next(steps)
            while True:
                try:
                    reply = self._perform(command)
                except Exception as error:  # noqa: BLE001 - the steps decide what to do about it
                    command = steps.throw(error)
                else:
                    command = steps.send(reply)
        except StopIteration as end:
            result: T = end.value
            return result
        finally:
            steps.close()

    def _perform(self, command: Command) -> object:
        match command:
            case Request():
                return self._send(command)
            case Pause(seconds):
                if seconds > 0:
                    time.sleep(seconds)
                return time.monotonic()
            case AskToken():
                return self._authorization.get_access_token()
            case Work(run):
                return run()

    def _send(self, request: Request) -> requests.Response:
        token = None if request.is_staging else self._authorization.get_access_token()
        url = wire.url_of(self._firecrest_url, request)
        try:
            response = self._exchange(request, url, token)
        except requests.RequestException as error:
            if request.body is not None and request.body.failure is not None:
                raise request.body.failure from None
            failure = _translated(request, url, error)
            # The library's own words contain the URL, and the staging area's holds a signature.
            raise failure from (None if request.is_staging else error)
        self.log(logging.DEBUG, f"{request.purpose}: HTTP {response.status_code}")
        return response

    def _exchange(self, request: Request, url: str, token: str | None) -> requests.Response:
        # Not prepared by the session: that lets a .netrc replace the token.
        prepared = requests.Request(
            request.method,
            url,
            headers=wire.headers_of(request, token),
            params=request.query,
            data=request.body if request.body is not None else request.form,
        ).prepare()
        sink = request.sink
        response = self._session.send(
            prepared, timeout=self._timeout_of(request), stream=bool(sink), **self._settings_of(url)
        )
        if sink is not None:
            with response:
                _pour(response, sink)
        return response

    def _timeout_of(self, request: Request) -> float | tuple[float, float] | None:
        if request.body is not None and isinstance(self.timeout, tuple):
            # A body is sent under the first of both, and a slow line needs the patience of the
            # second.
            return (self.timeout[1], self.timeout[1])
        return self.timeout

    # The values are those of the keyword arguments of `requests.Session.send`.
    def _settings_of(self, url: str) -> dict[str, Any]:
        """Return the proxies and certificates that the environment sets, asked once per host."""
        host = "/".join(url.split("/", 3)[:3])
        settings = self._settings.get(host)
        if settings is None:
            merged = self._session.merge_environment_settings(host, {}, None, self._verify, None)
            settings = {name: merged[name] for name in ("proxies", "verify", "cert")}
            self._settings[host] = settings
        return settings


def _pour(response: requests.Response, sink: Sink) -> None:
    """Write a body piece by piece; what is no content is read, to tell what went wrong."""
    if response.status_code not in (200, 206):
        _ = response.content
        return
    sink.start_at(wire.offset_of(response.status_code, response.headers))
    for chunk in response.iter_content(CHUNK):
        sink.write(chunk)


def _translated(request: Request, url: str, error: requests.RequestException) -> ServerUnreachable:
    kind = TimedOut if isinstance(error, requests.Timeout) else Unreachable
    failure = kind(wire.message_of(request, url, error))
    reason = getattr(error.args[0], "reason", None) if error.args else None
    failure.was_sent = not isinstance(reason, NOT_SENT)
    failure.is_permanent = isinstance(error, PERMANENT) or wire.is_tls_refused(error)
    return failure


class Firecrest(
    Status,
    Utilities,
    DirectTransfers,
    Compute,
    Jobs,
    TransferJobs,
    Transfers,
    Reservations,
    Tasks,
    RequestsDriver,
):
    """A client for FirecREST v1; every method blocks until its answer is there.

    Args:
        firecrest_url: The URL of the server.
        authorization: Gives the access token of each request: `firecrest.ClientCredentialsAuth`,
            `firecrest.TokenCommandAuth`, or anything with a method `get_access_token`.
        verify: The file or folder of the certificate authorities to trust, for a site with its own.
        sa_role: The role by which `whoami` knows a service account.

    Attributes:
        timeout: Seconds to wait for a connection and for each piece of an answer.
        num_retries: How often a request is repeated that failed on its way.
        num_retries_rate_limit: How often a request is repeated that met the rate limit; None for
            20.
        polling_sleep_times: The waits between two looks at a task, in seconds.
        disable_client_logging: Whether this client writes nothing to the log.
    """

    def external_upload(
        self, machine: str, source_path: str | os.PathLike[str], target_path: str
    ) -> ExternalUpload:
        """Start an upload through the staging area.

        Args:
            machine: The machine.
            source_path: The local file.
            target_path: The directory on the machine.
        """
        task_id, responses = self._drive(start_upload(self, machine, source_path, target_path))
        return ExternalUpload(self, task_id, responses, source_path=source_path)

    def external_download(self, machine: str, source_path: str) -> ExternalDownload:
        """Start a download through the staging area.

        Args:
            machine: The machine.
            source_path: The file on it.
        """
        task_id, responses = self._drive(start_download(self, machine, source_path))
        return ExternalDownload(self, task_id, responses)

    def job(self, machine: str, job_id: str | int) -> Job:
        """Return an object that follows and cancels one job; asks nothing yet."""
        return Job(self, machine, job_id)
