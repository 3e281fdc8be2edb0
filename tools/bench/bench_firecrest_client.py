"""Uses FirecREST in one way, with whichever client is installed, and tells what it cost.

Run by `tools.bench.bench_firecrest`, by its path, one process for each measurement:

    python bench_firecrest_client.py sync|async|import|upload|download URL TOKEN COUNT PATH

Prints one line of JSON: the seconds, the seconds of CPU and the peak memory in MB of this process,
for `import` those of the import, else without it.
"""

from __future__ import annotations

import asyncio
import json
import resource
import sys
import time
from collections.abc import Callable

MACHINE, HOME = "cluster", "/home/f7tuser"
IN_FLIGHT = 16


class Token:
    """The token of the command line."""

    def __init__(self, token: str) -> None:
        self._token = token

    def get_access_token(self) -> str:
        """Return it."""
        return self._token


def main(use: str, url: str, token: str, count: int, path: str) -> None:
    """Measure one use."""
    import_start = time.perf_counter()
    import firecrest

    imported = time.perf_counter() - import_start
    if use == "import":
        tell(imported, time.process_time())
    elif use.startswith("async"):
        asyncio.run(calls_at_once(firecrest, url, token, count, throttled=use == "async"))
    else:
        client = firecrest.v1.Firecrest(url, Token(token))
        client.set_api_version("1.16.0")
        client.list_files(MACHINE, HOME)
        uses = {
            "sync": lambda: calls(client, count),
            "upload": lambda: upload(client, path),
            "download": lambda: download(client, path),
        }
        timed(uses[use])


def calls(client, count: int) -> None:  # type: ignore[no-untyped-def]
    """Make calls one after the other."""
    for _ in range(count):
        client.list_files(MACHINE, HOME)


def upload(client, path: str) -> None:  # type: ignore[no-untyped-def]
    """Upload a file through the staging area."""
    transfer = client.external_upload(MACHINE, path, HOME)
    transfer.finish_upload()
    transfer.wait()


def download(client, path: str) -> None:  # type: ignore[no-untyped-def]
    """Download the same file through the staging area."""
    transfer = client.external_download(MACHINE, f"{HOME}/{path.rpartition('/')[2]}")
    transfer.finish_download(path + ".back")


async def calls_at_once(firecrest, url: str, token: str, count: int, *, throttled: bool) -> None:  # type: ignore[no-untyped-def]
    """Make calls, several at a time."""
    client = firecrest.v1.AsyncFirecrest(url, Token(token))
    client.set_api_version("1.16.0")
    if not throttled:
        client.time_between_calls = dict.fromkeys(client.time_between_calls, 0)
    await client.list_files(MACHINE, HOME)
    places = asyncio.Semaphore(IN_FLIGHT)

    async def call() -> None:
        async with places:
            await client.list_files(MACHINE, HOME)

    start, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(*(call() for _ in range(count)))
    tell(time.perf_counter() - start, time.process_time() - cpu)
    await client.close_session()


def timed(use: Callable[[], None]) -> None:
    """Run a use and tell what it cost."""
    start, cpu = time.perf_counter(), time.process_time()
    use()
    tell(time.perf_counter() - start, time.process_time() - cpu)


def tell(seconds: float, cpu: float) -> None:
    """Print the figures."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), sys.argv[5])
