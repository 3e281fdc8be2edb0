"""How content gets its place in a file store: folders, copies and times of modification."""

from __future__ import annotations

import os
import shutil
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from luisy_protocol.digest import CHUNK, HashingReader
from luisy_protocol.errors import LuisyError, NotSupported
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance

# From what keeps nanoseconds to what keeps two seconds (FAT).
_TIME_STEPS = (0, 1, 100, 1_000, 1_000_000, 1_000_000_000, 2_000_000_000)


def set_later_time(path: Path, old: os.stat_result | None) -> None:
    """Give a file a time of modification that is after that of the file it replaces."""
    now = time.time_ns()
    before = old.st_mtime_ns if old else 0
    for step in _TIME_STEPS:
        wanted = max(now, before) + step
        os.utime(path, ns=(wanted, wanted))
        if path.stat().st_mtime_ns > before:
            return
    raise LuisyError(f"the file system of {path} does not keep the time of modification")


def make_folder(path: Path, *, above: Path) -> None:
    """Make a folder and those up to `above`, each with the permissions of the one above it."""
    if path == above or path.is_dir():
        return
    make_folder(path.parent, above=above)
    try:
        path.mkdir()
    except FileExistsError:
        if not path.is_dir():
            raise NotSupported(f"{path} is a file, so nothing can be stored below it") from None
        return
    if path.parent != above or above.is_dir():
        with suppress(OSError):
            shutil.copymode(path.parent, path)


def copy_hashed(file: BinaryIO, path: Path, *, source: str, advance: Advance | None) -> str:
    """Copy an open file to a path, hashing it; only the file's own errors are translated."""
    reader = HashingReader(file, advance=advance)
    with translated(f"write {path}"):
        target = path.open("wb", buffering=0)  # what a full disk refuses is told at once
    with target:
        while True:
            with translated(f"read {source}"):
                chunk = file.read(CHUNK)
            with translated(f"write {path}"):
                write_whole(target, chunk) if chunk else target.close()
            if not chunk:
                return reader.sha256
            reader.passed(chunk)


def write_whole(file: BinaryIO, content: bytes) -> None:
    """Write all of some bytes to a file without a buffer, which may take a part at a time."""
    left = memoryview(content)
    while left:
        left = left[file.write(left) :]
