"""The digests of outputs on disk, without reading again what has not changed.

A file's digest is remembered with its size, its inode and the times of its last modification and
of its last change of status. It counts as unchanged as long as all four agree. A digest taken less
than `_SLACK` after the file was last touched is used but not remembered: the file could change
once more within the same tick of the file system's clock, and its status would not tell.

The memory is a text file to which lines are only added, by any number of processes at once; when
most of it is outdated it is written anew. It may be lost or removed at any time: then files are
read again. Nothing in it is taken apart before it is needed: a directory may have 100,000 files.
"""

from __future__ import annotations

import os
import re
import stat
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.digest import digest_file, digest_listing, list_folder
from luisy_protocol.errors import LuisyError, NotFound
from luisy_protocol.record import Content
from luisy_protocol.temporary import replacing

_SLACK = 50_000_000
_COARSE_SLACK = 2_500_000_000
_WASTE = 1000
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")  # for a line of UTF-8


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """The content of an output; of a folder, also that of each file in it."""

    content: Content
    files: Mapping[str, Content] | None = None


class Fingerprints:
    """Tells the digests of files and folders.

    Args:
        memory: Where digests are remembered, or None to remember them in this process alone.
    """

    def __init__(self, memory: Path | None) -> None:
        self._memory = memory
        self._known: dict[str, str] = {}
        self._folders: dict[str, Fingerprint] = {}  # as they were at the last look
        self._added: list[str] = []
        self._lines = 0
        if memory:
            self._load(memory)

    def of(self, path: str, *, is_folder: bool = False) -> Fingerprint | None:
        """Return the content of an output, or None if there is none of its kind."""
        try:
            status = os.stat(path)  # noqa: PTH116 - asked for every output of a pipeline
        except OSError:
            return None
        if stat.S_ISDIR(status.st_mode) != is_folder:
            return None
        if not is_folder:
            return Fingerprint(self._file(path, status))
        with suppress(NotFound):
            files, before = self.files(path), self._folders.get(path)
            if before is None or files != before.files:
                self._folders[path] = before = Fingerprint(digest_listing(files), files)
            return before
        return None

    def files(self, path: str, *, at: str = "") -> dict[str, Content]:
        """Return the content of each file of a folder, by name, sorted.

        Args:
            path: Where the folder belongs.
            at: Where it lies just now, if that is somewhere else.

        Raises:
            NotFound: If it is not there.
        """
        known, found = self._known, {}
        before = self._folders[path].files if path in self._folders else None
        place, path = member(at or path, ""), member(path, "")
        for name in sorted(list_folder(Path(place))):
            native = name if os.sep == "/" else name.replace("/", os.sep)
            try:
                status = os.stat(place + native)  # noqa: PTH116
            except FileNotFoundError:  # removed since it was listed
                continue
            state = known.get(path + native)
            if state is None or state[:-64] != _state(status):
                found[name] = self._file(path + native, status, place + native)
                continue
            # Of 100,000 files hardly one has changed, and an object costs more than a comparison.
            content = before.get(name) if before else None
            if content is None or not state.endswith(content.sha256):
                content = Content(state[-64:], status.st_size)
            found[name] = content
        return found

    def trust(self, path: str, content: Content) -> None:
        """Take the digest of a file from whoever wrote it, if the file has that size."""
        with suppress(OSError):
            now, status = time.time_ns(), os.stat(path)  # noqa: PTH116
            if status.st_size == content.size:
                self._remember(path, status, content, now)

    def save(self) -> None:
        """Add what was learnt to the memory; a memory that cannot be written is left as it is."""
        if not self._memory or not self._added:
            return
        with suppress(OSError, LuisyError):
            if self._lines > 2 * len(self._known) + _WASTE:
                self._rewrite(self._memory)
            else:
                self._append(self._memory)
            self._added.clear()

    def _file(self, path: str, status: os.stat_result, at: str = "") -> Content:
        known = self._known.get(path)
        if known and known[:-64] == _state(status):
            return Content(known[-64:], status.st_size)
        now = time.time_ns()
        content = digest_file(at or path)
        if content.size == status.st_size and _is_settled(status, now):
            self._remember(path, status, content, now)
        return content

    def _remember(self, path: str, status: os.stat_result, content: Content, now: int) -> None:
        self._known[path] = known = f"{_state(status)}{content.sha256}"
        if _is_settled(status, now) and not _UNFIT.search(path):
            self._added.append(f"{path}\t{known}\n")

    def _load(self, memory: Path) -> None:
        try:
            lines = memory.read_text("utf-8").split("\n")[:-1]
        except (OSError, UnicodeDecodeError):
            return
        self._lines = len(lines)
        # A line that a dead writer tore runs into the next one: together they are about no file.
        self._known = dict(line.rsplit("\t", 1) for line in lines if "\t" in line)

    def _append(self, memory: Path) -> None:
        memory.parent.mkdir(parents=True, exist_ok=True)
        with memory.open("a", encoding="utf-8") as file:
            file.write("".join(self._added))
        self._lines += len(self._added)

    def _rewrite(self, memory: Path) -> None:
        known = self._known.items()
        lines = [f"{path}\t{state}\n" for path, state in known if not _UNFIT.search(path)]
        with replacing(memory) as temporary:
            temporary.write_text("".join(lines), "utf-8")
        self._lines = len(lines)


def member(folder: str, name: str) -> str:
    """Return the path of a file below a folder."""
    return f"{folder}/{name}" if os.sep == "/" else os.path.join(folder, *name.split("/"))  # noqa: PTH118


def _state(status: os.stat_result) -> str:
    return f"{status.st_size} {status.st_ino} {status.st_mtime_ns} {status.st_ctime_ns} "


def _is_settled(status: os.stat_result, now: int) -> bool:
    # A file system that keeps whole seconds has ticks as long as that.
    is_coarse = status.st_mtime_ns % 1_000_000 == 0
    slack = _COARSE_SLACK if is_coarse else _SLACK
    return max(status.st_mtime_ns, status.st_ctime_ns) + slack < now
