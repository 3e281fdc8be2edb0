"""Send outputs from a working directory to a store: content first, record after.

An output is recorded when each of its files is there. Records are merged in batches: at the end,
and before that whenever `MERGE_SECONDS` have passed, so that whoever is interrupted in a long
upload keeps what is done, and others can use it. A batch is one read and one conditional write
for each project. What is already uploaded when an upload is interrupted is recorded too, if the
store still answers.

When a new version of an output is recorded, the objects of the old version that it no longer has
are removed, so that nobody who reads a folder by other means takes them for a part of it, and a
folder does not stay beside the file of its name that it once was. Those of an external output stay:
a person made them, and whoever uploads a folder without them may just not have them yet.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from luisy_protocol.errors import LuisyError, TransferFailed
from luisy_protocol.keys import path_below
from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Record
from luisy_protocol.store import ObjectInfo, Store
from luisy_protocol.store_records import StoreRecords
from luisy_protocol.transfer import Upload, upload_all

from luisy_cloud.inventory import Inventory, contents_of, project_of

MERGE_SECONDS = 30.0


class Departures:
    """One batch of uploads.

    Args:
        store: Where the outputs go.
        working_dir: Where they are.
        inventory: What the store holds.
        progress: Told of the bytes and files.
        stored: Told of each record that is in the store.
        clock: Seconds that only ever go up.
    """

    def __init__(
        self,
        store: Store,
        working_dir: Path,
        *,
        inventory: Inventory,
        progress: TransferProgress,
        stored: Callable[[Record], None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._store = store
        self._working_dir = working_dir
        self._inventory = inventory
        self._progress = progress
        self._stored = stored
        self._clock = clock
        self._merged_at = clock()
        self._missing: dict[str, int] = {}
        self._owners: dict[str, Record] = {}
        self._sent: list[Record] = []
        self._failures: dict[str, Exception] = {}

    def send(self, records: Iterable[Record], *, workers: int) -> None:
        """Send what the store lacks of these outputs, and record them.

        Raises:
            TransferFailed: With the error of each output that was not sent or not recorded.
        """
        wanted = (upload for record in records for upload in self._prepare(record))
        try:
            upload_all(
                self._store, wanted, workers=workers, progress=self._progress, done=self._settle
            )
        except TransferFailed as failed:
            for key, error in failed.failures.items():
                self._failures.setdefault(self._owners[key].key, error)
        except BaseException:
            with suppress(LuisyError):
                self._merge()
            raise
        self._merge()
        if self._failures:
            raise TransferFailed(self._failures)

    def _prepare(self, record: Record) -> Iterator[Upload]:
        try:
            uploads = [
                Upload(path_below(self._working_dir, key), key, content.sha256)
                for key, content in contents_of(record).items()
                if not self._inventory.holds(key, content)
            ]
        except LuisyError as error:
            self._failures[record.key] = error
            return
        self._missing[record.key] = len(uploads)
        self._owners.update((upload.key, record) for upload in uploads)
        if not uploads:
            self._sent.append(record)
        yield from uploads

    def _settle(self, upload: Upload, _info: ObjectInfo) -> None:
        record = self._owners[upload.key]
        self._missing[record.key] -= 1
        if not self._missing[record.key]:
            self._sent.append(record)
        if self._clock() - self._merged_at > MERGE_SECONDS:
            self._merge()

    def _merge(self) -> None:
        sent, self._sent = self._sent, []
        for project in {project_of(record.key): None for record in sent}:
            batch = [record for record in sent if project_of(record.key) == project]
            try:
                StoreRecords(self._store, project).merge(batch)
            except LuisyError as error:
                self._failures.update((record.key, error) for record in batch)
            else:
                for record in batch:
                    self._remove_leftovers(record)
                    self._stored(record)
        self._merged_at = self._clock()

    def _remove_leftovers(self, record: Record) -> None:
        old = self._inventory.records.get(record.key)
        if old is None or not old.hash:
            return
        for key in contents_of(old).keys() - contents_of(record).keys():
            with suppress(LuisyError):  # it does no harm to the record; `luisy remote gc` finds it
                self._store.delete(key)
