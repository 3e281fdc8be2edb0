"""One request, parsed, and what its handler needs: handlers are plain functions of a `Call`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

from firecrest.emulator.filesystem import Filesystem
from firecrest.emulator.refusal import Refusal

if TYPE_CHECKING:
    from firecrest.emulator.site import Site

_FORBIDDEN = re.compile(r"""[<>|;"'&\\()`\x00-\x1f\x7f]""")


@dataclass(frozen=True, slots=True)
class Upload:
    """The file field of a multipart form."""

    name: str
    size: int
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class Call:
    """One authenticated request.

    Attributes:
        site: The site that it came to.
        user: Who asks.
        machine: The value of ``X-Machine-Name``, empty where none was sent.
        path: The path's variable parts.
        query: The query's parameters.
        form: The form's fields.
        file: The form's file.
        headers: The request's headers, with lower-case names.
    """

    site: Site
    user: str
    machine: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]
    file: Upload | None
    headers: Mapping[str, str]

    @property
    def filesystem(self) -> Filesystem:
        """The machine's files as this user sees them."""
        return Filesystem(self.site.machine_folder(self.machine), self.user)

    def text(self, name: str, *, operation: str) -> str:
        """Return a parameter that must be there and be clean.

        Raises:
            Refusal: If it is missing, empty or has a character that the real server refuses.
        """
        value = self.query.get(name, self.form.get(name))
        description = f"Error on {operation} operation"
        if not value:
            reason = "not specified" if value is None else "empty"
            raise Refusal(400, {"description": description, "error": f"'{name}' {reason}"})
        return self.clean(value, name, description=description)

    def optional(self, name: str, *, operation: str) -> str | None:
        """Return a parameter if it was sent, and check its characters."""
        value = self.query.get(name, self.form.get(name))
        return value and self.clean(value, name, description=f"Error on {operation} operation")

    def flag(self, name: str) -> bool:
        """Tell whether a boolean parameter was sent as true."""
        return self.query.get(name, self.form.get(name, "")).lower() in {"true", "1", "yes"}

    def clean(self, value: str, name: str, *, description: str) -> str:
        """Refuse the characters that the real server refuses."""
        if _FORBIDDEN.search(value):
            raise Refusal(400, {"description": description, "error": f"'{name}' has invalid char"})
        return value


@dataclass(frozen=True, slots=True)
class Answer:
    """What a handler returns.

    Attributes:
        status: The HTTP status.
        body: A JSON value; a path is sent as a file; None is an empty body.
        headers: Further headers.
    """

    status: int
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)


Handler: TypeAlias = Callable[[Call], Answer]
