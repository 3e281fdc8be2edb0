"""What the SDK reads from and writes to, while digests are taken.

The SDK reads a file in order, and hands the blocks to its threads. It writes a file in the order
in which blocks arrive, under a lock, after seeking to the place of each. The digest needs them in
the order of the file: a block that comes early is digested later, read back from the file (and so
from the cache of the operating system) when all before it are there.
"""

from __future__ import annotations

import hashlib
from typing import BinaryIO

from luisy_protocol.digest import CHUNK, HashingReader
from luisy_protocol.errors import IntegrityError
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance


class CheckedReader:
    """Reads a file whose digest is known, and refuses to come to its end if that is another one.

    The SDK commits what was read only after the last byte, so a wrong file is never committed.

    Args:
        file: The file, at its beginning.
        size: How many bytes it must have.
        sha256: The digest that its bytes must have.
        advance: Told of the bytes read.

    Attributes:
        md5: All zero until the end, then the MD5 of the bytes. The SDK gets it at the beginning but
            looks at it only when it commits, and so the file need not be read twice.
    """

    def __init__(
        self, file: BinaryIO, *, size: int, sha256: str, advance: Advance | None = None
    ) -> None:
        self._file = file
        self._reader = HashingReader(file, advance=advance)
        self._size = size
        self._sha256 = sha256
        self._running_md5 = hashlib.md5(usedforsecurity=False)
        self.md5 = bytearray(16)

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes.

        Raises:
            IntegrityError: If the file ends and was not the expected one.
        """
        with translated(f"read {self._file.name}"):
            chunk = self._file.read(size)
        self._reader.passed(chunk)
        self._running_md5.update(chunk)
        is_end = self._reader.size >= self._size or len(chunk) < size or not chunk
        if is_end:
            if self._reader.sha256 != self._sha256:
                raise IntegrityError(
                    f"{self._file.name} changed since its digest was taken; run the task again"
                )
            self.md5[:] = self._running_md5.digest()
        return chunk

    def seekable(self) -> bool:
        """Return False: the SDK must read in order."""
        return False


class OrderedDigest:
    """A file that is written block by block in any order, and digested in its own order.

    Args:
        file: The file, empty, open for reading and writing.
        advance: Told of the bytes written.
        algorithms: The names of the digests to be taken.
    """

    def __init__(
        self, file: BinaryIO, *, advance: Advance | None = None, algorithms: tuple[str, ...]
    ) -> None:
        self._file = file
        self._advance = advance
        self._digests = {name: hashlib.new(name, usedforsecurity=False) for name in algorithms}
        self._at = 0
        self._digested = 0
        self._waiting: dict[int, int] = {}

    def seekable(self) -> bool:
        """Return True: blocks may come in any order."""
        return True

    def tell(self) -> int:
        """Return where the next block goes."""
        return self._at

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to the place of the next block."""
        if whence:
            raise ValueError("a place is counted from the beginning")
        self._at = offset
        return offset

    def write(self, block: bytes) -> int:
        """Write a block at its place."""
        with translated(f"write {self._file.name}"):
            self._file.seek(self._at)
            self._file.write(block)
        if self._at == self._digested:
            self._update(block)
            self._catch_up()
        else:
            self._waiting[self._at] = len(block)
        self._at += len(block)
        if self._advance:
            self._advance(len(block))
        return len(block)

    def digest(self, algorithm: str) -> bytes:
        """Return a digest of the whole file, once every block is there."""
        return self._digests[algorithm].digest()

    def _catch_up(self) -> None:
        while self._digested in self._waiting:
            left = self._waiting.pop(self._digested)
            while left:
                chunk = self._read_back(min(left, CHUNK))
                left -= len(chunk)
                self._update(chunk)

    def _read_back(self, size: int) -> bytes:
        with translated(f"read {self._file.name}"):
            self._file.seek(self._digested)
            chunk = self._file.read(size)
        if not chunk:
            raise IntegrityError(f"{self._file.name} was cut while it was written")
        return chunk

    def _update(self, chunk: bytes) -> None:
        for digest in self._digests.values():
            digest.update(chunk)
        self._digested += len(chunk)
