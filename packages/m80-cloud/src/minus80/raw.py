"""Raw files: plain objects ``Raw/<dtype>/<file name>``, which any S3 tool can read.

A file is sent in parts and its upload is taken up again after a stop; so is a download. The digest
is noted with the object (`minus80.s3_multipart`), and what is fetched must have it. The last writer
wins: a raw file has no versions. A large file is read for its digest before it is sent only if one
of its size is there, which may be the same.
"""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path

from luisy_protocol.digest import digest_file
from luisy_protocol.errors import ConfigurationError, IntegrityError, NotFound
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.progress import TransferProgress
from luisy_protocol.store import ObjectInfo

from minus80.errors import DatasetNotFound
from minus80.folders import Folders
from minus80.layout import RAW, old_raw_key, raw_key
from minus80.names import suggestion, valid_dtype, valid_name
from minus80.packing import compress_file
from minus80.s3_connection import PART
from minus80.s3_store import S3Store
from minus80.snapshot import scratch_folder
from minus80.under_way import new_id


def put_raw(
    store: S3Store,
    folders: Folders,
    path: Path,
    dtype: str,
    *,
    compress: bool,
    resend: bool,
    progress: TransferProgress,
) -> ObjectInfo:
    """Store a file as it is, and return what is there.

    Args:
        store: The bucket.
        folders: For temporary files.
        path: The file.
        dtype: What it is; any word.
        compress: Whether to store it as ``<file name>.gz``.
        resend: Send it even if it is there.
        progress: Told of what travels.

    Raises:
        NotFound: If there is no such file.
    """
    valid_dtype(dtype)
    name = valid_name(path.name, what="name of a raw file")
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder; a raw file is one file")
    scratch, known = folders.temporary / f"{new_id()}.put", None
    with scratch_folder(scratch):
        if compress:
            packed = scratch / f"{name}.gz"
            known = compress_file(path, packed)
            path, name = packed, packed.name
        key = raw_key(dtype, name)
        with translated(f"read {path}"):
            size = path.stat().st_size
        there = None if resend else _there(store, key)
        if size <= PART or (there and there.size == size):
            known = known or digest_file(path).sha256
        if there and (there.size, there.sha256) == (size, known):
            return there
        progress.begin("put", files=1, size=size)
        try:
            info = store.upload(path, key, sha256=known, advance=progress.advance)
            progress.done(key)
        finally:
            progress.end()
        return info


def get_raw(
    store: S3Store, name: str, dtype: str, *, output: Path | None, progress: TransferProgress
) -> Path:
    """Fetch a raw file, of the old engine too, and return where it is.

    Args:
        store: The bucket.
        name: The file's name.
        dtype: What it is.
        output: The file or folder to write; the same name in the current folder by default.
        progress: Told of what travels.

    Raises:
        DatasetNotFound: If there is no such raw file; the message has the nearest names.
        IntegrityError: If it does not have the digest noted with it.
    """
    name = valid_name(Path(name).name, what="name of a raw file")
    info = _find(store, name, valid_dtype(dtype))
    path = output or Path(name)
    if path.is_dir():
        path /= name
    path = path.absolute()
    part, journal = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.part.json")
    with translated(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f".{path.name}.part.lock")
    with locked(lock):
        progress.begin("get", files=1, size=info.size)
        try:
            found = store.download(
                info.key, part, if_match=info.etag, advance=progress.advance, journal=journal
            )
            progress.done(info.key)
        finally:
            progress.end()
        journal.unlink(missing_ok=True)
        if info.sha256 is not None and found.sha256 != info.sha256:
            part.unlink()
            raise IntegrityError(
                f"{info.key} in {store.url} is damaged: its digest is not the one noted with it; "
                "put it again with resend=True from a machine that has it"
            )
        with translated(f"write {path}"):
            part.replace(path)
        with suppress(OSError):  # Windows keeps a file that is open
            lock.unlink(missing_ok=True)
    return path


def raw_files(store: S3Store, *, dtype: str | None = None) -> list[tuple[str, str]]:
    """Return the dtype and the name of each raw file, those of the old engine too."""
    keys = [info.key.removeprefix(RAW) for info in store.list(RAW + (dtype or ""))]
    pairs = [_split(key) for key in keys]
    return [pair for pair in pairs if pair and dtype in {None, pair[0]}]


def remove_raw(store: S3Store, name: str, dtype: str) -> None:
    """Remove a raw file.

    Raises:
        DatasetNotFound: If there is none.
    """
    store.delete(_find(store, valid_name(name, what="name of a raw file"), valid_dtype(dtype)).key)


def _find(store: S3Store, name: str, dtype: str) -> ObjectInfo:
    found = _there(store, raw_key(dtype, name)) or _there(store, old_raw_key(dtype, name))
    if found:
        return found
    known = [f"{dtype} {name}" for dtype, name in raw_files(store)]
    near = suggestion(f"{dtype} {name}", known)
    raise DatasetNotFound(f"there is no raw {dtype} '{name}' in {store.url}{near}")


def _there(store: S3Store, key: str) -> ObjectInfo | None:
    try:
        return store.stat(key)
    except NotFound:
        return None


def _split(key: str) -> tuple[str, str] | None:
    """Return the dtype and the name in a key below ``Raw/``; the old engine had a dot between."""
    separator = "/" if "/" in key else "."
    dtype, found, name = key.partition(separator)
    return (dtype, name) if found and dtype and name and "/" not in name else None
