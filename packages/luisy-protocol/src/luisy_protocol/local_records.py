"""The records of one project on disk: ``<working_dir>/<project>/.luisy.hash``.

The file is a log (`luisy_protocol.record_log`). Every writer appends under the lock
``.luisy.hash.lock`` beside it, so writers in several processes never lose each other's entries, and
a crash tears at most the last line. Readers need no lock: what they find at the end half-written
they read again under the lock, and then it is either whole or torn.

An append is not forced to the disk (fsync). That would cost milliseconds for each task, and buys
nothing here: outputs are not forced either, and after a loss of power a record without its output,
or an output without its record, only makes a task run again.

Before a writer adds to the file it reads what others have added since it last looked, and learns
which tables of parts are there. When the file is another one than before (another inode, or
shorter) somebody compacted it, and the writer starts from its beginning.

A file that is mostly garbage, which `read` finds out, is compacted by the next append of the same
object. A malformed file is renamed to ``.luisy.hash.corrupt-<time>``, and a file of luisy 1.4 is
copied to ``.luisy.hash.1.4`` when it is first written to; its hashes stay as `RecordSet.legacy`.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from luisy_protocol.errors import IntegrityError, LuisyError
from luisy_protocol.file_placement import write_whole
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.record import Record
from luisy_protocol.record_log import (
    HEADER,
    TABLE_START,
    RecordSet,
    amend,
    decode,
    encode_entries,
    encode_forgotten,
    is_current,
)
from luisy_protocol.temporary import remove_leftovers, replacing

_GARBAGE_ALLOWED = 1000
_GARBAGE_BYTES_ALLOWED = 1_000_000
_logger = logging.getLogger("luisy")


class LocalRecords:
    """The records of one project's outputs in a working directory.

    May be used by several threads and processes at once, and be pickled or forked into them.

    Args:
        path: The file, ``<working_dir>/<project>/.luisy.hash``; it need not exist.
    """

    def __init__(self, path: Path) -> None:
        self.path = Path(path)
        self._lock = self.path.with_name(self.path.name + ".lock")
        self._folder = str(self.path.parent)
        self._inode = 0
        self._seen = 0  # how many bytes of that inode are known
        self._tables: set[str] = set()  # the tables of parts within them
        self._garbage_inode = 0  # the inode that `read` found to be mostly garbage

    def read(self) -> RecordSet:
        """Return all records, and set a malformed file aside.

        Raises:
            ConfigurationError: If a newer version of luisy wrote the file.
            AccessDenied, Unavailable, LuisyError: If it cannot be read.
        """
        content, inode = self._content()
        if content and not content.endswith(b"\n") and content.startswith(HEADER[:10]):
            with suppress(LuisyError), locked(self._lock):  # an append may be under way
                content, inode = self._content()
        try:
            found = decode(content)
        except IntegrityError as error:
            return self._set_aside(error)
        live = len(found.records) + len(found.legacy)
        is_long = len(content) > 2 * found.size + _GARBAGE_BYTES_ALLOWED
        if is_long or content.count(b"\n") > 2 * live + _GARBAGE_ALLOWED:
            self._garbage_inode = inode
        return RecordSet(found.records, self._located(found.warnings), found.legacy)

    def append(self, records: Iterable[Record]) -> None:
        """Add records, each in the place of the earlier one of its key.

        Raises:
            ConfigurationError: If a newer version of luisy wrote the file.
            AccessDenied, Unavailable, LuisyError: If it cannot be written.
        """
        added = list(records)
        if added:
            self._write(lambda known: encode_entries(added, known=known))

    def forget(self, keys: Iterable[str]) -> None:
        """Remove the records of `keys`; a key without one is fine.

        Raises:
            ConfigurationError: If a newer version of luisy wrote the file.
            AccessDenied, Unavailable, LuisyError: If it cannot be written.
        """
        lines = encode_forgotten(keys)
        if lines:
            self._write(lambda _: (lines, set()))

    def _write(self, lines: Callable[[set[str]], tuple[bytes, set[str]]]) -> None:
        with translated(f"write {self.path}"):
            if not os.path.isdir(self._folder):  # noqa: PTH112 - `Path` costs, and each task asks
                self.path.parent.mkdir(parents=True, exist_ok=True)
            with locked(self._lock):
                self._catch_up()
                added, tables = lines(self._tables)
                with open(self.path, "ab", buffering=0) as file:  # noqa: PTH123 - `Path` costs
                    write_whole(file, added)
                self._seen += len(added)
                self._tables |= tables

    def _catch_up(self) -> None:
        """Make the file fit to be added to, and learn what others have added; under the lock."""
        try:
            status = self.path.stat()
        except FileNotFoundError:
            self._replace(HEADER)
            return
        if status.st_ino == self._garbage_inode:
            self._compact()
        elif status.st_ino != self._inode or status.st_size < self._seen:
            self._begin(status.st_ino)
        elif status.st_size > self._seen:
            self._learn()

    def _begin(self, inode: int) -> None:
        """Start from the beginning of a file that is new to this object."""
        with self.path.open("rb") as file:
            header = file.readline()
        try:
            if header.endswith(b"\n") and is_current(header):
                self._inode, self._seen, self._tables = inode, len(header), set()
                self._learn()
            else:
                self._convert()
        except IntegrityError as error:
            _logger.warning("%s", self._move_aside(error))
            self._replace(HEADER)

    def _learn(self) -> None:
        """Read what was added since, and cut off a line that a dead writer has torn."""
        with self.path.open("r+b", buffering=0) as file:
            file.seek(self._seen)
            added = file.read()
            end = added.rfind(b"\n") + 1
            if end < len(added):
                file.truncate(self._seen + end)
        self._tables |= _table_ids(added[:end])
        self._seen += end

    def _compact(self) -> None:
        self._garbage_inode = 0
        try:
            content, _ = amend(self._content()[0])
        except IntegrityError as error:
            _logger.warning("%s", self._move_aside(error))
            content = HEADER
        self._replace(content)

    def _convert(self) -> None:
        """Write a file of luisy 1.4 anew, and keep a copy."""
        old, _ = self._content()
        new, _ = amend(old)
        with replacing(self.path.with_name(self.path.name + ".1.4")) as copy:
            copy.write_bytes(old)
        self._replace(new)

    def _replace(self, content: bytes) -> None:
        remove_leftovers(self.path.parent)
        with replacing(self.path) as new:
            new.write_bytes(content)
            new.chmod(self.path.parent.stat().st_mode & 0o666 | 0o600)
        self._inode = self.path.stat().st_ino
        self._seen, self._tables = len(content), _table_ids(content)

    def _set_aside(self, error: IntegrityError) -> RecordSet:
        """Rename a malformed file, unless somebody did so meanwhile; under the lock."""
        try:
            with locked(self._lock):
                try:
                    return decode(self._content()[0])
                except IntegrityError as still:
                    return RecordSet({}, (self._move_aside(still),))
        except LuisyError as denied:
            return RecordSet({}, (f"{self.path}: {error}; it is not used ({denied})",))

    def _move_aside(self, error: IntegrityError) -> str:
        time = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
        aside = self.path.with_name(f"{self.path.name}.corrupt-{time}")
        with translated(f"rename {self.path}"):
            self.path.rename(aside)
        return f"{self.path}: {error}; it was set aside as {aside.name} and nothing of it is used"

    def _content(self) -> tuple[bytes, int]:
        try:
            with translated(f"read {self.path}"), self.path.open("rb") as file:
                return file.read(), os.fstat(file.fileno()).st_ino
        except FileNotFoundError:
            return b"", 0

    def _located(self, warnings: Iterable[str]) -> tuple[str, ...]:
        return tuple(f"{self.path}: {warning}" for warning in warnings)


def _table_ids(lines: bytes) -> set[str]:
    """Return the ids of the tables in whole lines: the last value of each table's line."""
    ids = set()
    text, start = b"\n" + lines, b"\n" + TABLE_START
    at = text.find(start)
    while at >= 0:
        end = text.index(b"\n", at + 1)
        ids.add(text[at:end].rpartition(b":")[2].strip(b'"}').decode())
        at = text.find(start, end)
    return ids
