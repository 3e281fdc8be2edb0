"""A store in memory that keeps every promise and counts what is asked of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path
from threading import Lock

from luisy_protocol.digest import CHUNK, HashingReader, HashingWriter, digest_bytes
from luisy_protocol.errors import Conflict, IntegrityError, NotFound, NotSupported
from luisy_protocol.keys import validate_key, validate_prefix
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance, Downloaded, ObjectInfo


@dataclass(frozen=True, slots=True)
class _Object:
    content: bytes
    info: ObjectInfo


class MemoryStore:
    """A store whose objects live as long as it does, in this process.

    Args:
        url: What it is called in messages.
        has_compare_and_swap: Whether it honours conditions, or refuses them.

    Attributes:
        requests: How often each operation was asked for, by its name.
    """

    def __init__(self, url: str = "memory://test", *, has_compare_and_swap: bool = True) -> None:
        self.url = url
        self.has_compare_and_swap = has_compare_and_swap
        self.requests: Counter[str] = Counter()
        self._objects: dict[str, _Object] = {}
        self._versions = count(1)
        self._lock = Lock()

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key."""
        self._count("list")
        validate_prefix(prefix)
        with self._lock:
            found = [held.info for key, held in self._objects.items() if key.startswith(prefix)]
        yield from sorted(found, key=lambda info: info.key)

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object."""
        self._count("stat")
        return self._get(key).info

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return a small object's content and its etag."""
        self._count("read")
        held = self._get(key)
        return held.content, held.info

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step."""
        self._count("write")
        if (if_match is not None or if_absent) and not self.has_compare_and_swap:
            raise NotSupported(f"{self.url} has no compare-and-swap")
        return self._put(key, content, if_match=if_match, if_absent=if_absent)

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`."""
        self._count("download")
        held = self._get(key)
        if if_match is not None and if_match != held.info.etag:
            raise Conflict(f"{key} in {self.url} has changed")
        with translated(f"write {path}"):
            file = path.open("wb")
        with file:
            writer = HashingWriter(file, advance=advance)
            for start in range(0, len(held.content), CHUNK):
                writer.write(held.content[start : start + CHUNK])
        return Downloaded(held.info, writer.sha256)

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file and note its digest."""
        self._count("upload")
        validate_key(key)
        with translated(f"read {path}"):
            file = path.open("rb")
        with file:
            reader = HashingReader(file, advance=advance)
            content = b"".join(iter(lambda: reader.read(CHUNK), b""))
        if reader.sha256 != sha256:
            raise IntegrityError(f"{path} changed while it was sent to {self.url}")
        return self._put(key, content)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        self._count("delete")
        validate_key(key)
        with self._lock:
            self._objects.pop(key, None)

    def close(self) -> None:
        """Do nothing."""

    def _count(self, operation: str) -> None:
        with self._lock:
            self.requests[operation] += 1

    def _get(self, key: str) -> _Object:
        validate_key(key)
        with self._lock:
            if key not in self._objects:
                raise NotFound(f"there is no {key} in {self.url}")
            return self._objects[key]

    def _put(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        validate_key(key)
        digest = digest_bytes(content)
        with self._lock:
            old = self._objects.get(key)
            etag = old.info.etag if old else None
            if (if_absent and old) or (if_match is not None and if_match != etag):
                raise Conflict(f"{key} in {self.url} was written by somebody else")
            info = ObjectInfo(
                key, digest.size, str(next(self._versions)), datetime.now(UTC), digest.sha256
            )
            self._objects[key] = _Object(content, info)
        return info
