"""A store that fails on request, in front of one that does not."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from luisy_protocol.digest import digest_file
from luisy_protocol.store import Advance, Downloaded, ObjectInfo, Store


class FaultyStore:
    """Passes everything on to another store, after the faults that a test asks for.

    Args:
        store: The store behind.
        before: Called with the operation's name and the key (or prefix) before it is passed on;
            what it raises, the operation raises. It may also count, wait, or change the store
            behind.
        moved: Called during a download or upload with the operation's name, the key and the bytes
            moved so far; what it raises interrupts the transfer there.
        damaged: Keys whose first byte arrives flipped when they are downloaded.
    """

    def __init__(
        self,
        store: Store,
        *,
        before: Callable[[str, str], None] | None = None,
        moved: Callable[[str, str, int], None] | None = None,
        damaged: Collection[str] = (),
    ) -> None:
        self._store = store
        self._before = before
        self._moved = moved
        self._damaged = damaged

    @property
    def url(self) -> str:
        """The URL of the store behind."""
        return self._store.url

    @property
    def has_compare_and_swap(self) -> bool:
        """Whether the store behind has it."""
        return self._store.has_compare_and_swap

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """List, after `before`."""
        self._fail("list", prefix)
        return self._store.list(prefix)

    def stat(self, key: str) -> ObjectInfo:
        """Stat, after `before`."""
        self._fail("stat", key)
        return self._store.stat(key)

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Read, after `before`."""
        self._fail("read", key)
        return self._store.read(key)

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Write, after `before`."""
        self._fail("write", key)
        return self._store.write(key, content, if_match=if_match, if_absent=if_absent)

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Download, after `before`, with `moved` on the way, and with damage if the key has any."""
        self._fail("download", key)
        watch = self._watch("download", key, advance)
        found = self._store.download(key, path, if_match=if_match, advance=watch)
        if key not in self._damaged:
            return found
        with path.open("r+b") as file:
            first = file.read(1) or b"\0"
            file.seek(0)
            file.write(bytes([first[0] ^ 0xFF]))
        return Downloaded(found.info, digest_file(path).sha256)

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Upload, after `before`, with `moved` on the way."""
        self._fail("upload", key)
        watch = self._watch("upload", key, advance)
        return self._store.upload(path, key, sha256=sha256, advance=watch)

    def delete(self, key: str) -> None:
        """Delete, after `before`."""
        self._fail("delete", key)
        self._store.delete(key)

    def close(self) -> None:
        """Close the store behind."""
        self._store.close()

    def _fail(self, operation: str, key: str) -> None:
        if self._before:
            self._before(operation, key)

    def _watch(self, operation: str, key: str, advance: Advance | None) -> Advance:
        total = 0

        def watch(size: int) -> None:
            nonlocal total
            total += size
            if self._moved:
                self._moved(operation, key, total)
            if advance:
                advance(size)

        return watch
