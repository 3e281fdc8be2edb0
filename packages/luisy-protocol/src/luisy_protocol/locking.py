"""A lock between processes, as a file."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from filelock import FileLock, Timeout

from luisy_protocol.errors import Unavailable
from luisy_protocol.os_errors import translated

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, LOCK_UN, flock

_PATIENCE = 60.0
_POLL = 0.002


@contextmanager
def locked(path: Path, *, patience: float = _PATIENCE) -> Iterator[None]:
    """Hold the lock file `path` during the block, against other threads and processes.

    The operating system releases the lock of a process that dies. The file stays. It may be locked
    by whoever may write in its folder, so that several users can share one.

    Raises:
        Unavailable: If somebody else holds the lock for longer than `patience` seconds.
        AccessDenied, NotFound, LuisyError: If the lock file cannot be made.
    """
    with translated(f"lock {path}"):
        release = _take_at_once(path) or _take(path, patience)
    try:
        yield
    finally:
        release()


def _take(path: Path, patience: float) -> Callable[[], object]:
    mode = path.parent.stat().st_mode & 0o666 | 0o600
    lock = FileLock(path, timeout=patience, mode=mode, poll_interval=_POLL)
    try:
        lock.acquire()
    except Timeout as error:
        raise Unavailable(
            f"another process has held {path} for {patience:.0f} seconds; "
            "wait for it to end, or end it, and try again"
        ) from error
    return lock.release


def _take_at_once(path: Path) -> Callable[[], object] | None:
    """Take a lock that is free, as filelock does but in a twentieth of its time.

    Every task of a pipeline takes one. Where there is no such file yet, where somebody else holds
    the lock, or where the system has no such locks, filelock knows better.
    """
    if sys.platform == "win32":
        return None
    try:
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        flock(file, LOCK_EX | LOCK_NB)
    except OSError:
        os.close(file)
        return None
    return partial(_let_go, file)


def _let_go(file: int) -> None:
    # A process that was forked meanwhile has the file open, too: closing it here is not enough.
    if sys.platform != "win32":
        flock(file, LOCK_UN)
    os.close(file)
