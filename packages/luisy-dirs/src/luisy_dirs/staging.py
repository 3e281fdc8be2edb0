"""Make a directory out of new files and of those of the old one that stay as they are.

New files are made in ``made`` of a staging folder beside the directory. Its name is always the
same, so that the run after a crash finds it, and temporary, so that nobody takes it for an output.
When all new files are there, they become the directory; or the old directory, which lies aside,
changes its files and becomes it (`luisy.swap`), where some of them stay. Where it lies on another
disk, those that stay are copied.
"""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

from luisy.swap import Swap
from luisy_protocol.digest import digest_file
from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content

from luisy_dirs.files import list_names


class Staging:
    """The staging folder of one directory.

    Args:
        target: The directory.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._swap = Swap(target)
        self.made = self._swap.made

    def prepare(self) -> None:
        """Make the folders."""
        with translated(f"write {self.made}"):
            self.made.mkdir(parents=True, exist_ok=True)

    def left(self) -> list[str]:
        """Return the names of the files that a dead run has made."""
        return list_names(str(self.made), recursive=True)

    def holds(self, name: str, content: Content) -> bool:
        """Tell whether a file that was made is there with this content."""
        return digest_file(self.made / name) == content

    def drop(self, names: Iterable[str]) -> None:
        """Remove files that were made."""
        for name in names:
            with translated(f"remove {self.made / name}"):
                (self.made / name).unlink(missing_ok=True)

    def swap(
        self,
        old: Path | None,
        there: Collection[str],
        *,
        keep: Collection[str],
        made: Collection[str],
    ) -> None:
        """Put the directory in place.

        Args:
            old: Where the old directory lies, if there is one.
            there: The names of its files.
            keep: The names of those that stay.
            made: The names of the files in `made`.
        """
        if old and keep:
            if old.stat().st_dev == self.made.stat().st_dev:
                self._swap.carry_out(old, there, keep=keep, made=made)
                return
            self._copy(keep, old)
        with translated(f"write {self._target}"):
            self.made.rename(self._target)

    def undo(self, old: Path) -> None:
        """Take back a swap, as far as it came.

        Args:
            old: Where the old directory lay, and lies afterwards.
        """
        self._swap.undo(old)

    def remove(self) -> None:
        """Remove everything: it has become the directory, or nobody wants it any more."""
        self._swap.settle()

    def _copy(self, names: Iterable[str], source: Path) -> None:
        with translated(f"write {self.made}"):
            for name in names:
                (self.made / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(source / name, self.made / name)
