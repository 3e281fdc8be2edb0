"""The digest of a file and of each of its parts, from one reading.

An upload in parts needs both before the first part travels: the digest of the whole is noted with
the object when the upload begins, and each part's request is signed with the digest of the part.
Both are taken of the same bytes in memory. So where each part arrives with its digest, the object
has the digest of the whole.

A second thread takes the digests of the parts, beside the whole one. What is in memory is a few
megabytes, however large a part is: many files may be read at a time.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from luisy_protocol.errors import IntegrityError
from luisy_protocol.os_errors import translated

PART = 8 * 1024 * 1024
_MOST_PARTS = 10_000
_PIECE = 512 * 1024
_PIECES = 4


@dataclass(frozen=True, slots=True)
class PartDigests:
    """A file as it was read.

    Attributes:
        sha256: The digest of the whole.
        size: The size in bytes.
        part_size: The size of each part but the last.
        parts: The digest of each part.
        stamp: What the file system said of the file before it was read.
    """

    sha256: str
    size: int
    part_size: int
    parts: tuple[str, ...]
    stamp: tuple[int, ...]


def digest_parts(path: Path) -> PartDigests:
    """Read a file and return its digests.

    Raises:
        NotFound, AccessDenied, LuisyError: If the file cannot be read.
    """
    with translated(f"read {path}"), path.open("rb") as file, ThreadPoolExecutor(1) as beside:
        stamp = stamp_of(os.fstat(file.fileno()))
        part_size = part_size_of(stamp[0])
        whole, size, parts = hashlib.sha256(), 0, []
        memory = cycle([memoryview(bytearray(_PIECE)) for _ in range(_PIECES)])
        under_way: deque[Future[None]] = deque()
        while count := file.readinto(piece := next(memory)):
            if size % part_size == 0:
                parts.append(hashlib.sha256())
            under_way.append(beside.submit(parts[-1].update, piece[:count]))
            whole.update(piece[:count])
            size += count
            if len(under_way) == _PIECES - 1:  # the next piece takes the memory of the first
                under_way.popleft().result()
        for last in under_way:
            last.result()
    digests = tuple(part.hexdigest() for part in parts)
    return PartDigests(whole.hexdigest(), size, part_size, digests, stamp)


def part_size_of(size: int) -> int:
    """Return the size of the parts of a file: S3 takes 10,000 of them at most."""
    return max(PART, -(-size // _MOST_PARTS // PART) * PART)


def stamp_of(status: os.stat_result) -> tuple[int, ...]:
    """Return what changes when a file's content does: size, time of modification, inode."""
    return status.st_size, status.st_mtime_ns, status.st_ino


def changed(path: Path, *, url: str) -> IntegrityError:
    """Return the error for a file that is not any more what it was when its digest was taken."""
    return IntegrityError(
        f"{path} does not have the digest it had before it was sent to {url}; did it change "
        "meanwhile? run again"
    )
