"""How the real server says no: a status, a header that names the kind, and a short JSON body.

The commands of the real server are GNU tools run over ssh; it reads their error text and picks
the header from it. The same table is kept here, so that both agree on odd cases too. Source: the
answers recorded from FirecREST 1.16.6 and the headers of its published OpenAPI description.
"""

from __future__ import annotations

from collections.abc import Mapping

TIMED_OUT = "Command has finished with timeout signal"

_DENIED = ("X-Permission-Denied", "User does not have permissions to access path")
_INVALID_PATH = ("X-Invalid-Path", "path is an invalid path")
_BY_TEXT: tuple[tuple[tuple[str, ...], tuple[str, str]], ...] = (
    ((TIMED_OUT,), ("X-Timeout", TIMED_OUT)),
    (("Machine does not exist",), ("X-Machine-Does-Not-Exist", "Machine does not exist")),
    (("Connection refused",), ("X-Error", "Connection refused")),
    (("Permission denied",), _DENIED),
    (("Operation not permitted",), _DENIED),
    (("cannot stat", "No such file"), ("X-Not-Found", "sourcePath not found")),
    (("cannot statx", "No such file"), ("X-Not-Found", "sourcePath not found")),
    (("No such file",), _INVALID_PATH),
    (("invalid mode",), ("X-Invalid-Mode", "mode is an invalid mode")),
    (("invalid user",), ("X-Invalid-Owner", "owner is an invalid user")),
    (("invalid group",), ("X-Invalid-Group", "group is an invalid group")),
    (("File exists",), ("X-Exists", "targetPath already exists")),
    (("Is a directory",), ("X-A-Directory", "path is a directory, can't checksum directories")),
    (("Not a directory",), ("X-Not-A-Directory", "path is not a directory")),
)


class Refusal(Exception):
    """An answer that is not a success; raised anywhere below a route, sent by the application.

    Attributes:
        status: The HTTP status.
        body: The JSON body.
        headers: The headers that name the reason.
    """

    def __init__(
        self, status: int, body: Mapping[str, object], headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(status, body)
        self.status = status
        self.body = body
        self.headers = headers or {}


class CommandFailed(Exception):
    """A command on a machine failed; the text is what the GNU tool would print."""


def from_command(operation: str, error: str) -> Refusal:
    """Turn the error text of a command into the answer of the utilities service."""
    body = {"description": f"Error on {operation} operation", "error": error}
    for words, (header, value) in _BY_TEXT:
        if all(word in error for word in words):
            return Refusal(400, body, {header: value})
    return Refusal(400, body, {"X-Error": error.replace("\n", " ")})
