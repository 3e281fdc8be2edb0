"""Move the outputs of a pipeline between a working directory and a store.

It decides nothing about freshness: a planner does, from what `look` tells. It does decide what
need not travel: a file that is already on the other side with the same digest.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from luisy_protocol.errors import NotSupported
from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Record
from luisy_protocol.store import Store
from luisy_protocol.sync import Arrived, RemoteOutput

from luisy_cloud.arrival import Arrivals
from luisy_cloud.departure import Departures
from luisy_cloud.inventory import Inventory, contents_of, project_of, take_inventory

WORKERS = 16

logger = logging.getLogger(__name__)


class StoreSynchroniser:
    """A `luisy_protocol.sync.Synchroniser` on top of any store.

    Args:
        store: The store.
        working_dir: The working directory.
        workers: How many files travel at a time.
    """

    def __init__(self, store: Store, working_dir: Path, *, workers: int = WORKERS) -> None:
        self._store = store
        self._working_dir = Path(working_dir)
        self._workers = workers
        self._projects: tuple[str, ...] = ()
        self._inventory = Inventory({}, {})

    def look(self, projects: Iterable[str]) -> Mapping[str, RemoteOutput]:
        """List what the store holds for these projects, by key.

        Raises:
            Unavailable, AccessDenied, NotFound: If the store cannot be read.
            ConfigurationError: If a newer version of luisy wrote the records there.
        """
        self._projects = tuple(dict.fromkeys(projects))
        self._inventory = take_inventory(self._store, self._projects)
        for warning in self._inventory.warnings:
            logger.warning("%s", warning)
        return self._inventory.outputs()

    def folder(self, key: str) -> RemoteOutput | None:
        """Return the unrecorded objects below ``key + "/"`` as one directory output."""
        return self._inventory.folder(key)

    def download(
        self,
        outputs: Iterable[RemoteOutput],
        *,
        progress: TransferProgress,
        arrived: Callable[[Arrived], None],
    ) -> None:
        """Fetch outputs in parallel; each is verified, then renamed into place, then reported.

        Raises:
            TransferFailed: With the error of each output that did not arrive.
        """
        wanted = list(outputs)
        if not wanted:
            return
        objects = self._inventory.objects
        digests = {key: info.sha256 for key, info in objects.items() if info.sha256}
        arrivals = Arrivals(
            self._store, self._working_dir, digests=digests, progress=progress, arrived=arrived
        )
        files = sum(len(output.files) for output in wanted)
        progress.begin("Downloading", files=files, size=sum(output.size for output in wanted))
        try:
            arrivals.fetch(wanted, workers=self._workers)
        finally:
            progress.end()

    def upload(
        self,
        records: Iterable[Record],
        *,
        progress: TransferProgress,
        stored: Callable[[Record], None],
    ) -> None:
        """Send the outputs that these local records describe: content first, then the records.

        Raises:
            TransferFailed: With the error of each output not sent; the others are recorded.
            NotSupported: If the store has no compare-and-swap.
        """
        wanted = [record for record in records if not self._is_stored(record, stored)]
        if not wanted:
            return
        self._check_records_can_be_kept()
        # The last look may be hours old by now: what is skipped must be there at this moment.
        self.look([*self._projects, *(project_of(record.key) for record in wanted)])
        departures = Departures(
            self._store,
            self._working_dir,
            inventory=self._inventory,
            progress=progress,
            stored=stored,
        )
        files, size = self.to_send(wanted)
        if not files:
            departures.send(wanted, workers=1)
            return
        progress.begin("Uploading", files=files, size=size)
        try:
            departures.send(wanted, workers=self._workers)
        finally:
            progress.end()

    def to_send(self, records: Iterable[Record]) -> tuple[int, int]:
        """Return how many files and bytes `upload` would send, by the last `look`."""
        sizes = [size for record in records for size in self._lacking(record)]
        return len(sizes), sum(sizes)

    def _lacking(self, record: Record) -> Sequence[int]:
        return [
            content.size
            for key, content in contents_of(record).items()
            if not self._inventory.holds(key, content)
        ]

    def _is_stored(self, record: Record, stored: Callable[[Record], None]) -> bool:
        same = self._inventory.records.get(record.key) == record
        if not same or not self._inventory.is_as_recorded(record):
            return False
        stored(record)
        return True

    def _check_records_can_be_kept(self) -> None:
        if not self._store.has_compare_and_swap:
            raise NotSupported(
                f"{self._store.url} cannot replace an object on a condition, so the records of "
                "several people would overwrite each other there; use another store for uploads"
            )
