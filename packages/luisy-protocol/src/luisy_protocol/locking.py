"""A lock between processes, as a file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from luisy_protocol.errors import Unavailable
from luisy_protocol.os_errors import translated

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
        mode = os.stat(path.parent).st_mode & 0o666 | 0o600  # noqa: PTH116 - on the fast path
        lock = FileLock(path, timeout=patience, mode=mode, poll_interval=_POLL)
        try:
            lock.acquire()
        except Timeout as error:
            raise Unavailable(
                f"another process has held {path} for {patience:.0f} seconds; "
                "wait for it to end, or end it, and try again"
            ) from error
    try:
        yield
    finally:
        lock.release()
