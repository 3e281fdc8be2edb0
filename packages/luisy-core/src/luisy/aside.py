"""Set outdated outputs aside until what replaces them is there.

They move within the project's folder, by one rename each, to ``.luisy/aside/<run>/outputs/<key>``;
the list of the keys, ``.luisy/aside/<run>/keys``, is written before. Where a layer is a link to
another disk they are copied instead, and appear on either side by a rename. The record of an output
stays where it is: only that of a new output replaces it. So a run that was killed in the middle
loses nothing either: what it set aside lies there with its record, and the next run, or ``luisy
restore``, puts it back where no recorded output has taken its place. What a killed task left there
half-written has no record and makes room.
"""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from luisy_protocol.errors import LuisyError
from luisy_protocol.os_errors import is_full, translate, translated
from luisy_protocol.record import Record
from luisy_protocol.temporary import temporary_beside

from luisy.fingerprints import Fingerprints
from luisy.swap import Swap
from luisy.workspace import Workspace


@dataclass(slots=True)
class Aside:
    """The outputs that one run has set aside.

    Attributes:
        workspace: Where the outputs are.
        run: A name for the run, unique.
        is_over: Whether the run was killed: then a person may have made what is there since.
    """

    workspace: Workspace
    run: str = field(
        default_factory=lambda: f"{time.strftime('%Y%m%dT%H%M%S')}-{secrets.token_hex(4)}"
    )
    is_over: bool = False
    _keys: dict[str, None] = field(default_factory=dict)

    def put(self, keys: Iterable[str]) -> None:
        """Set outputs aside; those that are not there are passed over.

        Raises:
            AccessDenied, LuisyError: If one cannot be moved.
        """
        present = [key for key in keys if os.path.lexists(self.workspace.path(key))]
        for project in {_project(key) for key in present}:
            self._note(project, [key for key in present if _project(key) == project])
        for key in present:
            self._keys[key] = None
            _move(Path(self.workspace.path(key)), self._place(key))

    def restore(self) -> list[str]:
        """Put all outputs back where nothing has taken their place; return their keys."""
        return self._restore(self.keys)

    def settle(
        self, keys: Iterable[str], recorded: Mapping[str, Record], prints: Fingerprints
    ) -> list[str]:
        """Put outputs back unless what is recorded has taken their place; return their keys.

        Where neither the output nor what a killed run set aside is what the record tells of, a
        person may have made either: both stay where they are until a run has made the output anew.

        Args:
            keys: Which.
            recorded: The present records, by key.
            prints: The remembered digests of the project's files.
        """
        unclear: set[str] = set()
        chosen = [key for key in keys if key in self._keys]
        for key in chosen:
            output, place = Path(self.workspace.path(key)), self._place(key)
            record = recorded.get(key)
            if record and _is(record, output, prints):
                Swap(output).settle()
                continue
            Swap(output).undo(place)
            if os.path.lexists(output) and os.path.lexists(place):
                if not self.is_over or (record and _is(record, place, prints)):
                    _remove(output)
                else:
                    unclear.add(key)
        return self._restore(key for key in chosen if key not in unclear)

    def discard(self, keys: Iterable[str]) -> None:
        """Remove outputs that have been replaced."""
        for key in [key for key in keys if key in self._keys]:
            place = self._place(key)
            if os.path.lexists(place):
                _remove(place)
            else:  # the old folder has become the new one
                Swap(Path(self.workspace.path(key))).settle()
            del self._keys[key]
            self._close(_project(key))

    @property
    def keys(self) -> tuple[str, ...]:
        """What lies aside."""
        return tuple(self._keys)

    def _restore(self, keys: Iterable[str]) -> list[str]:
        restored = []
        for key in keys:
            output, place = Path(self.workspace.path(key)), self._place(key)
            if os.path.lexists(place) and not os.path.lexists(output):
                _move(place, output)
                restored.append(key)
            del self._keys[key]
            self._close(_project(key))
        return restored

    def _note(self, project: str, keys: Iterable[str]) -> None:
        folder = self._folder(project)
        try:
            with translated(f"write {folder}"):
                folder.mkdir(parents=True, exist_ok=True)
                with (folder / "keys").open("a", encoding="utf-8") as file:
                    file.write("".join(f"{key}\n" for key in keys))
        except LuisyError:
            with suppress(LuisyError):
                self._close(project)
            raise

    def _close(self, project: str) -> None:
        """Remove the folders of a project of which nothing lies aside any more."""
        if any(_project(key) == project for key in self._keys):
            return
        folder = self._folder(project)
        _remove(folder)
        with suppress(OSError):  # another run has something there, or has removed it
            folder.parent.rmdir()

    def _folder(self, project: str) -> Path:
        return self.workspace.private(project) / "aside" / self.run

    def _place(self, key: str) -> Path:
        return self._folder(_project(key)).joinpath("outputs", *key.split("/"))


def leftovers(workspace: Workspace, project: str) -> Iterator[Aside]:
    """Yield what earlier runs set aside in a project and never put back, the latest first."""
    folder = workspace.private(project) / "aside"
    with translated(f"list {folder}"):
        runs = sorted(folder.iterdir(), reverse=True) if folder.is_dir() else []
    for run in runs:
        try:
            # The last one may be torn, within a letter, too.
            keys = (run / "keys").read_text("utf-8", errors="replace").split("\n")
        except OSError:
            continue
        yield Aside(
            workspace, run.name, is_over=True, _keys=dict.fromkeys(key for key in keys if key)
        )


def recover(workspace: Workspace, project: str) -> list[str]:
    """Put back what killed runs had set aside in a project, the latest first; return the keys."""
    found = list(leftovers(workspace, project))
    if not found:
        return []
    recorded = workspace.records(project).read().records
    prints = workspace.fingerprints(project)
    return [key for left in found for key in left.settle(left.keys, recorded, prints)]


def outdated(workspace: Workspace, key: str) -> Path | None:
    """Return where an output lies that was set aside; None if it does not."""
    places = (aside._place(key) for aside in leftovers(workspace, _project(key)))
    return next((place for place in places if os.path.lexists(place)), None)


def _project(key: str) -> str:
    return key.partition("/")[0]


def _is(record: Record, path: Path, prints: Fingerprints) -> bool:
    seen = prints.of(str(path), is_folder=record.files is not None)
    return seen is not None and seen.content.sha256 == record.sha256


def _move(source: Path, target: Path) -> None:
    with translated(f"move {source} to {target}"):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            source.rename(target)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            _carry(source, target)


def _carry(source: Path, target: Path) -> None:
    """Move to another disk: whole on the new side before it goes from the old one."""
    copy, outdated = temporary_beside(target), temporary_beside(source)
    try:
        if source.is_dir() and not source.is_symlink():
            shutil.copytree(source, copy, symlinks=True, copy_function=_copy)
        else:
            shutil.copy2(source, copy, follow_symlinks=False)
        copy.rename(target)
    except BaseException:
        _remove(copy)
        raise
    source.rename(outdated)
    _remove(outdated)


def _copy(source: str, target: str) -> None:
    """Copy a file of a folder; `shutil` would go on with a full disk, and tell of every file."""
    try:
        shutil.copy2(source, target)
    except OSError as error:
        if is_full(error):
            raise translate(error, f"copy {source} to {target}") from error
        raise


def _remove(place: Path) -> None:
    with translated(f"remove {place}"):
        if place.is_dir() and not place.is_symlink():
            shutil.rmtree(place)
        else:
            place.unlink(missing_ok=True)
