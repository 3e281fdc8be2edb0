"""The contract of an object store.

A store is flat: keys are posix paths without a leading slash (see `luisy_protocol.keys`), below one
root that its URL names. What every store promises, and what the conformance suite checks:

1. An object exists whole or not at all. A reader never sees a half-written one, and a writer that
   dies leaves the old object in place.
2. The etag changes whenever the content changes. `write` with ``if_match`` or ``if_absent`` is
   atomic against every other writer, in this process or another.
3. Every key is validated before anything is sent or opened.
4. Only errors of `luisy_protocol.errors` come out. Retries, timeouts and multi-part are the SDK's.
5. One instance may be used by several threads at once, and survives pickling to another process
   where its credentials allow.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Protocol, TypeAlias, runtime_checkable

Advance: TypeAlias = Callable[[int], None]
"""Called with the number of bytes moved since the last call; negative when a retry starts over.

It may raise to cancel the transfer: the store cleans up and lets the exception pass.
"""


@dataclass(frozen=True, slots=True)
class ObjectInfo:
    """What a store tells about one object without reading it.

    Attributes:
        key: The posix key below the store's root.
        size: The size in bytes.
        etag: An opaque version of the content.
        modified: When it was written, with a time zone, if the store tells.
        sha256: The hexadecimal digest noted by the writer, if the store keeps it and tells it here.
            A claim, to be verified by whoever reads the content.
    """

    key: str
    size: int
    etag: str
    modified: datetime | None = None
    sha256: str | None = None


@dataclass(frozen=True, slots=True)
class Downloaded:
    """The object that was downloaded, and the SHA-256 of the bytes that were written."""

    info: ObjectInfo
    sha256: str


@runtime_checkable
class Store(Protocol):
    """A flat object store below one URL.

    Attributes:
        url: Where it is, without any secret; fit for messages.
        has_compare_and_swap: Whether ``if_match`` and ``if_absent`` are honoured. A store without
            it raises `NotSupported` when one of them is given.
    """

    @property
    def url(self) -> str:
        """Where it is, without any secret."""
        ...

    @property
    def has_compare_and_swap(self) -> bool:
        """Whether conditions are honoured."""
        ...

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key.

        The prefix is plain text, not a folder: ``p/ra`` matches ``p/raw/a.csv``.
        """
        ...

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object.

        Raises:
            NotFound: If there is no such object.
        """
        ...

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return a small object's content and the etag that belongs to exactly these bytes.

        Raises:
            NotFound: If there is no such object.
        """
        ...

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step.

        Args:
            key: The key.
            content: The whole new content.
            if_match: Write only if the object still has this etag.
            if_absent: Write only if there is no such object.

        Raises:
            Conflict: If the condition does not hold; nothing was written.
            NotSupported: If the store has no compare-and-swap and a condition was given.
        """
        ...

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`, which the caller owns and removes on an error.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it no longer has the etag `if_match`, or changed while it was read.
        """
        ...

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file, note its digest where the store can, and return what is there.

        Raises:
            IntegrityError: If the bytes sent do not have the digest `sha256` (the file changed
                under the transfer). The old object, if any, is unchanged.
        """
        ...

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...

    def close(self) -> None:
        """Release connections. The store must not be used afterwards."""
        ...
