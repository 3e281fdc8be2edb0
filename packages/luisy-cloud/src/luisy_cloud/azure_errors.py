"""Turn the errors of Azure's SDK into the errors of `luisy_protocol`, in one place.

    ResourceNotFoundError            NotFound          the container, or the object
    ResourceModifiedError            Conflict          a condition did not hold
    ResourceExistsError              Conflict          but Unavailable while Azure still deletes
    either, of a blob that is held   LuisyError        in the archive, by a lease, by a policy
    ClientAuthenticationError, 403   AccessDenied      key, SAS token, identity, or network rules
    408, 429, 5xx                    Unavailable       after the SDK's own retries
    no answer, connection cut        Unavailable
    anything else                    LuisyError

A SAS token travels in the query of the URL, and the texts of network errors quote the URL. So its
signature is blotted out of the whole chain of exceptions before anything is raised.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from luisy_protocol.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    LuisyError,
    NotFound,
    Unavailable,
)

from luisy_cloud.errors import MissingContainer

if TYPE_CHECKING:
    from azure.core.exceptions import AzureError, HttpResponseError

_SIGNATURE = re.compile(r"(?i)\b(sig=)[^&\s'\")>]+")
_REASON = re.compile(
    r"\[Errno -?\d+\] ([^'\")\]]+)|(certificate verify failed[^'\"()]*)|(timed out)"
)
_EXPIRED = re.compile(r"(?i)expir|signature not valid in the specified time")
_BUSY = {408, 429}
_LEASED = "somebody holds a lease on it; wait, or break the lease"
_HELD = {
    "BlobArchived": "it is in the archive tier; move it to an online tier first",
    "BlobBeingRehydrated": "it is on its way out of the archive tier; try again in some hours",
    "BlobImmutableDueToPolicy": "an immutability policy forbids to replace or delete it",
    "LeaseIdMissing": _LEASED,
    "LeaseAlreadyPresent": _LEASED,
}


def redacted(text: str) -> str:
    """Return `text` without the signatures of SAS tokens in it."""
    return _SIGNATURE.sub(r"\1***", text)


@contextmanager
def translated(action: str, where: str) -> Iterator[None]:
    """Turn an error of the SDK in the block into a `LuisyError`.

    Args:
        action: What is tried, as in "read p/raw/a.csv": the message begins with "cannot " and this.
        where: The container and its account, for the message.
    """
    from azure.core.exceptions import AzureError

    try:
        yield
    except AzureError as error:
        _blot_out_signatures(error)
        raise _translate(error, action, where) from error


def _translate(error: AzureError, action: str, where: str) -> LuisyError:
    from azure.core.exceptions import ClientAuthenticationError, HttpResponseError

    if isinstance(error, HttpResponseError) and error.status_code is not None:
        return _translate_answer(error, f"cannot {action} in {where}")
    if type(error).__name__ == "AzureSigningError":  # the SDK does not export it
        return ConfigurationError(
            f"cannot {action} in {where}: the account key is not valid base64; "
            "copy it again into LUISY_AZURE_STORAGE_KEY"
        )
    if isinstance(error, ClientAuthenticationError):
        return AccessDenied(f"cannot {action} in {where}: {_first_line(error)}")
    return Unavailable(
        f"cannot {action} in {where}: no complete answer ({_network_reason(error)}); "
        "check the network and the account's name, and try again"
    )


def _translate_answer(error: HttpResponseError, failed: str) -> LuisyError:
    code = str(getattr(error, "error_code", "") or error.reason or "")
    status = error.status_code or 0
    if code == "ContainerNotFound":
        return MissingContainer(
            f"{failed}: there is no such container; `luisy remote create` makes it"
        )
    if status in _BUSY or status >= 500 or code == "ContainerBeingDeleted":
        return Unavailable(f"{failed}: the service is busy or broken ({status} {code}); try again")
    if status == 404:
        return NotFound(f"{failed}: there is no such object")
    if status in {409, 412} and code not in _HELD:
        return Conflict(f"{failed}: somebody else wrote it in between ({code})")
    if status in {401, 403}:
        return AccessDenied(f"{failed}: {_why_denied(error, code)}")
    return LuisyError(f"{failed}: {status} {code}: {_HELD.get(code) or _first_line(error)}")


def _why_denied(error: HttpResponseError, code: str) -> str:
    if _EXPIRED.search(str(error)):
        return "the SAS token has expired; set LUISY_AZURE_SAS_TOKEN to a new one"
    if code in {"AuthenticationFailed", "AuthorizationFailure"}:
        return (
            f"the key or the SAS token is wrong, or not allowed to do this ({code}); check "
            "LUISY_AZURE_STORAGE_KEY, LUISY_AZURE_SAS_TOKEN or LUISY_AZURE_CONNECTION_STRING"
        )
    return f"the credentials do not allow it ({code}); ask the owner of the account"


def _network_reason(error: BaseException) -> str:
    """Find the few words that matter in what the layers of the HTTP library wrap around them."""
    found = _REASON.search(str(error))
    if found is None:
        return _first_line(error)
    return next(words for words in found.groups() if words).strip()


def _first_line(error: BaseException) -> str:
    lines = redacted(str(error)).strip().splitlines()
    return lines[0][:300] if lines else type(error).__name__


def _blot_out_signatures(error: BaseException) -> None:
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        pending += [current.__cause__, current.__context__]
        pending += [value for value in current.args if isinstance(value, BaseException)]
        pending += [v for v in vars(current).values() if isinstance(v, BaseException)]
        current.args = tuple(redacted(v) if isinstance(v, str) else v for v in current.args)
        for name, value in vars(current).items():
            if isinstance(value, str):
                setattr(current, name, redacted(value))
