"""Counts the requests, and takes the time, of a look at a store and of an upload, on one Azurite.

    python -m tools.bench.bench_cloud_requests [OUTPUTS ...]

luisy 1.4.7 needs 202 requests for a `--download` of 200 outputs that has nothing to do, and 401 for
an upload of 200 outputs, as it writes the file of hashes again after each. It is not run here: the
address https://<account>.blob.core.windows.net is fixed in its code.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from luisy_cloud import StoreSynchroniser
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.digest import digest_file
from luisy_protocol.progress import Silent
from luisy_protocol.record import Record
from luisy_test_servers import Proxy, azurite, proxy
from rich.console import Console
from rich.table import Table


def main(arguments: Sequence[str]) -> int:
    """Measure each number of outputs."""
    shown = Table("outputs", "what", "requests", "seconds")
    for text in arguments or ["200", "10000"]:
        with azurite() as server, proxy(server.endpoint) as counter:
            os.environ["LUISY_AZURE_ACCOUNT_NAME"] = server.account
            os.environ["LUISY_AZURE_STORAGE_KEY"] = server.key
            os.environ["LUISY_AZURE_ENDPOINT"] = counter.endpoint
            for what, requests, seconds in _measure(int(text), counter):
                shown.add_row(text, what, str(requests), f"{seconds:.2f}")
    Console().print(shown)
    return 0


def _measure(count: int, counter: Proxy) -> list[tuple[str, int, float]]:
    store = open_azure_store("az://bench")
    store.create_container()
    with tempfile.TemporaryDirectory(prefix="bench-cloud-") as folder:
        records = [_output(Path(folder), number) for number in range(count)]
        synchroniser = StoreSynchroniser(store, Path(folder))

        def upload() -> None:
            synchroniser.look(["p"])
            synchroniser.upload(records, progress=Silent(), stored=lambda _: None)

        return [
            ("first upload", *_count(counter, upload)),
            ("look", *_count(counter, lambda: synchroniser.look(["p"]))),
            ("upload with nothing to do", *_count(counter, upload)),
        ]


def _output(working_dir: Path, number: int) -> Record:
    path = working_dir / f"p/final/{number:05}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(str(number))
    content = digest_file(path)
    return Record(f"p/final/{number:05}", "a" * 64, content.sha256, content.size)


def _count(counter: Proxy, work: Callable[[], object]) -> tuple[int, float]:
    counter.requests.clear()
    began = time.perf_counter()
    work()
    return len(counter.requests), time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
