"""The files of one machine, below one folder of this computer.

A virtual path (``/home/f7tuser/a``) is resolved component by component here, never by the
operating system: ``..`` stops at the root, and the text of a symbolic link is read as a virtual
path, so that no path and no link leads out of the machine's folder, whoever made it. A link whose
text lies below the machine's folder (as ``symlink`` writes it, so that job scripts can follow it)
means the same virtual path.

Permissions are the owner's bits of the real file, and the home of another user is closed. That is
enough to meet each answer of the real server; it protects nothing.
"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from firecrest.emulator.refusal import CommandFailed

_MOST_LINKS = 40


@dataclass(frozen=True, slots=True)
class Filesystem:
    """The files of one machine as one user sees them.

    Attributes:
        root: The folder that stands for the machine's ``/``.
        user: Who asks.
    """

    root: Path
    user: str

    @property
    def home(self) -> str:
        """The user's home directory, which relative paths start from."""
        return f"/home/{self.user}"

    def resolve(self, path: str, *, command: str, follow: bool = True) -> Path:
        """Return the real path of a virtual one, whether or not it exists.

        Args:
            path: A virtual path; a relative one starts at the home directory.
            command: What the error text starts with, for instance ``ls: cannot access '/x'``.
            follow: Whether a link in the last place is followed.

        Raises:
            CommandFailed: If a component is missing, closed or not a directory.
        """
        pending = list(reversed(PurePosixPath(self.home, path).parts[1:]))
        current: list[str] = []
        links = 0
        while pending:
            part = pending.pop()
            if part == "..":
                current = current[:-1]
                continue
            real = self.root.joinpath(*current, part)
            self._may_enter([*current, part], command)
            if real.is_symlink() and (pending or follow):
                links += 1
                if links > _MOST_LINKS:
                    raise CommandFailed(f"{command}: Too many levels of symbolic links")
                target = self.virtual(os.readlink(real))  # noqa: PTH115 - the text as it is
                parts = PurePosixPath(target).parts
                if target.startswith("/"):
                    current, parts = [], parts[1:]
                pending.extend(reversed(parts))
                continue
            if pending and not real.is_dir():
                reason = "Not a directory" if real.exists() else "No such file or directory"
                raise CommandFailed(f"{command}: {reason}")
            current.append(part)
        return self.root.joinpath(*current)

    def existing(self, path: str, *, command: str, follow: bool = True, need: int = 0) -> Path:
        """Return the real path of something that is there and has the permission bits `need`."""
        real = self.resolve(path, command=command, follow=follow)
        try:
            mode = real.lstat().st_mode
        except FileNotFoundError:
            raise CommandFailed(f"{command}: No such file or directory") from None
        if need and not stat.S_ISLNK(mode) and mode & need != need:
            raise CommandFailed(f"{command}: Permission denied")
        return real

    def place(self, path: str, *, command: str, follow: bool = True) -> Path:
        """Return the real path of something about to be made: its directory exists and is open."""
        real = self.resolve(path, command=command, follow=follow)
        if not real.parent.is_dir():
            raise CommandFailed(f"{command}: No such file or directory")
        if not real.parent.stat().st_mode & stat.S_IWUSR:
            raise CommandFailed(f"{command}: Permission denied")
        return real

    def virtual(self, real: str) -> str:
        """Return the virtual path of a real one; any other text stays as it is."""
        root = str(self.root)
        if real == root or real.startswith(root + os.sep):
            return real[len(root) :].replace(os.sep, "/") or "/"
        return real

    def _may_enter(self, parts: list[str], command: str) -> None:
        is_foreign = len(parts) >= 2 and parts[0] == "home" and parts[1] != self.user
        if is_foreign and self.root.joinpath(*parts[:2]).exists():
            opened = command.replace("cannot access", "cannot open directory")
            raise CommandFailed(f"{opened}: Permission denied")
