"""Entries of a directory as ``ls -l`` tells them, in the server's JSON form."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from firecrest.emulator.filesystem import Filesystem


def entries(
    filesystem: Filesystem, real: Path, *, hidden: bool, recursive: bool
) -> Iterator[dict[str, str]]:
    """Yield what is in a directory (sorted, names relative to it), or the one file itself."""
    if not real.is_dir():
        yield describe(filesystem, real, filesystem.virtual(str(real)))
        return
    if hidden and not recursive:
        for name in (".", ".."):
            yield describe(filesystem, real if name == "." else real.parent, name)
    pending = [real]
    while pending:
        folder = pending.pop()
        for path in sorted(folder.iterdir(), key=lambda child: child.name):
            if path.name.startswith(".") and not hidden:
                continue
            yield describe(filesystem, path, path.relative_to(real).as_posix())
            if recursive and path.is_dir() and not path.is_symlink():
                pending.append(path)


def describe(filesystem: Filesystem, path: Path, name: str) -> dict[str, str]:
    """Return one entry; every value is a string, as on the real server."""
    status = path.lstat()
    text = stat.filemode(status.st_mode)
    is_link = stat.S_ISLNK(status.st_mode)
    return {
        "group": filesystem.user,
        "last_modified": datetime.fromtimestamp(status.st_mtime).isoformat(timespec="seconds"),
        "link_target": filesystem.virtual(str(path.readlink())) if is_link else "",
        "name": name,
        "permissions": text[1:],
        "size": str(status.st_size),
        "type": text[0],
        "user": filesystem.user,
    }
