"""The files of a directory as a sequence that reads one of them at a time."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from typing import Any, overload

from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content
from luisy_protocol.temporary import is_temporary

from luisy_dirs.errors import FileFailed, cause_text

Read = Callable[[str], Any]  # what a user's function makes of a path


class Files:
    """Files of a directory, each read when it is asked for.

    Iterating gives ``(path, object)``, as does an index; a slice gives `Files` again.

    Args:
        folder: The directory.
        names: The names of the files below it, with ``/`` between folders.
        read: Reads one file, given its path.
    """

    __slots__ = ("_folder", "_names", "_read")

    def __init__(self, folder: str, names: Sequence[str], read: Read) -> None:
        self._folder = os.path.join(folder, "")  # noqa: PTH118 - paths are text here
        self._names = names
        self._read = read

    def __len__(self) -> int:
        return len(self._names)

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        for path in self.paths():
            yield path, load(self._read, path)

    @overload
    def __getitem__(self, at: int) -> tuple[str, Any]: ...

    @overload
    def __getitem__(self, at: slice) -> Files: ...

    def __getitem__(self, at: int | slice) -> tuple[str, Any] | Files:
        if isinstance(at, slice):
            return Files(self._folder, self._names[at], self._read)
        path = path_of(self._folder, self._names[at])
        return path, load(self._read, path)

    def __repr__(self) -> str:
        return f"<{len(self):,} files of {self._folder}>"

    @property
    def names(self) -> Sequence[str]:
        """The names below the directory, sorted."""
        return self._names

    def paths(self) -> list[str]:
        """Return the path of each file."""
        return [path_of(self._folder, name) for name in self._names]


def path_of(folder: str, name: str) -> str:
    """Return the path of a name below a folder that ends with a separator."""
    return folder + (name if os.sep == "/" else name.replace("/", os.sep))


def load(read: Read, path: str) -> Any:
    """Read one file.

    Raises:
        FileFailed: If the reader raises; it names the file.
    """
    try:
        return read(path)
    except Exception as error:
        raise FileFailed(path, f"cannot read {path}: {cause_text(error)}") from error


def content_of(path: str) -> Content:
    """Return the digest and the size of a small file that was written just now."""
    with open(path, "rb") as file:  # noqa: PTH123 - once for each file
        digest = hashlib.file_digest(file, "sha256")
        return Content(digest.hexdigest(), file.tell())


def list_names(folder: str, *, recursive: bool) -> list[str]:
    """Return the names of the files below a folder, sorted; temporary ones are left out.

    Raises:
        NotFound: If there is no such folder.
    """
    names: list[str] = []
    pending = [""]
    while pending:
        below = pending.pop()
        with translated(f"list {folder}"), os.scandir(os.path.join(folder, below)) as entries:  # noqa: PTH118
            for entry in entries:
                if entry.name.startswith(".luisy-") and is_temporary(entry.name):
                    continue
                if not entry.is_dir(follow_symlinks=False):
                    names.append(below + entry.name)
                elif recursive:
                    pending.append(f"{below}{entry.name}/")
    names.sort()
    return names
