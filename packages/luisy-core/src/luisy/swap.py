"""Change some files of a folder that lies aside and make it the output: all of it or nothing.

With 100,000 files of which one has changed, copying or linking the others would take longer than
the work. So the old folder itself becomes the new one, by renames alone: what leaves it goes to
``replaced`` of a staging folder beside the output, what joins it comes from ``made`` there. What is
to be done is noted before, so that every step can be undone: at once when one fails, by the next
run or ``luisy restore`` when the process died. Until the last step there is no folder under the
final name, never half of one. The unchanged files keep their inode and their times, so nobody need
read them again.

The note tells the folder by its inode: it may have come to its final name, or not.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Collection, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from luisy_protocol.digest import list_folder
from luisy_protocol.os_errors import translated
from luisy_protocol.temporary import replacing, staging_beside


@dataclass(frozen=True, slots=True)
class Swap:
    """The way of one output from an old folder to a new one.

    Attributes:
        target: Where the output belongs.
    """

    target: Path

    @property
    def folder(self) -> Path:
        """The staging folder."""
        return staging_beside(self.target)

    @property
    def made(self) -> Path:
        """Where the new files are."""
        return self.folder / "made"

    @property
    def is_noted(self) -> bool:
        """Whether there is something to undo."""
        return self._note.exists()

    def carry_out(
        self, old: Path, there: Collection[str], *, keep: Collection[str], made: Collection[str]
    ) -> None:
        """Let the old folder become the output.

        Args:
            old: Where it lies aside.
            there: The names of its files.
            keep: The names of those that stay.
            made: The names of the new files.

        Raises:
            NotFound: If one of those that move is not there any more.
        """
        with translated(f"write {self._note}"), replacing(self._note) as note:
            note.write_text(json.dumps([old.stat().st_ino, list(made)]), "utf-8")
        try:
            _move([name for name in there if name not in keep], old, self._replaced)
            _move(made, self.made, old)
            _remove_empty_folders(old, there)
            with translated(f"write {self.target}"):
                old.rename(self.target)
        except BaseException:
            self.undo(old)
            raise

    def undo(self, old: Path) -> None:
        """Take back what was noted, as far as it came, unless it concerns another folder.

        Args:
            old: Where the old folder lay, and lies afterwards.
        """
        try:
            inode, made = json.loads(self._note.read_text("utf-8"))
        except (OSError, ValueError, TypeError):
            return
        if not os.path.lexists(old) and _inode(self.target) == inode:
            with translated(f"move {self.target} to {old}"):
                old.parent.mkdir(parents=True, exist_ok=True)
                self.target.rename(old)
        if _inode(old) != inode:
            return
        came = [name for name in made if not os.path.lexists(self.made / name)]
        _move([name for name in came if os.path.lexists(old / name)], old, self.made)
        if self._replaced.is_dir():
            _move(list(list_folder(self._replaced)), self._replaced, old)
        self._note.unlink()

    def settle(self) -> None:
        """Remove the staging folder: the output is recorded, and nothing is to be undone."""
        self._note.unlink(missing_ok=True)  # first: a process may die between the two
        shutil.rmtree(self.folder, ignore_errors=True)

    @property
    def _replaced(self) -> Path:
        return self.folder / "replaced"

    @property
    def _note(self) -> Path:
        return self.folder / "swap"


def _inode(path: Path) -> int | None:
    with suppress(OSError):
        return path.stat().st_ino
    return None


def _move(names: Iterable[str], source: Path, target: Path) -> None:
    with translated(f"write {target}"):
        target.mkdir(parents=True, exist_ok=True)
        for name in names:
            if "/" in name:
                (target / name).parent.mkdir(parents=True, exist_ok=True)
            os.replace(f"{source}/{name}", f"{target}/{name}")  # noqa: PTH105 - for each file


def _remove_empty_folders(folder: Path, names: Iterable[str]) -> None:
    """Remove the folders of some files, as far as they are empty now."""
    folders = {name.rpartition("/")[0] for name in names if "/" in name}
    parents = {str(parent) for name in folders for parent in PurePosixPath(name).parents} - {"."}
    for below in sorted(folders | parents, reverse=True):
        with suppress(OSError):
            (folder / below).rmdir()
