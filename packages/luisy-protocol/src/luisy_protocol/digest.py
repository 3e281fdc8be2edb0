"""Digests of files and folders.

The digest of a file is the SHA-256 of its bytes. The digest of a folder is the SHA-256 of its
listing, a text that depends on nothing but the names and the contents of its files::

    luisy-listing 1
    <sha256> <size> <name>
    ...

with the posix names relative to the folder, sorted by code point, each line ended by one newline,
in UTF-8. Names are valid keys, so none holds a newline. Times, modes, owners and empty folders do
not count: a store could not keep them. A link to a file counts as the file. A link to a folder and
anything that is neither file nor folder is an error, because it could not be stored; leftovers of
interrupted transfers (`luisy_protocol.temporary`) are passed over.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import BinaryIO

from luisy_protocol.errors import IntegrityError
from luisy_protocol.keys import validate_key
from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content
from luisy_protocol.store import Advance
from luisy_protocol.temporary import is_temporary

CHUNK = 1024 * 1024
_LINES_AT_ONCE = 1000
_LISTING_HEADER = b"luisy-listing 1\n"


class HashingReader:
    """A file opened for reading that hashes what passes; for SDKs that take a stream.

    Args:
        file: The file, at its beginning.
        advance: Told of the bytes that passed.
    """

    def __init__(self, file: BinaryIO, *, advance: Advance | None = None) -> None:
        self._file = file
        self._advance = advance
        self._hash = hashlib.sha256()
        self.size = 0

    def read(self, size: int = -1, /) -> bytes:
        """Read at most `size` bytes; all that is left by default."""
        chunk = self._file.read(size)
        self.passed(chunk)
        return chunk

    def passed(self, chunk: bytes | memoryview) -> None:
        """Count a chunk that the caller read by itself."""
        self._hash.update(chunk)
        self.size += len(chunk)
        if chunk and self._advance:
            self._advance(len(chunk))

    def restart(self) -> None:
        """Go back to the beginning, for a retry; what passed before does not count."""
        self._file.seek(0)
        self._hash = hashlib.sha256()
        passed, self.size = self.size, 0
        if passed and self._advance:
            self._advance(-passed)

    @property
    def sha256(self) -> str:
        """The digest of what has passed since the beginning."""
        return self._hash.hexdigest()


class HashingWriter:
    """A file opened for writing that hashes what passes; for SDKs that write to a stream.

    Args:
        file: The file, empty.
        advance: Told of the bytes that passed.
    """

    def __init__(self, file: BinaryIO, *, advance: Advance | None = None) -> None:
        self._file = file
        self._advance = advance
        self._hash = hashlib.sha256()
        self.size = 0

    def write(self, chunk: bytes, /) -> int:
        """Write all of `chunk`."""
        self._file.write(chunk)
        self._hash.update(chunk)
        self.size += len(chunk)
        if chunk and self._advance:
            self._advance(len(chunk))
        return len(chunk)

    def restart(self) -> None:
        """Empty the file, for a retry; what passed before does not count."""
        self._file.seek(0)
        self._file.truncate()
        self._hash = hashlib.sha256()
        passed, self.size = self.size, 0
        if passed and self._advance:
            self._advance(-passed)

    @property
    def sha256(self) -> str:
        """The digest of what has passed since the beginning."""
        return self._hash.hexdigest()


def digest_bytes(content: bytes) -> Content:
    """Return the digest and the size of some bytes."""
    return Content(hashlib.sha256(content).hexdigest(), len(content))


def digest_file(path: Path | str) -> Content:
    """Return the digest and the size of a file, in constant memory.

    Raises:
        NotFound, AccessDenied, LuisyError: If the file cannot be read.
    """
    passed, size = hashlib.sha256(), 0
    # A `Path`, or a buffer, costs more than all else for a small file.
    with translated(f"read {path}"), open(path, "rb", buffering=0) as file:  # noqa: PTH123
        while chunk := file.read(CHUNK):
            passed.update(chunk)
            size += len(chunk)
    return Content(passed.hexdigest(), size)


def digest_folder(path: Path) -> tuple[Content, dict[str, Content]]:
    """Return the digest of a folder, and the content of each of its files by posix name.

    Raises:
        InvalidKey: If a file has a name that no store may hold.
        IntegrityError: If something in it is neither a file nor a folder.
        NotFound, AccessDenied, LuisyError: If it cannot be read.
    """
    files = {name: digest_file(path / name) for name in sorted(list_folder(path))}
    return digest_listing(files), files


def digest_listing(files: Mapping[str, Content]) -> Content:
    """Return the digest of a folder that holds these files, and the sum of their sizes."""
    listing = hashlib.sha256(_LISTING_HEADER)
    total, lines = 0, []
    for name, (sha256, size) in sorted(files.items()):
        lines.append(f"{sha256} {size} {name}\n")
        total += size
        if len(lines) == _LINES_AT_ONCE:
            listing.update("".join(lines).encode())
            lines.clear()
    listing.update("".join(lines).encode())
    return Content(listing.hexdigest(), total)


def list_folder(path: Path) -> Iterator[str]:
    """Yield the posix name of each file below a folder, in no particular order.

    Raises:
        InvalidKey: If a file has a name that no store may hold.
        IntegrityError: If something in it is neither a file nor a folder.
        NotFound, AccessDenied, LuisyError: If it cannot be read.
    """
    pending = [""]
    while pending:
        below = pending.pop()
        with translated(f"list {path}"), os.scandir(path / below) as entries:
            found = list(entries)
        for entry in found:
            name = below + entry.name
            if is_temporary(entry.name):
                continue
            if entry.is_file():
                yield validate_key(name)
            elif entry.is_dir(follow_symlinks=False):
                pending.append(f"{name}/")
            else:
                raise IntegrityError(
                    f"{entry.path} is neither a file nor a folder, so it cannot be stored"
                )
