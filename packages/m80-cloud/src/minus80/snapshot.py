"""What is in a dataset's folder at this moment: each file's digest, and where its bytes are.

Rules. A SQLite database is not read as a file, for somebody may be writing to it: its online
backup is taken into a temporary file, and that is what the version holds; the files that SQLite
keeps beside it (``-wal``, ``-shm``, ``-journal``) are left out. Every other file is what it is
when it is read.

Digests are remembered (``<basedir>/cache/<slug>.json``) with what the file system says of the
file: size, times of modification and change, inode. A file of which all that is unchanged is not
read again. A file that changed just before it was looked at is not remembered, because its next
change might not show: in the tenth of a second before, which is many ticks of a system's clock, or
in the two seconds before, where the file system keeps whole seconds only.

Known limits. Whoever sets times back with the system's help can fool that memory; `resend` ignores
it.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.digest import digest_bytes, digest_file, list_folder
from luisy_protocol.errors import LuisyError
from luisy_protocol.os_errors import translate, translated
from luisy_protocol.temporary import replacing

from minus80.manifest import is_sha256

_MAGIC = b"SQLite format 3\0"
_BESIDE = ("-wal", "-shm", "-journal")
_VERSION = 1
_SMALL = 64 * 1024
_WORKERS = 4
_SECOND = 1_000_000_000
_FRESH = _SECOND // 10
_FRESH_IN_WHOLE_SECONDS = 2 * _SECOND
_BUSY_SECONDS = 60.0

Stamp = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Source:
    """A file of a dataset and where its bytes are.

    Attributes:
        path: The posix path below the dataset's folder.
        sha256: The digest.
        size: The size in bytes.
        stamp: What the file system said of it before it was read; empty if it may change unnoticed.
        is_database: Whether it is a SQLite database.
        where: The backup that was taken of a database, if one was needed.
    """

    path: str
    sha256: str
    size: int
    stamp: Stamp
    is_database: bool = False
    where: Path | None = None


class Memory:
    """The digests of a dataset's files as they were found last.

    Args:
        path: Where they are kept.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known = _read(path)

    def recall(self, name: str, folder: Path) -> Source | None:
        """Return what is known of a file in a folder, if it has not changed since."""
        known = self._known.get(name)
        if known is None or _stamp(f"{folder}/{name}", has_log=known.is_database) != known.stamp:
            return None
        return known

    def last(self) -> set[str]:
        """Return the digests that the files had when the dataset was last put or got."""
        return {known.sha256 for known in self._known.values()}

    def note(self, sources: Iterable[Source]) -> None:
        """Remember the files as they were found."""
        files = {
            source.path: [source.stamp, source.sha256, source.size, source.is_database]
            for source in sources
        }
        with suppress(OSError):  # it only saves time
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(self._path) as temporary:
                temporary.write_text(json.dumps({"version": _VERSION, "files": files}))


@contextmanager
def snapshot(folder: Path, memory: Memory, *, scratch: Path) -> Iterator[list[Source]]:
    """Give the files of a dataset, each with its digest, sorted by path.

    Args:
        folder: The dataset's folder.
        memory: The digests found before.
        scratch: A folder for backups of databases; it is removed at the end.

    Raises:
        LuisyError: If a file cannot be read or stored.
    """
    with scratch_folder(scratch):
        names = _without_company(folder, sorted(list_folder(folder)))
        found = {name: memory.recall(name, folder) for name in names}
        unknown = [name for name, source in found.items() if source is None]
        with ThreadPoolExecutor(_WORKERS) as pool:
            looks = pool.map(lambda name: look(folder, name, scratch), unknown)
            found.update(zip(unknown, looks, strict=True))
        yield [source for source in found.values() if source]


def look(folder: Path, name: str, scratch: Path) -> Source:
    """Return a file as it is now; of a database, a backup in `scratch`."""
    path = folder / name
    stamp = _lasting_stamp(path)
    start = _start(path)
    if len(start) < _SMALL and not starts_database(start):
        content = digest_bytes(start)
        return Source(name, content.sha256, content.size, stamp)
    copy = None
    if starts_database(start):
        copy = scratch / hashlib.sha256(name.encode()).hexdigest()
        backup(path, copy)
    content = digest_file(copy or path)
    return Source(name, content.sha256, content.size, stamp, copy is not None, copy)


def fetched(folder: Path, name: str, sha256: str, *, is_database: bool, now: int) -> Source:
    """Return a file that has been written with a verified content; `now` is the time."""
    stamp = _stamp(f"{folder}/{name}", has_log=False)
    return Source(name, sha256, stamp[0], lasting(stamp, now=now), is_database)


def lasting(stamp: Stamp, *, now: int) -> Stamp:
    """Return the stamp of a file, or an empty one if its next change might leave it as it is."""
    changes = stamp[1:3]
    fresh = _FRESH if all(change % _SECOND for change in changes) else _FRESH_IN_WHOLE_SECONDS
    return () if abs(now - max(changes)) < fresh else stamp


def backup(database: Path, target: Path) -> None:
    """Copy a SQLite database as it is at one moment, whoever writes to it.

    Raises:
        LuisyError: If it cannot be read, is damaged, or somebody keeps it locked.
    """
    target.unlink(missing_ok=True)
    try:
        with (
            closing(sqlite3.connect(database, timeout=_BUSY_SECONDS)) as live,
            closing(sqlite3.connect(target)) as copy,
        ):
            live.backup(copy)
    except sqlite3.Error as error:
        reason = str(error)
        if "disk" in reason and "full" in reason:
            raise LuisyError(
                f"cannot back up {database}: the disk is full; free some space"
            ) from error
        raise LuisyError(
            f"cannot back up the database {database}: {reason}; close what locks it, or repair it"
        ) from error


def is_database(path: Path) -> bool:
    """Tell whether a file is a SQLite database."""
    return starts_database(_start(path, len(_MAGIC)))


def starts_database(content: bytes) -> bool:
    """Tell whether a content, or the beginning of one, is that of a SQLite database."""
    return content.startswith(_MAGIC)


@contextmanager
def scratch_folder(path: Path) -> Iterator[None]:
    """Make a folder for the block, and remove it with all that is in it."""
    with translated(f"write {path}"):
        path.mkdir(parents=True)
    try:
        yield
    finally:
        shutil.rmtree(path, ignore_errors=True)


def _start(path: Path, size: int = _SMALL) -> bytes:
    with translated(f"read {path}"), path.open("rb", buffering=0) as file:
        return file.read(size)


def _without_company(folder: Path, names: list[str]) -> list[str]:
    """Leave out what SQLite keeps beside its databases."""
    present = set(names)

    def is_company(name: str) -> bool:
        owners = (name.removesuffix(ending) for ending in _BESIDE if name.endswith(ending))
        return any(owner in present and is_database(folder / owner) for owner in owners)

    return [name for name in names if not (name.endswith(_BESIDE) and is_company(name))]


def _lasting_stamp(path: Path) -> Stamp:
    return lasting(_stamp(str(path)), now=time.time_ns())


def _stamp(path: str, *, has_log: bool = True) -> Stamp:
    """Return what changes when a file does; for a database, also when its write-ahead log does."""
    try:
        status = os.stat(path)  # noqa: PTH116 - on the fast path
    except OSError as error:
        raise translate(error, f"read {path}") from error
    stamp = (status.st_size, status.st_mtime_ns, status.st_ctime_ns, status.st_ino)
    if has_log:
        with suppress(FileNotFoundError):
            log = os.stat(f"{path}-wal")  # noqa: PTH116 - on the fast path
            return (*stamp, log.st_size, log.st_mtime_ns)
    return stamp


def _read(path: Path) -> dict[str, Source]:
    try:
        content = json.loads(path.read_bytes())
        if content["version"] != _VERSION:
            return {}
        return {
            name: Source(name, sha256, int(size), tuple(stamp), bool(database))
            for name, (stamp, sha256, size, database) in content["files"].items()
            if is_sha256(sha256)
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}  # it only saves time
