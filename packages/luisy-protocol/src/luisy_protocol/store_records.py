"""The records of one project in a store: the object ``<project>/.luisy.hash``.

The object is read, changed and written back on the condition that nobody else wrote in between.
After a `Conflict` it is read again, so two writers at once both find their records there. Writers
that collide wait a random time that grows, and give up after `ATTEMPTS` attempts.

A malformed object is never written over: a writer first keeps a copy under
``<project>/.luisy.hash.corrupt-<digest>``, and an object of luisy 1.4 under
``<project>/.luisy.hash.1.4``.
"""

from __future__ import annotations

import hashlib
import random
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    NotFound,
    NotSupported,
)
from luisy_protocol.keys import join_key
from luisy_protocol.record import Record
from luisy_protocol.record_log import HEADER, RecordSet, amend, decode
from luisy_protocol.store import Store

ATTEMPTS = 40
_LONGEST_WAIT = 1.0


@dataclass(frozen=True, slots=True)
class _Found:
    """What the store held, and the etag to be matched; no etag where there was no object."""

    records: RecordSet
    content: bytes
    etag: str | None
    is_corrupt: bool = False


class StoreRecords:
    """The records of one project's outputs in a store.

    Args:
        store: The store.
        project: The project's name, the first segment of its keys.
        wait: Waits for a number of seconds after a conflict.
    """

    def __init__(
        self, store: Store, project: str, *, wait: Callable[[float], None] = time.sleep
    ) -> None:
        self.key = join_key(project, ".luisy.hash")
        self._store = store
        self._wait = wait

    def read(self) -> RecordSet:
        """Return all records; of a malformed object none, with a warning.

        Raises:
            ConfigurationError: If a newer version of luisy wrote them.
            AccessDenied, Unavailable, LuisyError: If the store cannot be read.
        """
        return self._read().records

    def merge(self, records: Iterable[Record]) -> RecordSet:
        """Add records, each in the place of the earlier one of its key, and return all.

        Raises:
            NotSupported: If the store has no compare-and-swap.
            Conflict: If others wrote in between each time.
            ConfigurationError: If a newer version of luisy wrote them.
            AccessDenied, Unavailable, LuisyError: If the store cannot be read or written.
        """
        added = list(records)
        return self._change(lambda content: amend(content, records=added))

    def forget(self, records: Iterable[Record]) -> RecordSet:
        """Remove records and return the others; one that was replaced meanwhile is another.

        Raises:
            NotSupported: If the store has no compare-and-swap.
            Conflict: If others wrote in between each time.
            ConfigurationError: If a newer version of luisy wrote them.
            AccessDenied, Unavailable, LuisyError: If the store cannot be read or written.
        """
        gone = list(records)
        return self._change(lambda content: _without(content, gone))

    def _change(self, change: Callable[[bytes], tuple[bytes, RecordSet]]) -> RecordSet:
        if not self._store.has_compare_and_swap:
            raise NotSupported(
                f"{self._store.url} cannot replace an object on a condition, so records of several "
                "people cannot be kept there safely; use another store for uploads"
            )
        for attempt in range(ATTEMPTS):
            with suppress(Conflict):
                return self._attempt(change)
            self._wait(random.uniform(0, min(_LONGEST_WAIT, 0.01 * 2**attempt)))  # noqa: S311
        raise Conflict(
            f"others wrote {self.key} in {self._store.url} each of {ATTEMPTS} times that this "
            "process tried to; try again"
        )

    def _attempt(self, change: Callable[[bytes], tuple[bytes, RecordSet]]) -> RecordSet:
        found = self._read()
        content, new = change(b"" if found.is_corrupt else found.content)
        warnings = found.records.warnings
        if found.etag is None and content != HEADER:
            self._store.write(self.key, content, if_absent=True)
        elif found.etag is not None and content != found.content:
            warnings += self._keep(found)
            self._store.write(self.key, content, if_match=found.etag)
        return RecordSet(new.records, warnings, new.legacy)

    def _read(self) -> _Found:
        try:
            content, info = self._store.read(self.key)
        except NotFound:
            return _Found(RecordSet({}), b"", None)
        try:
            found = decode(content)
        except IntegrityError as error:
            warning = f"{self._store.url}/{self.key}: {error}; nothing of it is used"
            return _Found(RecordSet({}, (warning,)), content, info.etag, is_corrupt=True)
        except ConfigurationError as error:
            raise ConfigurationError(f"{self._store.url}/{self.key}: {error}") from error
        located = tuple(f"{self._store.url}/{self.key}: {warning}" for warning in found.warnings)
        return _Found(RecordSet(found.records, located, found.legacy), content, info.etag)

    def _keep(self, found: _Found) -> tuple[str, ...]:
        """Keep a copy of an object that is about to be replaced by another kind of content."""
        if found.is_corrupt:
            digest = hashlib.sha256(found.content).hexdigest()[:16]
            copy = f"{self.key}.corrupt-{digest}"
        elif found.content and not found.content.startswith(HEADER[:10]):
            copy = f"{self.key}.1.4"
        else:
            return ()
        with suppress(Conflict):
            self._store.write(copy, found.content, if_absent=True)
        return (f"{self._store.url}/{self.key}: the old content was kept as {copy}",)


def _without(content: bytes, gone: Iterable[Record]) -> tuple[bytes, RecordSet]:
    known = decode(content).records
    return amend(content, forget=[old.key for old in gone if known.get(old.key) == old])
