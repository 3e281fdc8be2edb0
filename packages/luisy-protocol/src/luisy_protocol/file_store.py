"""The embedded default store, ``file://``: a directory, for instance on a drive that a team shares.

An object is a file of the same name below the root, so people can look at it, copy it away, and put
files there by hand: those are objects too. The promises of `luisy_protocol.store` are kept like
this:

- Content is written under a temporary name into the reserved folder ``.luisy-store`` of the same
  file system and renamed into place under a lock, where the conditions are checked. Keys share 256
  locks (``.luisy-store/locks``), which every process and host that uses the directory sees.
- The etag is the time of modification and the size. The time is set by the writer under the lock,
  never equal to or before that of the object it replaces, in whatever precision the file system
  has.
- New files and folders take the permissions of the folder above, so that whoever may write in the
  root may replace what others wrote.

Rules. The reserved folder and its files are neither listed nor allowed as keys. Symbolic links
below the root are not followed, wherever they lead: they are not listed, and a key that leads
through one is refused. Files whose names are no valid keys are not listed. Unlike other stores, a
directory cannot hold ``a`` and ``a/b`` at once; the second is refused.

A root that does not exist is made by the first write if the folder above it exists; until then it
is an empty store. If the folder above is missing too, the drive is probably not mounted, and every
operation says so: nothing is made in its place.

Known limits. The digest that `upload` verifies is not kept. A file changed by hand to another
content of the same size and the same nanosecond keeps its etag.
"""

from __future__ import annotations

import hashlib
import os
import stat as st
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import BinaryIO, TypeAlias
from urllib.parse import unquote, urlsplit

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    InvalidKey,
    NotFound,
)
from luisy_protocol.file_placement import copy_hashed, make_folder, set_later_time
from luisy_protocol.keys import check_on_windows, validate_key, validate_prefix
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance, Downloaded, ObjectInfo
from luisy_protocol.temporary import is_temporary, remove_leftovers, temporary_beside

RESERVED = ".luisy-store"
_Entries: TypeAlias = list[tuple[str, str]]  # keys and paths; a folder's key ends with a slash
_ATTEMPTS = 20


def open_file_store(url: str) -> FileStore:
    """Return the store of a ``file://`` URL (entry point ``file`` of the group ``luisy.stores``).

    Raises:
        ConfigurationError: If the URL names another host or no absolute path.
    """
    split = urlsplit(url)
    if split.netloc not in {"", "localhost"}:
        raise ConfigurationError(
            f"{url} names the host '{split.netloc}'; a local folder has three slashes: "
            f"file:///{split.netloc}{split.path}"
        )
    path = unquote(split.path)
    if os.name == "nt":
        path = path.removeprefix("/")
    if split.query or split.fragment or not Path(path).is_absolute():
        raise ConfigurationError(f"{url} is not the URL of a folder, as in file:///mnt/team/store")
    return FileStore(Path(path))


class FileStore:
    """A store in a directory.

    Args:
        root: The directory's absolute path.

    Raises:
        ConfigurationError: If `root` is not absolute.
    """

    has_compare_and_swap = True

    def __init__(self, root: Path) -> None:
        root = Path(root)
        if not root.is_absolute():
            raise ConfigurationError(f"the store's folder {root} must be an absolute path")
        self.root = root
        self.url = root.as_uri()
        self._reserved = root / RESERVED

    def __repr__(self) -> str:
        return f"FileStore({str(self.root)!r})"

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key."""
        folder = validate_prefix(prefix).rpartition("/")[0]
        if not self._is_root_there() or (folder and not self._is_folder(folder)):
            return
        pending = self._entries(f"{folder}/" if folder else "", prefix)
        while pending:
            key, path = pending.pop()
            if key.endswith("/"):
                pending += self._entries(key, prefix)
            else:
                with suppress(NotFound), translated(f"read {path}"):
                    yield _info(key, os.lstat(path))

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object.

        Raises:
            NotFound: If there is no such object.
        """
        path = self._path(key)
        with self._of(key, "read"):
            return _info(key, self._status(key, path))

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return a small object's content and its etag.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it was changed by hand while it was read.
        """
        with self._opened(key) as (file, info), self._of(key, "read"):
            content = file.read()
            self._check_unchanged(file, info)
            return content, info

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step.

        Raises:
            Conflict: If a condition does not hold; nothing was written.
        """
        path = self._path(key)
        with self._incoming(key) as incoming, self._of(key, "write"):
            incoming.write_bytes(content)
            return self._publish(key, incoming, path, if_match=if_match, if_absent=if_absent)

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it no longer has the etag `if_match`, or changed while it was read.
        """
        with self._opened(key) as (file, info):
            if if_match is not None and info.etag != if_match:
                raise Conflict(f"{key} in {self.url} has changed since it was looked at; try again")
            sha256 = copy_hashed(file, path, source=f"{key} in {self.url}", advance=advance)
            self._check_unchanged(file, info)
        return Downloaded(info, sha256)

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file and return what is there.

        Raises:
            IntegrityError: If the bytes sent do not have the digest `sha256`.
        """
        target = self._path(key)
        with translated(f"read {path}"):
            file = Path(path).open("rb")  # noqa: SIM115 - closed below
        with file, self._incoming(key) as incoming:
            sent = copy_hashed(file, incoming, source=str(path), advance=advance)
            if sent != sha256:
                raise IntegrityError(
                    f"{path} does not have the digest it had before it was sent to {self.url}; "
                    "did it change meanwhile? run again"
                )
            with self._of(key, "write"):
                return self._publish(key, incoming, target)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        path = self._path(key)
        with suppress(NotFound), self._of(key, "delete"):
            self._status(key, path)
            self._make_reserved()
            with locked(self._lock(key)):
                path.unlink()
            with suppress(OSError):  # folders that are not empty stay
                for folder in path.relative_to(self.root).parents[:-1]:
                    (self.root / folder).rmdir()

    def close(self) -> None:
        """Do nothing: nothing is open between calls."""

    # Where things are

    def _path(self, key: str) -> Path:
        validate_key(key)
        if os.name == "nt":
            check_on_windows(key)
        names = key.split("/")
        if names[0].lower() == RESERVED or is_temporary(names[-1]):
            raise InvalidKey(f"the key '{key}' is not allowed: {self.url} uses that name itself")
        self._is_root_there()
        path = self.root
        for name in names:
            path /= name
            if path.is_symlink():
                raise InvalidKey(
                    f"the key '{key}' is not allowed: {path} is a symbolic link, which a store "
                    "does not follow"
                )
        return path

    def _is_root_there(self) -> bool:
        with translated(f"open the store {self.url}"):
            try:
                if st.S_ISDIR(self.root.stat().st_mode):
                    return True
            except FileNotFoundError:
                if self.root.parent.is_dir():
                    return False
                raise ConfigurationError(
                    f"the store's folder {self.root} does not exist, and neither does the folder "
                    "above it: mount the drive, or make the folder, or correct the store's URL"
                ) from None
        raise ConfigurationError(f"the store {self.url} is not a folder but a file")

    def _is_folder(self, key: str) -> bool:
        try:
            return self._path(key).is_dir()
        except InvalidKey:
            return False

    def _lock(self, key: str) -> Path:
        return self._reserved / "locks" / f"{hashlib.sha256(key.encode()).hexdigest()[:2]}.lock"

    def _entries(self, folder: str, prefix: str) -> _Entries:
        """Return the files and the folders (with a final slash) that may match; the last first.

        With their final slash folders sort where the keys below them belong: ``a-b`` < ``a/b`` <
            ``a0``.
        """
        found: _Entries = []
        here = self.root / folder
        with suppress(NotFound), translated(f"list {here}"), os.scandir(here) as entries:
            for entry in entries:
                key = folder + entry.name
                if entry.is_dir(follow_symlinks=False):
                    key += "/"
                elif not entry.is_file(follow_symlinks=False):
                    continue
                matches = key.startswith(prefix) or prefix.startswith(key)
                if matches and _is_listed(key):
                    found.append((key, entry.path))
        return sorted(found, reverse=True)

    # How things are done

    @contextmanager
    def _of(self, key: str, action: str) -> Iterator[None]:
        with translated(f"{action} {key} in {self.url}"):
            yield

    @contextmanager
    def _opened(self, key: str) -> Iterator[tuple[BinaryIO, ObjectInfo]]:
        path = self._path(key)
        with self._of(key, "read"):
            self._status(key, path)  # opening a pipe would wait for its writer
            file = path.open("rb")
        with file:
            yield file, _info(key, os.fstat(file.fileno()))

    def _status(self, key: str, path: Path) -> os.stat_result:
        with suppress(FileNotFoundError, NotADirectoryError):
            status = path.stat()
            if st.S_ISREG(status.st_mode):
                return status
        raise NotFound(f"there is no {key} in {self.url}")

    def _check_unchanged(self, file: BinaryIO, info: ObjectInfo) -> None:
        if _info(info.key, os.fstat(file.fileno())).etag != info.etag:
            raise Conflict(f"{info.key} in {self.url} was changed while it was read; try again")

    def _make_reserved(self) -> None:
        if not (self._reserved / "incoming").is_dir():  # the last to be made
            make_folder(self._reserved / "locks", above=self.root.parent)
            make_folder(self._reserved / "incoming", above=self.root.parent)

    @contextmanager
    def _incoming(self, key: str) -> Iterator[Path]:
        """Give a name for content that is not an object yet; whatever is left of it is removed."""
        with self._of(key, "write"):
            self._make_reserved()
            incoming = temporary_beside(self._reserved / "incoming" / "x")
            remove_leftovers(incoming.parent)
        try:
            yield incoming
        finally:
            with suppress(OSError):
                incoming.unlink()

    def _publish(
        self,
        key: str,
        incoming: Path,
        path: Path,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> ObjectInfo:
        """Rename content to its final name, if the conditions hold."""
        with locked(self._lock(key)):
            try:
                old = self._status(key, path)
            except NotFound:
                old = None
            if (if_absent and old) or (if_match is not None and _etag(old) != if_match):
                raise Conflict(f"{key} in {self.url} was written by somebody else; read it again")
            set_later_time(incoming, old)
            info = _info(key, incoming.stat())
            self._move_in(incoming, path)
            return info

    def _move_in(self, incoming: Path, path: Path) -> None:
        """Rename, in spite of a `delete` that removes the empty folder in between."""
        for attempt in range(_ATTEMPTS):
            make_folder(path.parent, above=self.root)
            try:
                incoming.chmod(path.parent.stat().st_mode & 0o666)
                incoming.replace(path)
            except FileNotFoundError:
                if attempt == _ATTEMPTS - 1:
                    raise
            else:
                return


def _is_listed(key: str) -> bool:
    name = key.removesuffix("/")
    if name.partition("/")[0].lower() == RESERVED or is_temporary(name.rpartition("/")[2]):
        return False
    try:
        validate_key(name)
    except InvalidKey:
        return False
    return True


def _etag(status: os.stat_result | None) -> str:
    return f"{status.st_mtime_ns:x}-{status.st_size:x}" if status else ""


def _info(key: str, status: os.stat_result) -> ObjectInfo:
    modified = datetime.fromtimestamp(status.st_mtime, UTC)
    return ObjectInfo(key, status.st_size, _etag(status), modified)
