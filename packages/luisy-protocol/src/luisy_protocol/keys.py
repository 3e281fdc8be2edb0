"""Keys: the names that objects have in a store and outputs have below a working directory.

A key is a relative posix path in plain text: ``<project>/<layer>/[<sub_dir>/]<file name>``.
Whatever a user, a store, a server or an archive says, a key is validated once, at the border,
before anything is opened or sent. Not allowed are: an empty key, a leading or trailing ``/``, an
empty, ``.`` or ``..`` segment, a backslash, a control character, text that UTF-8 cannot encode, a
drive letter at the beginning, more than 1,024 bytes in all (the limit of S3 and Azure) or 255 in
one segment (the limit of file systems). On Windows, `path_below` refuses in addition what that
system cannot name.

A prefix is the beginning of a key, cut anywhere: ``project/ra`` and ``project/raw/`` are prefixes.
"""

from __future__ import annotations

import os
import re
from pathlib import Path

from luisy_protocol.errors import InvalidKey

MAX_KEY_BYTES = 1024
MAX_SEGMENT_BYTES = 255

# What most keys are; all of them are valid if they are short enough.
_ORDINARY = re.compile(r"(?:[\w-][\w. =,+-]{0,200}/)*[\w-][\w. =,+-]{0,200}", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_DRIVE = re.compile(r"[A-Za-z]:")
_NOT_ON_WINDOWS = re.compile(r'[<>:"|?*]|[. ](?:/|$)')
_WINDOWS_DEVICES = re.compile(
    r"(?:^|/)(?:con|prn|aux|nul|com[1-9]|lpt[1-9])(?:\.[^/]*)?(?:/|$)", re.IGNORECASE
)


def validate_key(key: str) -> str:
    """Return `key` if it is one that every store may hold.

    Raises:
        InvalidKey: If it is not; the message says why.
    """
    if not isinstance(key, str):
        raise _invalid(key, f"it is {type(key).__name__}, not text")
    if len(key) <= MAX_KEY_BYTES and _ORDINARY.fullmatch(key):
        return key
    if not key:
        raise _invalid(key, "it is empty")
    if key.endswith("/"):
        raise _invalid(key, "it ends with '/'")
    _check_text(key, key.split("/"))
    return key


def validate_prefix(prefix: str) -> str:
    """Return `prefix` if a valid key may begin with it; the empty one is the beginning of all.

    Raises:
        InvalidKey: If no valid key begins with it.
    """
    if not isinstance(prefix, str):
        raise _invalid(prefix, f"it is {type(prefix).__name__}, not text")
    folder, _, rest = prefix.rpartition("/")
    if not folder and prefix.startswith("/"):
        raise _invalid(prefix, "it starts with '/'")
    _check_text(prefix, folder.split("/") if folder else [])
    if len(_encoded(prefix, rest)) > MAX_SEGMENT_BYTES:
        raise _invalid(prefix, f"a name in it is longer than {MAX_SEGMENT_BYTES} bytes")
    return prefix


def join_key(*parts: str) -> str:
    """Join keys, or single names, to one key; empty parts are left out.

    Raises:
        InvalidKey: If the result is not a valid key.
    """
    return validate_key("/".join(part for part in parts if part))


def path_below(root: Path, key: str) -> Path:
    """Return the path of `key` below the folder `root`.

    Raises:
        InvalidKey: If the key is invalid, or a symbolic link leads out of `root`.
    """
    validate_key(key)
    if os.name == "nt":
        check_on_windows(key)
    path = root.joinpath(*key.split("/"))
    real_root, real_path = os.path.realpath(root), os.path.realpath(path)
    if not Path(real_path).is_relative_to(real_root):
        raise _invalid(key, f"a symbolic link leads out of {root} to {real_path}")
    return path


def check_on_windows(key: str) -> None:
    """Refuse a valid key that names no file, or a device, on Windows.

    Raises:
        InvalidKey: If Windows would reject it or take it for something else.
    """
    if _NOT_ON_WINDOWS.search(key) or _WINDOWS_DEVICES.search(key):
        raise _invalid(key, "Windows has no file of that name")


def _check_text(text: str, segments: list[str]) -> None:
    if text.startswith("/"):
        raise _invalid(text, "it starts with '/'")
    if "\\" in text:
        raise _invalid(text, "it has a backslash")
    if _CONTROL.search(text):
        raise _invalid(text, "it has a control character")
    if _DRIVE.match(text):
        raise _invalid(text, "it starts with a drive letter")
    if len(_encoded(text, text)) > MAX_KEY_BYTES:
        raise _invalid(text, f"it is longer than {MAX_KEY_BYTES} bytes")
    for segment in segments:
        _check_segment(text, segment)


def _check_segment(text: str, segment: str) -> None:
    if not segment:
        raise _invalid(text, "it has '//'")
    if segment in {".", ".."}:
        raise _invalid(text, f"it has the segment '{segment}'")
    if len(segment.encode()) > MAX_SEGMENT_BYTES:
        raise _invalid(text, f"a name in it is longer than {MAX_SEGMENT_BYTES} bytes")


def _encoded(text: str, part: str) -> bytes:
    try:
        return part.encode()
    except UnicodeEncodeError as error:
        raise _invalid(text, "it is not valid Unicode text") from error


def _invalid(key: object, reason: str) -> InvalidKey:
    shown = ascii(key) if isinstance(key, str) else repr(key)
    if len(shown) > 120:
        shown = f"{shown[:100]}...{shown[-10:]}"
    return InvalidKey(f"the key {shown} is not allowed: {reason}")
