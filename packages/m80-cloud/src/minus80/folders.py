"""The datasets on this machine: folders ``databases/<dtype>.<name>``, replaced in one step.

A folder that is fetched is made whole elsewhere in the base directory and then exchanged with the
old one. Linux exchanges two folders in one system call. Elsewhere the old one is renamed first; a
process killed between the two renames leaves it under ``tmp``, and the next look at the dataset
puts it back.
"""

from __future__ import annotations

import ctypes
import itertools
import os
import shutil
import sys
import time
from contextlib import suppress
from pathlib import Path

from luisy_protocol.os_errors import translated

from minus80.errors import DatasetNotFound
from minus80.listing import Listing
from minus80.names import nearest, slug_of, split_slug, valid_dtype
from minus80.settings import load_settings

_AT_FDCWD = -100
_RENAME_EXCHANGE = 2
_ABANDONED_AFTER = 7 * 24 * 60 * 60


class Folders:
    """The datasets below one base directory.

    Args:
        basedir: The base directory.
    """

    def __init__(self, basedir: Path) -> None:
        self.basedir = basedir
        self.databases = basedir / "databases"
        self.temporary = basedir / "tmp"

    def path(self, slug: str) -> Path:
        """Return the folder of a dataset, which need not exist."""
        self._recover(slug)
        return self.databases / slug

    def slugs(self) -> list[str]:
        """Return the slugs of all datasets here."""
        for left in self.temporary.glob("*.replaced"):
            self._recover(left.name.removesuffix(".replaced"))
        if not self.databases.is_dir():
            return []
        with translated(f"list {self.databases}"):
            found = [path.name for path in self.databases.iterdir() if path.is_dir()]
        return sorted(name for name in found if split_slug(name))

    def existing(self, slug: str) -> Path:
        """Return the folder of a dataset.

        Raises:
            DatasetNotFound: If there is none; the message has the nearest names.
        """
        path = self.path(slug)
        if not path.is_dir():
            raise self._not_found(slug)
        return path

    def replace(self, slug: str, folder: Path, *, keep: Path | None = None) -> None:
        """Put a whole new folder into the place of a dataset.

        Args:
            slug: The dataset.
            folder: The new folder, below the same base directory; it is gone afterwards.
            keep: Where the old folder goes; deleted if None.
        """
        path, old = self.path(slug), self._old(slug)
        with translated(f"replace {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            if old.exists():  # left by a killed process: maybe somebody's work
                old.rename(self.set_aside(slug))
            if not path.exists():
                folder.rename(path)
                return
            folder.rename(old)
            if not _exchanged(old, path):
                old.rename(folder)
                path.rename(old)
                folder.rename(path)
            if keep:
                old.rename(keep)
            else:
                shutil.rmtree(old, ignore_errors=True)

    def set_aside(self, slug: str) -> Path:
        """Return a new name below ``replaced`` for a folder that somebody may still want."""
        aside = self.basedir / "replaced"
        aside.mkdir(parents=True, exist_ok=True)
        stamp = time.strftime("%Y-%m-%d-%H%M%S")
        names = (f"{slug}.{stamp}{f'-{n}' if n else ''}" for n in itertools.count())
        return next(aside / name for name in names if not (aside / name).exists())

    def delete(self, slug: str) -> None:
        """Delete a dataset: from one moment to the next it is not there any more.

        Raises:
            DatasetNotFound: If there is none.
        """
        path = self.existing(slug)
        with translated(f"delete {path}"):
            self.temporary.mkdir(parents=True, exist_ok=True)
            gone = self.temporary / f"{slug}.deleted"
            shutil.rmtree(gone, ignore_errors=True)
            path.rename(gone)
            shutil.rmtree(gone)

    def remove_leftovers(self) -> None:
        """Remove what puts that were killed more than a week ago left of copies and backups."""
        for pattern in ("*.put", "*.send"):
            for left in self.temporary.glob(pattern):
                with suppress(OSError):
                    if time.time() - left.stat().st_mtime > _ABANDONED_AFTER:
                        shutil.rmtree(left)

    def _recover(self, slug: str) -> None:
        old, path = self._old(slug), self.databases / slug
        if not path.exists() and old.is_dir():
            with translated(f"restore {path}"):
                old.rename(path)

    def _old(self, slug: str) -> Path:
        return self.temporary / f"{slug}.replaced"

    def _not_found(self, slug: str) -> DatasetNotFound:
        dtype, name = split_slug(slug) or ("", slug)
        near = nearest(slug, self.slugs())
        return DatasetNotFound(f"there is no {dtype} '{name}' in {self.databases}{near}")


def available(
    name: str | None = None, dtype: str | None = None, *, basedir: Path | None = None
) -> Listing | bool:
    """Return the datasets on this machine, or whether one is there if name and dtype are given.

    Args:
        name: Only datasets whose name begins with this; with a dtype, exactly this one.
        dtype: Only datasets of this type.
        basedir: Another base directory than that of the settings.
    """
    folders = Folders(basedir or load_settings().basedir)
    if name is not None and dtype is not None:
        return folders.path(slug_of(name, dtype)).is_dir()
    if dtype is not None:
        valid_dtype(dtype)
    pairs = (pair for slug in folders.slugs() if (pair := split_slug(slug)))
    return Listing.of(
        pair for pair in pairs if dtype in {None, pair[0]} and pair[1].startswith(name or "")
    )


def delete(name: str, dtype: str, *, basedir: Path | None = None) -> None:
    """Delete a dataset on this machine.

    Args:
        name: Its name.
        dtype: Its type.
        basedir: Another base directory than that of the settings.

    Raises:
        DatasetNotFound: If there is none.
    """
    Folders(basedir or load_settings().basedir).delete(slug_of(name, dtype))


def _exchanged(one: Path, other: Path) -> bool:
    """Exchange two folders in one step; False where the system or the file system cannot."""
    if sys.platform != "linux":
        return False
    with suppress(OSError, AttributeError):
        renameat2 = ctypes.CDLL(None, use_errno=True).renameat2
        paths = (os.fsencode(one), os.fsencode(other))
        return bool(renameat2(_AT_FDCWD, paths[0], _AT_FDCWD, paths[1], _RENAME_EXCHANGE) == 0)
    return False
