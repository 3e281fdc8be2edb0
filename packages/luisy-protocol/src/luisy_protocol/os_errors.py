"""Translate the operating system's errors into the errors of `luisy_protocol.errors`.

By the error number::

    NotFound        ENOENT
    AccessDenied    EACCES, EPERM, EROFS
    Unavailable     EIO, ESTALE, ETIMEDOUT and others by which a network drive says that it is gone
    NotSupported    ENOTDIR, EISDIR: the file system has a folder where a file is asked for
    LuisyError      ENOSPC, EDQUOT (the disk is full), and everything else
"""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from luisy_protocol.errors import AccessDenied, LuisyError, NotFound, NotSupported, Unavailable

_DENIED = {errno.EACCES, errno.EPERM, errno.EROFS}
_FULL = {errno.ENOSPC, errno.EDQUOT}
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


@contextmanager
def translated(action: str) -> Iterator[None]:
    """Turn an `OSError` of the block into a `LuisyError` that says what could not be done.

    Args:
        action: What is tried, as in "write /data/x": the message begins with "cannot " and this.
    """
    try:
        yield
    except LuisyError:
        raise
    except OSError as error:
        raise translate(error, action) from error


def translate(error: OSError, action: str) -> LuisyError:
    """Return the `LuisyError` for an error of the operating system."""
    code, reason = error.errno, error.strerror or str(error)
    if code in _FULL:
        return LuisyError(f"cannot {action}: the disk is full; free some space and try again")
    if code in _DENIED:
        return AccessDenied(f"cannot {action}: {reason}")
    if code == errno.ENOENT:
        return NotFound(f"cannot {action}: {reason}")
    if code in _GONE:
        return Unavailable(f"cannot {action}: {reason}; is the drive still there?")
    if code in _NOT_A_FILE:
        return NotSupported(f"cannot {action}: a file and a folder would have the same name")
    return LuisyError(f"cannot {action}: {reason}")
