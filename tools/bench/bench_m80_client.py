"""Moves files between a folder and a bucket, with one client, and tells what it cost.

Run by `tools.bench.bench_m80`, one process for each measurement:

    python -m tools.bench.bench_m80_client CLIENT up|down FOLDER PREFIX THREADS

Prints one line of JSON: the seconds of the transfer, the seconds of CPU and the peak memory of this
process, without the time to start and import. The bucket is in the environment.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import minus80 as m80

Work = Callable[[], None]


def dataset(direction: str, folder: Path, prefix: str, threads: int) -> Work:
    """Return what moves the files as a dataset; each put is to a new bucket."""
    del threads
    noted = Path.home() / f"{prefix}.bucket"
    if direction == "up":
        noted.write_text(f"files-{time.time_ns()}")
    os.environ["CLOUD_BUCKET"] = noted.read_text()
    data = m80.CloudData()
    data.list()
    home = _new_home(data, "Files.bench")
    if direction == "up":
        shutil.copytree(folder, home)
        return lambda: data.put("bench", "Files")
    return lambda: data.get("bench", "Files")


def raw(direction: str, folder: Path, prefix: str, threads: int) -> Work:
    """Return what moves the one file as a raw file."""
    del prefix, threads
    data = m80.CloudData()
    data.list()
    if direction == "up":
        (path,) = folder.iterdir()
        return lambda: data.put(path, "bench", raw=True, resend=True)
    return lambda: data.get("00000", "bench", raw=True, output=folder)


def boto3(
    direction: str,
    folder: Path,
    prefix: str,
    threads: int,
    *,
    part_size: int = 8 << 20,
    signs: bool = True,
) -> Work:
    """Return what moves the files with boto3 alone, as its documentation shows."""
    import boto3 as sdk
    from boto3.s3.transfer import TransferConfig
    from botocore.config import Config

    bucket = os.environ["CLOUD_BUCKET"]
    client = sdk.client(
        "s3",
        endpoint_url=os.environ["CLOUD_ENDPOINT"],
        config=Config(
            max_pool_connections=32,
            s3={"addressing_style": "path", "payload_signing_enabled": signs},
        ),
    )
    client.list_objects_v2(Bucket=bucket, Prefix="nothing")
    names = [path.name for path in folder.iterdir()]
    if direction == "down":
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=f"{prefix}/")
        names = [i["Key"].rpartition("/")[2] for page in pages for i in page.get("Contents", [])]
    many = len(names) > 1
    config = TransferConfig(
        max_concurrency=threads, use_threads=threads > 1, multipart_chunksize=part_size
    )

    def send(name: str) -> None:
        if many:
            client.put_object(
                Bucket=bucket, Key=f"{prefix}/{name}", Body=(folder / name).read_bytes()
            )
        else:
            client.upload_file(str(folder / name), bucket, f"{prefix}/{name}", Config=config)

    def fetch(name: str) -> None:
        if many:
            found = client.get_object(Bucket=bucket, Key=f"{prefix}/{name}")
            (folder / name).write_bytes(found["Body"].read())
        else:
            client.download_file(bucket, f"{prefix}/{name}", str(folder / name), Config=config)

    def run() -> None:
        with ThreadPoolExecutor(threads if many else 1) as pool:
            list(pool.map(send if direction == "up" else fetch, names))

    return run


def again(folder: Path) -> dict[str, float]:
    """Put a dataset, change one file, and put it again."""
    os.environ["CLOUD_BUCKET"] = f"again-{time.time_ns()}"
    data = m80.CloudData()
    data.list()
    home = _new_home(data, "Files.again")
    shutil.copytree(folder, home)
    first = _seconds(lambda: data.put("again", "Files"))
    (home / "00005").write_bytes(os.urandom(10 * 1024))
    return {"first": first, "again": _seconds(lambda: data.put("again", "Files"))}


def _seconds(work: Work) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _new_home(data: m80.CloudData, slug: str) -> Path:
    """Return the dataset's folder, which is not there; an old one is only moved away.

    For ext4 makes files slowly where many have just been deleted.
    """
    home = data.settings.basedir / "databases" / slug
    if home.exists():
        home.rename(home.parents[1] / f"old-{time.time_ns()}")
    return home


def main(arguments: list[str]) -> None:
    """Measure one transfer."""
    client, direction, folder, prefix, threads = arguments
    if client == "again":
        print(json.dumps(again(Path(folder))))
        return
    clients: dict[str, Callable[[str, Path, str, int], Work]] = {
        "dataset": dataset,
        "raw": raw,
        "boto3": boto3,
        "boto3-64MB": partial(boto3, part_size=64 << 20),
        "boto3-unsigned": partial(boto3, signs=False),
    }
    work = clients[client](direction, Path(folder), prefix, int(threads))
    cpu = time.process_time()
    seconds = _seconds(work)
    cpu = time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": seconds, "cpu": cpu, "megabytes": peak}))


if __name__ == "__main__":
    main(sys.argv[1:])
