"""The targets of directories: one that a person filled, and one that a task fills."""

from __future__ import annotations

import os
import pickle
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from luisy.targets import FolderTarget
from luisy_protocol.errors import ConfigurationError, NotFound
from luisy_protocol.keys import validate_key

from luisy_dirs.files import Files, Read, list_names, load, path_of
from luisy_dirs.names import Names, check_listing

Write = Callable[[Any, str], object]


class _Directory(FolderTarget):
    """A directory that is read file by file.

    Args:
        path: Where it is.
        read: Reads one file, given its path.
    """

    # It has an index for slices, yet it is one output: luigi must not take it for a list.
    __iter__ = None

    def __init__(self, path: str | os.PathLike[str], *, read: Read) -> None:
        super().__init__(path)
        self.reader = read

    def __bool__(self) -> bool:
        return True

    def __len__(self) -> int:
        return len(self.files())

    def __getitem__(self, at: Any) -> Any:
        return self.files()[at]

    def files(self) -> Files:
        """Return the files as a sequence, sorted by name.

        Raises:
            NotFound: If the directory is not there.
        """
        self._check_there()
        return Files(self.path, self.names(), self.load_one)

    def paths(self) -> list[str]:
        """Return the path of each file, sorted by name.

        Raises:
            NotFound: If the directory is not there.
        """
        return self.files().paths()

    def names(self) -> list[str]:
        """Return the name of each file below the directory, sorted."""
        raise NotImplementedError

    def selects(self, name: str) -> bool:
        """Tell whether a file of this name is one of the directory's."""
        raise NotImplementedError

    def load_one(self, path: str) -> Any:
        """Read the file at a path, as tasks that require this one are given it."""
        return self.reader(path)

    def _read_one(self, name: str) -> Any:
        path = path_of(os.path.join(self.path, ""), validate_key(name))  # noqa: PTH118
        if not (self.selects(name) and os.path.isfile(path)):  # noqa: PTH113
            raise NotFound(f"there is no file {name} in {self.path}")
        return load(self.reader, path)

    def _check_there(self) -> None:
        if not self.exists():
            raise NotFound(f"there is no directory {self.path}: {self._hint}")

    _hint = "run the task that makes it first"


class SourceTarget(_Directory):
    """A directory that a person filled.

    Args:
        path: Where it is.
        read: Reads one file, given its path; what it returns None for is left out.
        pattern: What the name of a file must contain; a regular expression.
        recursive: Whether files in its folders count.
    """

    _hint = "put the files there first"

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        read: Read,
        pattern: str | None = None,
        recursive: bool = False,
    ) -> None:
        super().__init__(path, read=read)
        self._pattern = re.compile(pattern) if pattern else None
        self._recursive = recursive

    def read(self, name: str | None = None) -> Any:
        """Yield what the reader returns for each file, one at a time, without the Nones.

        Args:
            name: Return what the reader returns for this one file instead.

        Raises:
            NotFound: If the directory is not there, or has no file that counts.
            FileFailed: When the reader raises; it names the file.
        """
        if name is not None:
            return self._read_one(name)
        paths = self.paths()
        if not paths:
            raise NotFound(f"{self.path} has no files{self._which()}: put some there first")
        return (found for path in paths if (found := load(self.reader, path)) is not None)

    def names(self) -> list[str]:
        """Return the name of each file that counts, sorted."""
        names = list_names(self.path, recursive=self._recursive)
        return [name for name in names if self._pattern.search(name)] if self._pattern else names

    def selects(self, name: str) -> bool:
        """Tell whether a file of this name counts."""
        if "/" in name and not self._recursive:
            return False
        return self._pattern is None or self._pattern.search(name) is not None

    def load_one(self, path: str) -> Any:
        """Read the file at a path; of ``(path, object)``, which readers may return, the object."""
        found = self.reader(path)
        if isinstance(found, tuple) and len(found) == 2 and found[0] is path:
            return found[1]
        return found

    def write(self, obj: Any) -> None:  # noqa: ARG002 - the contract's
        """Refuse: a person fills this directory.

        Raises:
            ConfigurationError: Always.
        """
        raise ConfigurationError(f"{self.path} is filled by a person, not by a task")

    def _which(self) -> str:
        pattern = f" whose names match {self._pattern.pattern!r}" if self._pattern else ""
        return pattern or ("" if self._recursive else " (its folders do not count)")


class DirectoryTarget(_Directory):
    """A directory that a task fills, whole or not at all.

    Args:
        path: Where it is.
        read: Reads one file, given its path.
        write: Writes an object to one file, given the object and the path.
        suffix: How the names of the files end.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, read: Read, write: Write, suffix: str
    ) -> None:
        super().__init__(path, read=read)
        self.writer = write
        self.suffix = suffix

    def read(self, name: str | None = None) -> Any:
        """Yield ``(path, object)`` for each file, one at a time, sorted by name.

        Args:
            name: Return the object in this one file instead.

        Raises:
            NotFound: If the directory is not there.
            FileFailed: When the reader raises; it names the file.
        """
        return iter(self.files()) if name is None else self._read_one(name)

    def names(self) -> list[str]:
        """Return the name of each file with the directory's suffix, sorted."""
        names = list_names(self.path, recursive=True)
        return [name for name in names if name.endswith(self.suffix)] if self.suffix else names

    def selects(self, name: str) -> bool:
        """Tell whether a name has the directory's suffix."""
        return name.endswith(self.suffix)

    def dump(self, obj: Iterable[tuple[str, Any]], path: Path) -> None:
        """Write ``(name, object)`` pairs as files; names get the suffix if they lack it.

        Raises:
            InvalidKey, NameClash: If a name is unsafe, or there twice.
        """
        names = Names()
        for name, content in obj:
            whole = self.named(name)
            names.add(whole, f"the object {name}")
            write_one(self.writer, content, path_of(os.path.join(path, ""), whole))  # noqa: PTH118

    @contextmanager
    def staging(self) -> Iterator[Path]:
        """Give an empty folder, and put it in the place of the directory when the block ends well.

        Raises:
            InvalidKey, NameClash: If a file in it has a name that not every system or store holds.
        """
        with self.temporary_path() as folder:
            yield Path(folder)
            check_listing(folder)

    def check_own(self) -> None:
        """Check that the directory is one of its own, and not that of a whole layer.

        Raises:
            ConfigurationError: If it is not.
        """
        self._check_own(Path(self.path))

    def named(self, name: str) -> str:
        """Return a name with the suffix of the directory's files."""
        return name if name.endswith(self.suffix) else name + self.suffix


def write_one(write: Write, content: Any, path: str) -> None:
    """Write one object to a file.

    Raises:
        ConfigurationError: If the writer wrote it somewhere else.
    """
    try:
        write(content, path)
    except FileNotFoundError:
        folder = os.path.dirname(path)  # noqa: PTH120 - paths are text here
        if os.path.isdir(folder):  # noqa: PTH112
            raise
        os.makedirs(folder)  # noqa: PTH103
        write(content, path)
    if not os.path.isfile(path):  # noqa: PTH113
        said = getattr(write, "__name__", repr(write))
        name = os.path.basename(path)  # noqa: PTH119
        raise ConfigurationError(f"{said} did not write {name}, the file that it was given")


def write_pickle(content: Any, path: str) -> None:
    """Write an object as a pickle."""
    with open(path, "wb") as file:  # noqa: PTH123 - once for each file
        pickle.dump(content, file, protocol=pickle.HIGHEST_PROTOCOL)


def read_pickle(path: str) -> Any:
    """Read an object from a pickle that a task of this project wrote."""
    with open(path, "rb") as file:  # noqa: PTH123
        return pickle.load(file)  # noqa: S301
