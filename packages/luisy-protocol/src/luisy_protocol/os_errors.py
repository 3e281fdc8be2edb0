"""Translate the operating system's errors into the errors of `luisy_protocol.errors`.

By the error number::

    NotFound        ENOENT
    AccessDenied    EACCES, EPERM, EROFS
    Unavailable     EIO, ESTALE, ETIMEDOUT and others by which a network drive says that it is gone
    NotSupported    ENOTDIR, EISDIR: the file system has a folder where a file is asked for
    LuisyError      ENOSPC, EDQUOT (the disk is full), EFBIG (the file is), and everything else
"""

from __future__ import annotations

import errno

from luisy_protocol.errors import AccessDenied, LuisyError, NotFound, NotSupported, Unavailable

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_DISK_FULL = "the disk is full; free some space and try again"
_NO_ROOM = {
    errno.ENOSPC: _DISK_FULL,
    errno.EDQUOT: _DISK_FULL,
    errno.EFBIG: "the file is larger than allowed; raise the limit (ulimit -f, or that of the file "
    "system) and try again",
}
_GONE = {
    errno.EIO,
    errno.ESTALE,
    errno.ETIMEDOUT,
    errno.ENOTCONN,
    errno.EHOSTDOWN,
    errno.EHOSTUNREACH,
    errno.ENETUNREACH,
    errno.ECONNRESET,
}
_NOT_A_FILE = {errno.ENOTDIR, errno.EISDIR}


class translated:  # noqa: N801 - reads as the function that it is used as
    """Turn an `OSError` of the block into a `LuisyError` that says what could not be done.

    A class, for a generator costs ten times as much, and a task of a pipeline passes ten of these.

    Args:
        action: What is tried, as in "write /data/x": the message begins with "cannot " and this.
    """

    __slots__ = ("_action",)

    def __init__(self, action: str) -> None:
        self._action = action

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if isinstance(error, OSError) and not isinstance(error, LuisyError):
            raise translate(error, self._action) from error


def is_full(error: OSError) -> bool:
    """Tell whether there was no room: on the disk, within a quota or a limit for one file."""
    return error.errno in _NO_ROOM


def translate(error: OSError, action: str) -> LuisyError:
    """Return the `LuisyError` for an error of the operating system."""
    code, reason = error.errno, error.strerror or str(error)
    if code in _NO_ROOM:
        return LuisyError(f"cannot {action}: {_NO_ROOM[code]}")
    if code in _DENIED:
        return AccessDenied(f"cannot {action}: {reason}")
    if code == errno.ENOENT:
        return NotFound(f"cannot {action}: {reason}")
    if code in _GONE:
        return Unavailable(f"cannot {action}: {reason}; is the drive still there?")
    if code in _NOT_A_FILE:
        return NotSupported(f"cannot {action}: a file and a folder would have the same name")
    return LuisyError(f"cannot {action}: {reason}")
