"""What a response means: the JSON of a success, or the exception of a failure.

The order of the checks is that of the public client, so that a script's `except` clauses keep their
meaning: an error header, 401, 404, any other error, a status that is not the documented one, no
JSON.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from typing import Any

from firecrest import errors
from firecrest.errors import FirecrestException, HeaderException, Response
from firecrest.steps import Request

ERROR_HEADERS: dict[str, type[HeaderException]] = {
    "X-Machine-Does-Not-Exist": errors.MachineDoesNotExist,
    "X-Machine-Does-Not-Exists": errors.MachineDoesNotExist,
    "X-Machine-Not-Available": errors.MachineNotAvailable,
    "X-Permission-Denied": errors.PermissionDenied,
    "X-Invalid-Path": errors.PathNotFound,
    "X-Not-Found": errors.PathNotFound,
    "X-A-Directory": errors.IsADirectory,
    "X-Not-A-Directory": errors.NotADirectory,
    "X-Exists": errors.AlreadyExists,
    "X-Timeout": errors.CommandTimeout,
    "X-Size-Limit": errors.SizeLimitExceeded,
    "X-Invalid-Mode": errors.InvalidValue,
    "X-Invalid-Owner": errors.InvalidValue,
    "X-Invalid-Group": errors.InvalidValue,
    "X-Sbatch-Error": errors.SubmissionRefused,
    "X-Error": HeaderException,
}
STATUSES: dict[int, type[FirecrestException]] = {
    401: errors.UnauthorizedException,
    404: errors.NotFound,
    413: errors.SizeLimitExceeded,
    429: errors.TooManyRequests,
}
HINTS: dict[type[FirecrestException], str] = {
    errors.UnauthorizedException: "get a new access token",
    errors.MachineDoesNotExist: "all_systems() (or: firecrest systems) lists the machines",
    errors.CommandTimeout: "submit it as a job instead",
    errors.SizeLimitExceeded: "use external_upload or external_download (or: --type external)",
    errors.TooManyRequests: "slow down",
}

# What says no more than that it failed.
_NO_REASON = re.compile(r"(Error on|Failed to) \w+( \w+)?")


# The answer's shape depends on the endpoint; the endpoint's return type describes it.
def read_answer(
    request: Request, response: Response, responses: Sequence[Response], *, expects: int
) -> Any:
    """Return the JSON of a response, or None if it has no body or went into a sink.

    Raises:
        FirecrestException: If the response is not the expected one.
    """
    if response.status_code >= 400 or _error_header(response):
        raise _refusal(request, response, responses)
    if response.status_code != expects:
        raise errors.UnexpectedStatusException(
            responses,
            expects,
            f"Cannot {request.purpose}: the server answered {response.status_code} "
            f"where {expects} is documented",
        )
    if request.sink or expects == 204:
        return None
    try:
        return json.loads(response.content)
    except ValueError as error:
        message = f"Cannot {request.purpose}: the answer is not JSON: {response.text[:100]!r}"
        raise errors.NoJSONException(responses, message) from error


def _error_header(response: Response) -> str | None:
    headers = response.headers
    return next((name for name in ERROR_HEADERS if name in headers), None)


def _refusal(
    request: Request, response: Response, responses: Sequence[Response]
) -> FirecrestException:
    header = _error_header(response)
    kind = ERROR_HEADERS[header] if header else _kind_of(response.status_code)
    reason = reason_of(response, response.headers[header] if header else "")
    detail = f"HTTP {response.status_code}" + (f", {header}" if header else "")
    hint = f"; {HINTS[kind]}" if kind in HINTS else ""
    return kind(responses, f"Cannot {request.purpose}: {reason} ({detail}){hint}")


def _kind_of(status: int) -> type[FirecrestException]:
    return errors.ServerError if status >= 500 else STATUSES.get(status, FirecrestException)


def reason_of(response: Response, header: str = "") -> str:
    """Join what the header, the description and the error of the body say, each once."""
    said = [header.strip()]
    try:
        body = json.loads(response.content)
    except ValueError:
        said.append(_plain(response.text))
    else:
        if isinstance(body, dict):
            # "exp" is what a gateway says about a token.
            names = ("description", "error", "message", "exp")
            said += [str(body[name]).strip() for name in names if body.get(name)]
    unique = [text for text in dict.fromkeys(text.rstrip(".") for text in said) if text]
    reasons = [text for text in unique if not _NO_REASON.fullmatch(text)]
    return "; ".join(reasons or unique) or "no reason given"


def _plain(text: str) -> str:
    """Shorten what is not JSON; of an object store's XML keep what is not a signature."""
    if "<Error>" in text:
        return " ".join(re.findall(r"<(?:Code|Message)>([^<]*)<", text))
    return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip()[:200]
