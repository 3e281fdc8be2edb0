"""The names of the files in a directory: safe, and different on every system.

A name is a key (`luisy_protocol.keys`): no ``..``, nothing absolute, no control character, no part
over 255 bytes. Two names clash when they are equal, or when a file system could take them for one:
those of macOS and Windows ignore case, that of macOS also how a letter with an accent is composed.
A file and a folder of one name clash, too.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Collection

from luisy_protocol.keys import validate_key

from luisy_dirs.errors import NameClash
from luisy_dirs.files import list_names


class Names:
    """The names of a directory that are taken, each with what it is the name of."""

    def __init__(self) -> None:
        self._taken: dict[str, tuple[str, str]] = {}
        self._folders: dict[str, str] = {}

    def add(self, name: str, origin: str) -> None:
        """Take a name.

        Args:
            name: The name.
            origin: What becomes the file of that name, for the message.

        Raises:
            InvalidKey: If it is unsafe.
            NameClash: If another file has it.
        """
        self.add_safe(validate_key(name), origin)

    def add_safe(self, name: str, origin: str) -> None:
        """Take a name that is known to be safe."""
        same = folded(name)
        if same in self._taken:
            other, of = self._taken[same]
            raise NameClash(_clash(name, origin, other, of))
        if same in self._folders:
            raise NameClash(_clash(name, origin, name, self._folders[same]))
        self._taken[same] = (name, origin)
        if "/" in same:
            self._add_folders(same, name, origin)

    def add_all(self, names: Collection[tuple[str, str]]) -> None:
        """Take many safe names, each with what becomes the file of that name.

        Raises:
            NameClash: If two are the same, or one is taken.
        """
        taken = {folded(name): (name, origin) for name, origin in names}
        if len(taken) == len(names) and not self._taken and not any("/" in name for name in taken):
            self._taken = taken
            return
        for name, origin in names:
            self.add_safe(name, origin)

    def has(self, name: str) -> bool:
        """Tell whether the name is taken."""
        return folded(name) in self._taken

    def _add_folders(self, same: str, name: str, origin: str) -> None:
        folder = same.rpartition("/")[0]
        while folder and folder not in self._folders:
            if folder in self._taken:
                other, of = self._taken[folder]
                raise NameClash(_clash(name, origin, other, of))
            self._folders[folder] = origin
            folder = folder.rpartition("/")[0]


def check_listing(folder: str) -> None:
    """Check the names of the files below a folder.

    Raises:
        InvalidKey, NameClash: If one is unsafe, or two clash.
    """
    names = Names()
    for name in list_names(folder, recursive=True):
        names.add(name, name)


def folded(name: str) -> str:
    """Return what is equal for names that some file system takes for one."""
    if name.isascii():
        return name.lower()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def _clash(name: str, origin: str, other: str, of: str) -> str:
    if name != other:
        return f"{of} and {origin} would become {other} and {name}: some systems take them for one"
    if of == origin:
        return f"{of} would become the file {name} twice"
    return f"{of} and {origin} would both become the file {name}"
