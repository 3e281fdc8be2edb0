"""Every error of the operating system becomes one of ours, with the place and the reason."""

import errno
import os
from pathlib import Path

import pytest
from luisy_protocol import AccessDenied, LuisyError, NotFound, NotSupported, Unavailable
from luisy_protocol.os_errors import is_full, translated

CASES = [
    (errno.ENOENT, NotFound, "No such file"),
    (errno.EACCES, AccessDenied, "denied"),
    (errno.EPERM, AccessDenied, "permitted"),
    (errno.EROFS, AccessDenied, "Read-only"),
    (errno.ENOSPC, LuisyError, "the disk is full"),
    (errno.EDQUOT, LuisyError, "the disk is full"),
    (errno.EFBIG, LuisyError, "larger than allowed"),
    (errno.EIO, Unavailable, "drive"),
    (errno.ESTALE, Unavailable, "drive"),
    (errno.ENOTDIR, NotSupported, "same name"),
    (errno.EMFILE, LuisyError, "Too many open files"),
]


@pytest.mark.parametrize(("code", "kind", "words"), CASES, ids=lambda v: str(v)[:20])
def test_os_error_is_translated(code, kind, words):
    original = OSError(code, os.strerror(code))
    with pytest.raises(LuisyError, match=words) as caught, translated("write /data/x"):
        raise original
    assert type(caught.value) is kind
    assert str(caught.value).startswith("cannot write /data/x: ")
    assert caught.value.__cause__ is original


@pytest.mark.parametrize("error", [NotFound("gone"), ValueError("bug"), KeyboardInterrupt()])
def test_other_exception_passes(error):
    with pytest.raises(type(error)) as caught, translated("write"):
        raise error
    assert caught.value is error


def test_full_disk_is_told_in_words():
    with pytest.raises(LuisyError, match="disk is full"), translated("write /dev/full"):
        with Path("/dev/full").open("wb", buffering=0) as file:
            file.write(b"1")


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_lack_of_room_is_known_by_its_number(code):
    assert is_full(OSError(code, "no room"))


@pytest.mark.parametrize("error", [OSError(errno.EACCES, "no"), OSError("no"), NotFound("no")])
def test_other_error_is_no_lack_of_room(error):
    assert not is_full(error)
