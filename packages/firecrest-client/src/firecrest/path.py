"""`FcPath`: a path on a machine with the methods of `pathlib.Path`.

    path = FcPath(client, "cluster", "/home/me") / "results" / "a.csv"
    if path.exists():
        print(path.read_text())

The errors are those of the client, which are also the ones that `pathlib` raises: a `PathNotFound`
is a `FileNotFoundError`, an `AlreadyExists` a `FileExistsError`, and so on. Paths are never
resolved on this computer; a relative one counts from the home directory on the machine.
"""

from __future__ import annotations

import os
import posixpath
import stat
import tempfile
from collections.abc import Iterator
from contextlib import suppress
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from luisy_protocol.errors import NotSupported

from firecrest.errors import (
    AlreadyExists,
    IsADirectory,
    NotADirectory,
    PathNotFound,
    PermissionDenied,
)
from firecrest.settings import Settings

if TYPE_CHECKING:
    from firecrest.blocking import Firecrest


class FcPath(os.PathLike[str]):
    """A path on a machine.

    Args:
        client: The synchronous client.
        machine: The machine.
        path: The path.
        cache_enabled: Whether to remember what `stat` and `lstat` told, until `clear_cache`. What
            this object changes itself is forgotten at once.
    """

    __slots__ = ("_cache", "_cache_enabled", "_client", "_machine", "_path")

    def __init__(
        self,
        client: Firecrest,
        machine: str,
        path: str | PurePosixPath,
        *,
        cache_enabled: bool = False,
    ) -> None:
        self._client = client
        self._machine = machine
        self._path = PurePosixPath(path)
        self._cache_enabled = cache_enabled
        self._cache: dict[bool, os.stat_result] = {}

    @classmethod
    def from_env_variables(
        cls, machine: str, path: str | PurePosixPath, *, cache_enabled: bool = False
    ) -> Self:
        """Make a path with a client from the environment; see `firecrest.settings`.

        Raises:
            ConfigurationError: If a variable is missing.
        """
        client = Settings.from_environment().client()
        return cls(client, machine, path, cache_enabled=cache_enabled)

    def __repr__(self) -> str:
        return f"FcPath({self._machine!r}, {str(self._path)!r})"

    def __str__(self) -> str:
        return str(self._path)

    def __fspath__(self) -> str:
        return str(self._path)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FcPath):
            return NotImplemented
        return (self._machine, self._path) == (other._machine, other._path)

    def __hash__(self) -> int:
        return hash((self._machine, self._path))

    def __lt__(self, other: FcPath) -> bool:
        return (self._machine, self._path) < (other._machine, other._path)

    def __truediv__(self, other: str) -> Self:
        return self._sibling(self._path / other)

    # The path as text

    @property
    def client(self) -> Firecrest:
        """The client."""
        return self._client

    @property
    def machine(self) -> str:
        """The machine."""
        return self._machine

    @property
    def path(self) -> str:
        """The path as text."""
        return str(self._path)

    @property
    def pure_path(self) -> PurePosixPath:
        """The path without its machine."""
        return self._path

    @property
    def name(self) -> str:
        """The last part."""
        return self._path.name

    @property
    def stem(self) -> str:
        """The last part without its last suffix."""
        return self._path.stem

    @property
    def suffix(self) -> str:
        """The last suffix of the last part."""
        return self._path.suffix

    @property
    def suffixes(self) -> list[str]:
        """All suffixes of the last part."""
        return self._path.suffixes

    @property
    def parts(self) -> tuple[str, ...]:
        """All parts."""
        return self._path.parts

    @property
    def parent(self) -> Self:
        """The path above."""
        return self._sibling(self._path.parent)

    @property
    def cache_enabled(self) -> bool:
        """Whether what `stat` told is remembered."""
        return self._cache_enabled

    @cache_enabled.setter
    def cache_enabled(self, value: bool) -> None:
        self._cache_enabled = value
        self._cache.clear()

    def clear_cache(self) -> None:
        """Forget what `stat` told."""
        self._cache.clear()

    def as_posix(self) -> str:
        """Return the path as text."""
        return self._path.as_posix()

    def is_absolute(self) -> bool:
        """Tell whether the path starts at the root."""
        return self._path.is_absolute()

    def joinpath(self, *other: str) -> Self:
        """Return the path with parts added."""
        return self._sibling(self._path.joinpath(*other))

    def with_name(self, name: str) -> Self:
        """Return the path with another last part."""
        return self._sibling(self._path.with_name(name))

    def with_suffix(self, suffix: str) -> Self:
        """Return the path with another last suffix."""
        return self._sibling(self._path.with_suffix(suffix))

    def relpath(self, start: str | PurePosixPath) -> str:
        """Return the path as it is seen from another one."""
        return posixpath.relpath(self._path, start)

    def _sibling(self, path: PurePosixPath) -> Self:
        return type(self)(self._client, self._machine, path, cache_enabled=self._cache_enabled)

    # What is there

    def stat(self) -> os.stat_result:
        """Tell about what is there, following links."""
        return self._looked_at(follow=True)

    def lstat(self) -> os.stat_result:
        """Tell about what is there, a link itself if it is one."""
        return self._looked_at(follow=False)

    def _looked_at(self, *, follow: bool) -> os.stat_result:
        if self._cache_enabled and follow in self._cache:
            return self._cache[follow]
        found = self._client.stat(self._machine, self.path, follow)
        fields = ("mode", "ino", "dev", "nlink", "uid", "gid", "size", "atime", "mtime", "ctime")
        result = os.stat_result([found[name] for name in fields])  # type: ignore[literal-required]
        if self._cache_enabled:
            self._cache[follow] = result
        return result

    def exists(self) -> bool:
        """Tell whether there is anything, as far as the user may know."""
        return self._mode(follow=True) is not None

    def is_file(self) -> bool:
        """Tell whether it is a file, or a link to one."""
        return stat.S_ISREG(self._mode(follow=True) or 0)

    def is_dir(self) -> bool:
        """Tell whether it is a directory, or a link to one."""
        return stat.S_ISDIR(self._mode(follow=True) or 0)

    def is_symlink(self) -> bool:
        """Tell whether it is a symbolic link."""
        return stat.S_ISLNK(self._mode(follow=False) or 0)

    def is_block_device(self) -> bool:
        """Tell whether it is a block device."""
        return stat.S_ISBLK(self._mode(follow=True) or 0)

    def is_char_device(self) -> bool:
        """Tell whether it is a character device."""
        return stat.S_ISCHR(self._mode(follow=True) or 0)

    def is_fifo(self) -> bool:
        """Tell whether it is a named pipe."""
        return stat.S_ISFIFO(self._mode(follow=True) or 0)

    def is_socket(self) -> bool:
        """Tell whether it is a socket."""
        return stat.S_ISSOCK(self._mode(follow=True) or 0)

    def _mode(self, *, follow: bool) -> int | None:
        with suppress(PathNotFound, NotADirectory, PermissionDenied):
            return self._looked_at(follow=follow).st_mode
        return None

    def checksum(self) -> str:
        """Return the SHA-256 of the file, computed on the machine."""
        return self._client.checksum(self._machine, self.path)

    def iterdir(self, hidden: bool = True, recursive: bool = False) -> Iterator[Self]:
        """Yield what is in the directory.

        Args:
            hidden: Whether names that start with a dot count.
            recursive: Whether to descend.

        Raises:
            NotADirectory: If it is not a directory.
        """
        entries = self._client.list_files(self._machine, self.path, hidden, recursive)
        if len(entries) == 1 and entries[0]["name"] == self.path:
            raise NotADirectory([], f"{self.path!r} on {self._machine!r} is not a directory")
        for entry in entries:
            # With hidden names servers list the directory itself and the one above as well.
            if entry["name"] not in (".", ".."):
                yield self / entry["name"]

    # Contents

    def read_bytes(self) -> bytes:
        """Return the content of the file, whatever its size."""
        content = BytesIO()
        self._client.download(self._machine, self.path, content)
        return content.getvalue()

    def read_text(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return the content of the file as text."""
        return self.read_bytes().decode(encoding, errors)

    def write_bytes(self, data: bytes) -> None:
        """Replace the content of the file, whatever its size."""
        with tempfile.TemporaryDirectory(prefix="firecrest-") as folder:
            source = Path(folder) / "content"
            source.write_bytes(data)
            self._client.upload(self._machine, source, str(self._path.parent), self.name)
        self._cache.clear()

    def write_text(self, data: str, encoding: str = "utf-8", errors: str = "strict") -> None:
        """Replace the content of the file with text."""
        self.write_bytes(data.encode(encoding, errors))

    def touch(self, mode: None = None, exist_ok: bool = True) -> None:
        """Make an empty file if there is nothing; a file that is there stays as it is.

        Raises:
            NotSupported: If a mode is given; use `chmod`.
            AlreadyExists: If something is there and `exist_ok` is false.
        """
        _refuse_mode(mode)
        if not self.exists():
            self.write_bytes(b"")
        elif not exist_ok:
            raise AlreadyExists([], f"{self.path!r} on {self._machine!r} exists already")

    # Changes

    def mkdir(self, mode: None = None, parents: bool = False, exist_ok: bool = False) -> None:
        """Make the directory.

        Args:
            mode: Not supported; use `chmod`.
            parents: Make the directories above as well.
            exist_ok: Do not mind if it is there.

        Raises:
            AlreadyExists: If it is there and `exist_ok` is false.
            PathNotFound: If the directory above is not there and `parents` is false.
        """
        _refuse_mode(mode)
        if parents and not exist_ok and self.exists():
            raise AlreadyExists([], f"{self.path!r} on {self._machine!r} exists already")
        try:
            self._client.mkdir(self._machine, self.path, parents)
        except AlreadyExists:
            if not (exist_ok and self.is_dir()):
                raise
        self._cache.clear()

    def chmod(self, mode: int) -> None:
        """Change the mode, given as a number: ``0o640``."""
        self._client.chmod(self._machine, self.path, f"{mode:04o}")
        self._cache.clear()

    def rename(self, target: str | PurePosixPath | FcPath) -> Self:
        """Move it, replacing the target silently, and return where it is."""
        self._client.mv(self._machine, self.path, str(target))
        self._cache.clear()
        return self._sibling(PurePosixPath(str(target)))

    def symlink_to(self, target: str | PurePosixPath | FcPath) -> None:
        """Make it a symbolic link to the target."""
        self._client.symlink(self._machine, str(target), self.path)
        self._cache.clear()

    def unlink(self, missing_ok: bool = False) -> None:
        """Delete the file or the link.

        Raises:
            IsADirectory: If it is a directory; use `rmtree`.
            PathNotFound: If there is nothing and `missing_ok` is false.
        """
        try:
            if stat.S_ISDIR(self.lstat().st_mode):
                raise IsADirectory(
                    [], f"{self.path!r} on {self._machine!r} is a directory: rmtree()"
                )
            self._client.simple_delete(self._machine, self.path)
        except PathNotFound:
            if not missing_ok:
                raise
        self._cache.clear()

    def rmtree(self) -> None:
        """Delete the directory with all that is in it.

        Raises:
            NotADirectory: If it is not a directory.
        """
        if not stat.S_ISDIR(self.lstat().st_mode):
            raise NotADirectory([], f"{self.path!r} on {self._machine!r} is not a directory")
        self._client.simple_delete(self._machine, self.path)
        self._cache.clear()

    def resolve(self) -> Self:
        """Return the path without ``.`` and ``..``; links are not followed."""
        return self._sibling(PurePosixPath(posixpath.normpath(self._path)))


def _refuse_mode(mode: None) -> None:
    if mode is not None:
        raise NotSupported("FirecREST makes files with its own mode; use chmod() afterwards")
