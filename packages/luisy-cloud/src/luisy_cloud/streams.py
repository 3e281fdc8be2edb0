"""Large files on their way, in order: a digest needs their bytes from the first to the last.

The blocks of an upload are read in order, and sent by several threads. Those of a download are
asked for in order, and each is written to its place as it arrives. The digests are taken of what
the file then holds, up to where nothing is missing: no block waits in memory for those before it.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from io import BufferedReader, FileIO
from threading import Lock
from typing import TypeVar

from luisy_protocol.digest import HashingReader
from luisy_protocol.errors import IntegrityError, Unavailable
from luisy_protocol.file_placement import write_whole
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance

PIECE = 256 * 1024  # is still in the processor's cache when it is written

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


class CheckedReader:
    """Reads a file whose digest is known, and refuses to come to its end if that is another one.

    What was read is committed only after the last byte, so a wrong file is never committed.

    Args:
        file: The file, at its beginning.
        size: How many bytes it must have.
        sha256: The digest that its bytes must have.
        advance: Told of the bytes read.

    Attributes:
        md5: The MD5 of the bytes, at the end.
    """

    def __init__(
        self, file: BufferedReader, *, size: int, sha256: str, advance: Advance | None = None
    ) -> None:
        self._file = file
        self._reader = HashingReader(file, advance=advance)
        self._size = size
        self._sha256 = sha256
        self._running_md5 = hashlib.md5(usedforsecurity=False)
        self.md5 = bytearray()

    def read(self, size: int = -1) -> bytes:
        """Return at most `size` bytes.

        Raises:
            IntegrityError: If the file ends and was not the expected one.
        """
        with translated(f"read {self._file.name}"):
            chunk = self._file.read(size)
        self._passed(chunk, is_end=len(chunk) < size or not chunk)
        return chunk

    def readinto(self, memory: memoryview) -> memoryview:
        """Fill `memory`, or its beginning if the file ends, and return what was filled.

        Raises:
            IntegrityError: If the file ends and was not the expected one.
        """
        with translated(f"read {self._file.name}"):
            filled = memory[: self._file.readinto(memory)]
        self._passed(filled, is_end=len(filled) < len(memory))
        return filled

    def _passed(self, chunk: bytes | memoryview, *, is_end: bool) -> None:
        self._reader.passed(chunk)
        self._running_md5.update(chunk)
        if is_end or self._reader.size >= self._size:
            if self._reader.sha256 != self._sha256:
                raise IntegrityError(
                    f"{self._file.name} changed since its digest was taken; run the task again"
                )
            self.md5 = bytearray(self._running_md5.digest())


class CheckedWriter:
    """Writes a file, takes its SHA-256, and compares its size, and its MD5 if that is known.

    Its beginning is written by one thread. Then others may fill in parts in any order, while this
    one takes the digests of them from the file.

    Args:
        file: The file, empty, to be written and read, and without a buffer: what a full disk
            refuses is told at once.
        key: What it comes from.
        size: How many bytes it must have in the end.
        md5: The MD5 that its bytes must have, if known.
        advance: Told of the bytes whose digests are taken.
    """

    def __init__(
        self,
        file: FileIO,
        *,
        key: str,
        size: int,
        md5: bytes | None,
        advance: Advance | None = None,
    ) -> None:
        self._file = file
        self._place = Lock()
        self._advance = advance
        self._key = key
        self._size = size
        self._checked = 0
        self._md5 = md5
        self._sha256 = hashlib.sha256()
        self._running_md5 = hashlib.md5(usedforsecurity=False)

    def write(self, content: bytes) -> None:
        """Write the beginning."""
        with translated(f"write {self._file.name}"):
            write_whole(self._file, content)
        self._passed(content)

    def fill(self, start: int, end: int, pieces: Iterable[bytes]) -> None:
        """Write a part to its place, piece by piece; several threads may, each another part.

        Raises:
            LuisyError: If the disk is full, or the file cannot be written for another reason.
            Unavailable: If the part has another size: the answer was faulty, not what is stored.
        """
        for piece in pieces:
            if start + len(piece) > end:
                raise Unavailable(f"{self._key} arrived with more than was asked for; try again")
            with self._place, translated(f"write {self._file.name}"):
                self._file.seek(start)
                write_whole(self._file, piece)
            start += len(piece)
        if start < end:
            raise Unavailable(f"{self._key} arrived {end - start:,} bytes too short; try again")

    def check(self, end: int) -> None:
        """Take the digests up to `end`; all before it must be written.

        Raises:
            IntegrityError: If somebody cut the file.
        """
        while self._checked < end:
            with self._place, translated(f"read {self._file.name}"):
                self._file.seek(self._checked)
                piece = self._file.read(min(PIECE, end - self._checked))
            if not piece:
                raise IntegrityError(f"{self._file.name} was cut while it was written; try again")
            self._passed(piece)

    def finish(self) -> str:
        """Close the file and return the SHA-256 of what it holds.

        Raises:
            LuisyError: If a network drive tells only now that it is full.
            Unavailable: If it has another size: the answers were faulty, not what is stored.
            IntegrityError: If it has another MD5.
        """
        with translated(f"write {self._file.name}"):
            self._file.close()
        if lacking := self._size - self._checked:
            how = "short" if lacking > 0 else "long"
            raise Unavailable(f"{self._key} arrived {abs(lacking):,} bytes too {how}; try again")
        if self._md5 and self._running_md5.digest() != self._md5:
            raise IntegrityError(f"{self._key} does not match its own Content-MD5")
        return self._sha256.hexdigest()

    def _passed(self, piece: bytes) -> None:
        self._checked += len(piece)
        self._sha256.update(piece)
        if self._md5:
            self._running_md5.update(piece)
        if self._advance:
            self._advance(len(piece))


def in_order(
    work: Callable[[_Item], _Result], items: Iterable[_Item], *, at_a_time: int
) -> Generator[_Result]:
    """Yield the result of each item, in their order, while those of the next ones are prepared.

    When it is closed, or a result is an error, it waits for those that are under way, and begins no
    others.

    Args:
        work: What makes a result of an item; called in threads.
        items: What to work on; consumed as needed.
        at_a_time: How many are under way, or waiting to be yielded.
    """
    pending: deque[Future[_Result]] = deque()
    with ThreadPoolExecutor(at_a_time, thread_name_prefix="luisy-block") as pool:
        for item in items:
            pending.append(pool.submit(work, item))
            if len(pending) == at_a_time:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
