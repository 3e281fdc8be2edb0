"""Moves files between a folder and a container, with one client, and tells what it cost.

Run by `tools.bench.bench_cloud`, one process for each measurement:

    python -m tools.bench.bench_cloud_client CLIENT up|down FOLDER PREFIX THREADS

Prints one line of JSON: the seconds of the transfer, the seconds of CPU and the peak memory of this
process, without the time to start and import. The account is in the environment.
"""

from __future__ import annotations

import hashlib
import json
import os
import resource
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

URL = "az://bench"


def luisy(direction: str, folder: Path, prefix: str, threads: int) -> Callable[[], None]:
    """Return what moves the files with luisy-cloud, verified."""
    from luisy_cloud.azure_store import open_azure_store
    from luisy_protocol.transfer import Download, Upload, download_all, upload_all

    store = open_azure_store(URL)
    store.stat("warm")
    if direction == "up":
        sends = [Upload(path, f"{prefix}/{path.name}", _sha256(path)) for path in _files(folder)]
        return lambda: upload_all(store, sends, workers=threads)
    fetches = [
        Download(info.key, folder / info.key.rpartition("/")[2], info.sha256, info.size)
        for info in store.list(f"{prefix}/")
    ]
    return lambda: download_all(store, fetches, workers=threads)


def sdk(
    direction: str, folder: Path, prefix: str, threads: int, *, block: int = 4 * 1024 * 1024
) -> Callable[[], None]:
    """Return what moves the files with Azure's SDK alone, as its documentation shows."""
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_connection_string(
        os.environ["LUISY_AZURE_CONNECTION_STRING"],
        "bench",
        max_block_size=block,
        max_chunk_get_size=block,
    )
    container.get_blob_client("warm").get_blob_properties()
    names = [path.name for path in _files(folder)]
    if direction == "down":
        blobs = container.list_blobs(name_starts_with=f"{prefix}/")
        names = [blob.name.rpartition("/")[2] for blob in blobs]
    many = len(names) > 1
    blocks = 1 if many else threads

    def send(name: str) -> None:
        with (folder / name).open("rb") as file:
            container.upload_blob(
                f"{prefix}/{name}",
                file,
                overwrite=True,
                max_concurrency=blocks,
                validate_content=not many,  # Azurite is slow with blocks that have no MD5
            )

    def fetch(name: str) -> None:
        with (folder / name).open("wb") as file:
            container.download_blob(f"{prefix}/{name}", max_concurrency=blocks).readinto(file)

    def run() -> None:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(send if direction == "up" else fetch, names))

    return run


def _files(folder: Path) -> list[Path]:
    return sorted(path for path in folder.iterdir() if path.is_file())


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def main(arguments: list[str]) -> None:
    """Measure one transfer."""
    client, direction, folder, prefix, threads = arguments
    clients: dict[str, Callable[[str, Path, str, int], Callable[[], None]]] = {
        "luisy": luisy,
        "sdk": sdk,
        "sdk-8MiB": partial(sdk, block=8 * 1024 * 1024),
    }
    work = clients[client](direction, Path(folder), prefix, int(threads))
    cpu, began = time.process_time(), time.perf_counter()
    work()
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1:])
