"""Read every recorded output in a store, and compare it with the digest in its record."""

from __future__ import annotations

import tempfile
from collections.abc import Iterable
from pathlib import Path

from luisy_protocol.errors import TransferFailed
from luisy_protocol.progress import TransferProgress
from luisy_protocol.record import Record
from luisy_protocol.store import Downloaded, Store
from luisy_protocol.transfer import Download, download_all

from luisy_cloud.inventory import Inventory, contents_of


def verify(
    store: Store,
    inventory: Inventory,
    records: Iterable[Record],
    *,
    progress: TransferProgress,
    workers: int,
) -> dict[str, Exception]:
    """Return the error of each recorded output whose content is not what its record says.

    Each object is read once, to a temporary folder, from which it is removed at once.

    Raises:
        OSError: If there is no room for that.
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
                failures.setdefault(owners[key], error)
        finally:
            progress.end()
    return failures


def _discard(download: Download, _found: Downloaded) -> None:
    download.path.unlink()
