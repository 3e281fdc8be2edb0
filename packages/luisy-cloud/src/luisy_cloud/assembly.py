"""Put a downloaded directory output together beside its target, then swap it in.

The files are collected in ``.luisy-<name>.incoming`` beside the target ``<name>``. Those that are
there from an interrupted download, or in the target itself, and have the right digest, do not
travel again. When all are there, the target is renamed to ``.luisy-<name>.outgoing``, the
collected folder takes its name, and the old one is removed. Between the two renames there is no
target at all, never half of one.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from luisy_protocol.digest import digest_file, list_folder
from luisy_protocol.errors import LuisyError
from luisy_protocol.keys import path_below
from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content


class Assembly:
    """One directory output on its way.

    Args:
        target: The folder that it becomes.
    """

    def __init__(self, target: Path) -> None:
        self._target = target
        self._incoming = target.with_name(f".luisy-{target.name}.incoming")
        self._outgoing = target.with_name(f".luisy-{target.name}.outgoing")

    def path_of(self, name: str) -> Path:
        """Return where the file of this name is to be put."""
        return path_below(self._incoming, name)

    def has(self, name: str, content: Content) -> bool:
        """Tell whether a file need not travel; one in the target is taken over."""
        collected = self.path_of(name)
        if _has_content(collected, content):
            return True
        present = path_below(self._target, name)
        if not _has_content(present, content):
            return False
        with translated(f"write {collected}"):
            collected.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):
                collected.unlink()
            _link_or_copy(present, collected)
        return True

    def finish(self, files: Mapping[str, Content]) -> None:
        """Swap the collected files in, without any that does not belong to them."""
        with translated(f"write {self._target}"):
            self._incoming.mkdir(parents=True, exist_ok=True)
            for name in set(list_folder(self._incoming)) - files.keys():
                self.path_of(name).unlink()
            _remove(self._outgoing)
            self._swap()
            _remove(self._outgoing)

    def _swap(self) -> None:
        had_target = os.path.lexists(self._target)
        if had_target:
            self._target.rename(self._outgoing)
        try:
            self._incoming.rename(self._target)
        except OSError:
            if had_target:
                self._outgoing.rename(self._target)
            raise


def _has_content(path: Path, content: Content) -> bool:
    try:
        return path.stat().st_size == content.size and digest_file(path) == content
    except (OSError, LuisyError):
        return False


def _link_or_copy(source: Path, destination: Path) -> None:
    try:
        os.link(source, destination)
    except OSError:
        shutil.copyfile(source, destination)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
