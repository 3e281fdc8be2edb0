"""Temporary files beside the files they become.

A file that must appear whole is written under a temporary name in the same folder and renamed. The
name tells who writes it: ``.luisy-<host>-<pid>-<random>.part``. So a later run knows the leftovers
of a dead one and removes them: those of this machine whose process is gone, and those of any
machine that nobody has written to for a day. A process of another machine, or in another container,
has another host name and is left alone.
"""

from __future__ import annotations

import hashlib
import os
import platform
import re
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path

from luisy_protocol.os_errors import translated

_NAME = re.compile(r"\.luisy-([0-9a-f]{8})-([0-9]+)-[0-9a-f]{16}\.part")
_ABANDONED_AFTER = 24 * 60 * 60


def temporary_beside(path: Path) -> Path:
    """Return a new temporary name in the folder of `path`."""
    return path.with_name(f".luisy-{_host()}-{os.getpid()}-{secrets.token_hex(8)}.part")


def staging_beside(path: Path) -> Path:
    """Return the temporary name of a folder beside `path` in which it is made over several runs.

    It is the same in every process, so that a run finds what a dead one has left; being a folder,
    it is not swept.
    """
    name = hashlib.sha256(path.name.encode()).hexdigest()[:16]
    return path.with_name(f".luisy-00000000-0-{name}.part")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Give a temporary name beside `path`, and rename it to `path` when the block ends well.

    When the block raises, whatever it wrote is removed and `path` is as it was.
    """
    temporary = temporary_beside(path)
    try:
        yield temporary
        with translated(f"write {path}"):
            os.replace(temporary, path)  # noqa: PTH105 - `Path` makes a path of the path
    except BaseException:
        with suppress(OSError):
            temporary.unlink()
        raise


def is_temporary(name: str) -> bool:
    """Tell whether a file of this name is a temporary one of ours."""
    return name.startswith(".luisy-") and _NAME.fullmatch(name) is not None


def remove_leftovers(folder: Path) -> None:
    """Remove the temporary files that dead processes left in `folder`; what cannot be is left."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            match = _NAME.fullmatch(entry.name)
            if match and _is_leftover(entry, host=match[1], pid=int(match[2])):
                with suppress(OSError):
                    os.unlink(entry.path)  # noqa: PTH108 - the entry has the path as text


def _is_leftover(entry: os.DirEntry[str], *, host: str, pid: int) -> bool:
    if host == _host() and os.name == "posix":
        return not _is_alive(pid)
    try:
        return time.time() - entry.stat(follow_symlinks=False).st_mtime > _ABANDONED_AFTER
    except OSError:
        return False


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        return True
    return True


@cache
def _host() -> str:
    return hashlib.sha256(platform.node().encode()).hexdigest()[:8]
