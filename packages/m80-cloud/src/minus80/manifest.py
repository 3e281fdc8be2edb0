"""The files of one version of a dataset, and their text in the bucket.

A manifest is a pure function of the files: the same files always give the same text, so its digest
names it, and two versions with the same content share it. The text is JSON without spaces, sorted
by path:

    {"format":"minus80-manifest","version":1,"files":[{"path":...,"sha256":...,"size":...,"gzip":true}]}

``gzip`` is there only where the content is stored compressed; digest and size are always those of
the file itself. Whatever a bucket says is checked here, once: a path that would leave the
dataset's folder, appears twice, or is a folder of another is refused.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luisy_protocol.errors import IntegrityError
from luisy_protocol.keys import validate_key

FORMAT = "minus80-manifest"
VERSION = 1
_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class File:
    """One file of a version.

    Attributes:
        path: The posix path below the dataset's folder.
        sha256: The digest of its content.
        size: Its size in bytes.
        gzip: Whether the content is stored compressed.
    """

    path: str
    sha256: str
    size: int
    gzip: bool = False


@dataclass(frozen=True, slots=True)
class Manifest:
    """All files of a version, sorted by path."""

    files: tuple[File, ...]

    @property
    def size(self) -> int:
        """The sum of the files' sizes in bytes."""
        return sum(file.size for file in self.files)


def manifest_of(files: Iterable[File]) -> Manifest:
    """Return the manifest of some files."""
    return Manifest(tuple(sorted(files, key=lambda file: file.path)))


def encode(manifest: Manifest) -> bytes:
    """Return the text of a manifest."""
    files = [_encoded(file) for file in manifest.files]
    content = {"format": FORMAT, "version": VERSION, "files": files}
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def digest(manifest: Manifest) -> str:
    """Return the digest by which a manifest is called."""
    return hashlib.sha256(encode(manifest)).hexdigest()


def decode(text: bytes, *, name: str) -> Manifest:
    """Return the manifest in a text.

    Args:
        text: What is in the bucket.
        name: What to call it in messages.

    Raises:
        IntegrityError: If it is malformed, from a newer minus80, or names a file outside.
    """
    content = decode_header(text, form=FORMAT, version=VERSION, name=name)
    try:
        entries = content["files"]
        if not isinstance(entries, list):
            raise TypeError("its files are no list")  # noqa: TRY301 - told below
        files = tuple(_decoded(entry) for entry in entries)
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"{name} is malformed: {error}") from error
    _check_paths([file.path for file in files], name)
    return manifest_of(files)


def decode_header(text: bytes, *, form: str, version: int, name: str) -> Mapping[str, object]:
    """Return the JSON object in a text of one of our formats.

    Raises:
        IntegrityError: If it has another format or a newer version.
    """
    try:
        content = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise IntegrityError(
            f"{name} is no JSON; it was damaged or not written by minus80"
        ) from error
    if not isinstance(content, dict) or content.get("format") != form:
        raise IntegrityError(f"{name} is not a {form}; it was damaged or not written by minus80")
    found = content.get("version")
    if not isinstance(found, int) or found < 1:
        raise IntegrityError(f"{name} has no valid version")
    if found > version:
        raise IntegrityError(f"{name} was written by a newer minus80; pip install -U m80-cloud")
    return content


def is_sha256(text: object) -> bool:
    """Tell whether this is a digest in hexadecimal digits."""
    return isinstance(text, str) and _SHA256.fullmatch(text) is not None


def _encoded(file: File) -> dict[str, object]:
    entry: dict[str, object] = {"path": file.path, "sha256": file.sha256, "size": file.size}
    if file.gzip:
        entry["gzip"] = True
    return entry


def _decoded(entry: object) -> File:
    if not isinstance(entry, dict):
        raise TypeError("a file is no object")
    path, sha256, size = entry["path"], entry["sha256"], entry["size"]
    gzip = entry.get("gzip", False)
    if not is_sha256(sha256):
        raise ValueError(f"{sha256!r} is no SHA-256")
    if isinstance(size, bool) or not isinstance(size, int) or size < 0:
        raise ValueError(f"{size!r} is no size")
    if not isinstance(gzip, bool):
        raise TypeError(f"'gzip' is {gzip!r}")
    return File(validate_key(path), sha256, size, gzip)


def _check_paths(paths: list[str], name: str) -> None:
    present = set(paths)
    if len(present) != len(paths):
        raise IntegrityError(f"{name} is malformed: it has a file twice")
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder:
            if folder in present:
                raise IntegrityError(f"{name} is malformed: {folder} is a file and a folder")
            folder = folder.rpartition("/")[0]
