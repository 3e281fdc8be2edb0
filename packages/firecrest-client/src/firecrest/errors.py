"""Every exception of the client.

    LuisyError
    ├── FirecrestException                 the server, or a task, said no; carries the responses
    │   ├── NotFound                       404 (also luisy_protocol.NotFound)
    │   │   ├── TaskNotFound               the task is unknown or has expired
    │   │   └── JobNotFound                the accounting never heard of the job
    │   ├── UnauthorizedException          401 (AccessDenied)
    │   ├── HeaderException                an error header says why
    │   │   ├── PathNotFound               X-Invalid-Path, X-Not-Found (NotFound)
    │   │   ├── PermissionDenied           X-Permission-Denied (AccessDenied)
    │   │   ├── IsADirectory               X-A-Directory (IsADirectoryError)
    │   │   ├── NotADirectory              X-Not-A-Directory (NotADirectoryError)
    │   │   ├── AlreadyExists              X-Exists (FileExistsError)
    │   │   ├── MachineDoesNotExist        X-Machine-Does-Not-Exist, -Exists (ConfigurationError)
    │   │   ├── MachineNotAvailable        X-Machine-Not-Available (Unavailable)
    │   │   ├── CommandTimeout             X-Timeout (TimeoutError)
    │   │   ├── SizeLimitExceeded          X-Size-Limit, 413
    │   │   ├── InvalidValue               X-Invalid-Mode, -Owner, -Group (ConfigurationError)
    │   │   └── SubmissionRefused          X-Sbatch-Error
    │   ├── TooManyRequests                429, and no retry was left (Unavailable)
    │   ├── ServerError                    5xx (Unavailable)
    │   ├── UnexpectedStatusException      success, but not the documented one
    │   ├── NoJSONException                the body is not JSON
    │   ├── TaskFailed                     the task ended with status 400
    │   ├── TransferJobFailed              a job moved, compressed or extracted, and wrote errors
    │   ├── StorageUploadException         a staged upload failed or cannot go on
    │   ├── StorageDownloadException       a staged download failed or cannot go on
    │   └── ClientsCredentialsException    the authorization server gave no token (AccessDenied)
    │       └── TokenServerBusy            it may later, and no retry was left (ServerUnreachable)
    ├── PollingIterException               a task did not end in time (Unavailable, TimeoutError)
    ├── NotImplementedOnAPIversion         the server is too old (NotSupported)
    └── ServerUnreachable                  no connection, or it was cut (Unavailable)
        └── ServerTimeout                  no answer in time (TimeoutError)

`ServerUnreachable` as raised by the clients is an exception of the HTTP library in use as well
(`requests.ConnectionError`, `httpx.TransportError`), for scripts that catch that.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from luisy_protocol import errors as shared

__all__ = [
    "AlreadyExists",
    "ClientsCredentialsException",
    "CommandTimeout",
    "FirecrestException",
    "HeaderException",
    "InvalidValue",
    "IsADirectory",
    "JobNotFound",
    "MachineDoesNotExist",
    "MachineNotAvailable",
    "NoJSONException",
    "NotADirectory",
    "NotFound",
    "NotImplementedOnAPIversion",
    "PathNotFound",
    "PermissionDenied",
    "PollingIterException",
    "Response",
    "ServerError",
    "ServerTimeout",
    "ServerUnreachable",
    "SizeLimitExceeded",
    "StorageDownloadException",
    "StorageUploadException",
    "SubmissionRefused",
    "TaskFailed",
    "TaskNotFound",
    "TokenServerBusy",
    "TooManyRequests",
    "TransferJobFailed",
    "UnauthorizedException",
    "UnexpectedStatusException",
]


class Response(Protocol):
    """What the responses of requests and of httpx have in common, and all that is used here."""

    # Each library has its own class, and they agree on no more than that there are headers.
    @property
    def request(self) -> Any:
        """What it answers."""
        ...

    @property
    def status_code(self) -> int:
        """The status."""
        ...

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers, by name in any case."""
        ...

    @property
    def content(self) -> bytes:
        """The body."""
        ...

    @property
    def text(self) -> str:
        """The body as text."""
        ...

    # The shape depends on the endpoint; `firecrest.types` describes each.
    def json(self) -> Any:
        """Return the body as JSON."""
        ...


class FirecrestException(shared.LuisyError):
    """The server refused a call, or a task of it failed.

    Attributes:
        responses: The responses of this call, in order; the last one tells what went wrong.
    """

    def __init__(self, responses: Sequence[Response], message: str | None = None) -> None:
        self._responses = list(responses)
        super().__init__(message or _last_of(self._responses))

    def __reduce__(self) -> tuple[Any, ...]:
        # Responses hold connections, which stay in their process; the words go along.
        state = {name: value for name, value in vars(self).items() if name != "_responses"}
        return _rebuilt, (type(self), str(self)), {**state, "_responses": []}

    @property
    def responses(self) -> list[Response]:
        """The responses of this call, in order."""
        return self._responses

    @property
    def request_id(self) -> str | None:
        """The header ``X-Request-ID`` of the last request, if it had one."""
        return self._sent("X-Request-ID")

    @property
    def correlation_id(self) -> str | None:
        """The header ``X-Correlation-ID`` of the last request: see `firecrest.correlation_id`."""
        return self._sent("X-Correlation-ID")

    def _sent(self, header: str) -> str | None:
        if not self._responses:
            return None
        sent: str | None = self._responses[-1].request.headers.get(header)
        return sent


def _rebuilt(kind: type[FirecrestException], message: str) -> FirecrestException:
    error = kind.__new__(kind)
    FirecrestException.__init__(error, [], message)
    return error


def _last_of(responses: Sequence[Response]) -> str:
    if not responses:
        return "the call failed before any response came"
    last = responses[-1]
    return f"the server answered {last.status_code}: {last.text[:300]}"


class NotFound(FirecrestException, shared.NotFound):
    """The server does not know the endpoint, the system or the service."""


class TaskNotFound(NotFound):
    """The task is unknown to the server, belongs to somebody else, or has expired."""


class JobNotFound(NotFound):
    """The accounting of the cluster does not list the job."""


class UnauthorizedException(FirecrestException, shared.AccessDenied):
    """The access token is missing, wrong or expired."""


class HeaderException(FirecrestException):
    """An error header of the response tells why the server refused."""


class PathNotFound(HeaderException, shared.NotFound):
    """A path does not exist on the machine."""


class PermissionDenied(HeaderException, shared.AccessDenied):
    """The user may not do this to this path."""


class IsADirectory(HeaderException, IsADirectoryError):
    """A file was needed and the path is a directory."""


class NotADirectory(HeaderException, NotADirectoryError):
    """A directory was needed and the path is something else."""


class AlreadyExists(HeaderException, FileExistsError):
    """The path exists already."""


class MachineDoesNotExist(HeaderException, shared.ConfigurationError):
    """The server does not know the machine."""


class MachineNotAvailable(HeaderException, shared.Unavailable):
    """The machine is known but down."""


class CommandTimeout(HeaderException, TimeoutError):
    """The command on the machine did not end within the server's limit (see `parameters()`)."""


class SizeLimitExceeded(HeaderException):
    """The file is too big for a direct transfer; use an external one."""


class InvalidValue(HeaderException, shared.ConfigurationError):
    """A mode, an owner or a group is not valid on the machine."""


class SubmissionRefused(HeaderException):
    """The scheduler refused the job script."""


class TooManyRequests(FirecrestException, shared.Unavailable):
    """The rate limit of the server is still exceeded after the retries."""


class ServerError(FirecrestException, shared.Unavailable):
    """The server failed (5xx)."""


class UnexpectedStatusException(FirecrestException):
    """The status is a success, but not the one that the endpoint documents."""

    def __init__(
        self,
        responses: Sequence[Response],
        expected_status_code: int,
        message: str | None = None,
    ) -> None:
        self._expected_status_code = expected_status_code
        super().__init__(responses, message)


class NoJSONException(FirecrestException):
    """The body of a successful response is not JSON."""


class TaskFailed(FirecrestException):
    """The task ended with status 400; the message holds the scheduler's own words."""


class TransferJobFailed(FirecrestException):
    """A job on the machine wrote errors although the scheduler calls it completed."""


class StorageUploadException(FirecrestException):
    """A transfer to the machine through the staging area failed or cannot go on."""


class StorageDownloadException(FirecrestException):
    """A transfer from the machine through the staging area failed or cannot go on."""


class ClientsCredentialsException(FirecrestException, shared.AccessDenied):
    """The authorization server gave no access token."""


class PollingIterException(shared.Unavailable, TimeoutError):
    """A task, a transfer or a job did not end within the given time; it may still go on.

    Attributes:
        task_id: The task, or the job, that was waited for.
    """

    def __init__(self, task_id: str, message: str | None = None) -> None:
        self.task_id = task_id
        super().__init__(
            message or f"task {task_id} did not end in time; raise timeout= or polling_sleep_times"
        )

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self.task_id, str(self))


class NotImplementedOnAPIversion(shared.NotSupported):
    """The FirecREST server is older than the feature."""


class ServerUnreachable(shared.Unavailable):
    """No connection could be made, or it was cut.

    Attributes:
        was_sent: Whether the server may have received the request.
        is_permanent: Whether trying again is in vain, as with a wrong certificate.
    """

    was_sent: bool = True
    is_permanent: bool = False


class ServerTimeout(ServerUnreachable, TimeoutError):
    """The server did not answer within the client's `timeout`."""


class TokenServerBusy(ClientsCredentialsException, ServerUnreachable):
    """The authorization server may give a token later, so the request is tried again."""

    was_sent = False
