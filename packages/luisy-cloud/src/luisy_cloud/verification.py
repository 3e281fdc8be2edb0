"""Read every recorded output in a store, and compare it with the digest in its record.

What cannot be read (no network, no permission, no room for it) is not damaged: only `is_damage`
is a reason to forget a record.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from luisy_protocol.errors import IntegrityError, NotFound, TransferFailed
from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Record
from luisy_protocol.store import Downloaded, Store
from luisy_protocol.transfer import Download, download_all

from luisy_cloud.errors import MissingContainer
from luisy_cloud.inventory import Inventory, contents_of


def verify(
    store: Store,
    inventory: Inventory,
    records: Iterable[Record],
    *,
    progress: TransferProgress,
    workers: int,
) -> dict[str, Exception]:
    """Return the error of each recorded output that is damaged or could not be read.

    Each object is read once, to a temporary folder, from which it is removed at once.
    """
    owners = {key: record.key for record in records for key in contents_of(record)}
    contents = {key: content for record in records for key, content in contents_of(record).items()}
    failures: dict[str, Exception] = {}
    with tempfile.TemporaryDirectory(prefix="luisy-verify-") as folder:
        wanted = (
            Download(key, Path(folder) / str(number), sha256=content.sha256, size=content.size)
            for number, (key, content) in enumerate(contents.items())
        )
        size = sum(inventory.objects[key].size for key in contents if key in inventory.objects)
        progress.begin("Verifying", files=len(contents), size=size)
        try:
            download_all(store, wanted, workers=workers, progress=progress, done=_discard)
        except TransferFailed as failed:
            for key, error in failed.failures.items():
                known = failures.setdefault(owners[key], error)
                if is_damage(error) and not is_damage(known):
                    failures[owners[key]] = error
        finally:
            progress.end()
    return failures


def is_damage(error: Exception | None) -> bool:
    """Tell whether an error says that the content is not there, or not what its record says."""
    return isinstance(error, (IntegrityError, NotFound)) and not isinstance(error, MissingContainer)


def _discard(download: Download, _found: Downloaded) -> None:
    download.path.unlink()
