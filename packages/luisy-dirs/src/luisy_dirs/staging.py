"""Make a directory out of new files and of those of the old one that stay as they are.

New files are made in ``made`` of a staging folder beside the directory. Its name is always the
same, so that the run after a crash finds it, and temporary, so that nobody takes it for an output.

Nothing is copied or linked: with 100,000 files either takes longer than the work. When all new
files are there, the old directory, which lies aside, changes its files and becomes the directory,
by renames alone. What is to be done is noted before, and what leaves the old directory is kept in
``replaced``, so that every step can be undone: at once when one fails, at the beginning of the next
run when the process died. Between the steps there is no directory under the final name, never half
of one. The unchanged files keep their inode and their times, so nobody need read them again.

Known limit: when a process died within the renames, and ``luisy restore`` brings back the old
directory before another run undoes them, it has new files in it; the plan says so.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from pathlib import Path, PurePosixPath

from luisy_protocol.digest import digest_file
from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content
from luisy_protocol.temporary import replacing, staging_beside

from luisy_dirs.files import list_names


class Staging:
    """The staging folder of one directory.

    Args:
        target: The directory.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._folder = staging_beside(target)
        self.made = self._folder / "made"
        self._replaced = self._folder / "replaced"
        self._note = self._folder / "swap"

    def prepare(self) -> None:
        """Make the folders."""
        with translated(f"write {self._folder}"):
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

    def swap(self, old: Path | None, *, keep: Collection[str], made: Collection[str]) -> None:
        """Put the directory in place.

        Args:
            old: Where the old directory lies, if there is one.
            keep: The names of its files that stay.
            made: The names of the files in `made`.
        """
        if old is None or not keep:
            with translated(f"write {self._target}"):
                self.made.rename(self._target)
            return
        present = list_names(str(old), recursive=True)
        with replacing(self._note) as note:
            note.write_text(json.dumps(list(made)), "utf-8")
        try:
            _move([name for name in present if name not in keep], old, self._replaced)
            _move(made, self.made, old)
            _remove_empty_folders(old, present)
            with translated(f"write {self._target}"):
                old.rename(self._target)
        except BaseException:
            self.undo(old)
            raise

    def undo(self, old: Path) -> None:
        """Take back a swap, as far as it came.

        Args:
            old: Where the old directory lay, and lies afterwards.
        """
        try:
            made = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError):
            return
        if not os.path.lexists(old) and os.path.lexists(self._target):
            self._target.rename(old)
        _move([name for name in made if not os.path.lexists(self.made / name)], old, self.made)
        if self._replaced.is_dir():
            _move(list_names(str(self._replaced), recursive=True), self._replaced, old)
        self._note.unlink()

    def remove(self) -> None:
        """Remove everything: it has become the directory, or nobody wants it any more."""
        shutil.rmtree(self._folder, ignore_errors=True)


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    with translated(f"write {target}"):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            if "/" in name:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                os.replace(f"{source}/{name}", f"{target}/{name}")  # noqa: PTH105 - for each file


def _remove_empty_folders(folder: Path, names: Iterable[str]) -> None:
    """Remove the folders of some files, as far as they are empty now."""
    folders = {name.rpartition("/")[0] for name in names} - {""}
    parents = {str(parent) for name in folders for parent in PurePosixPath(name).parents} - {"."}
    for below in sorted(folders | parents, reverse=True):
        with suppress(OSError):
            (folder / below).rmdir()
