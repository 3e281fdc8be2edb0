"""Compares firecrest-client with the public client, on one emulator.

    python -m tools.bench.bench_firecrest --public /path/to/python

The public client is pyfirecrest 3.10.0 in an environment of its own, for it has the same import
name: ``python -m venv public; public/bin/pip install pyfirecrest==3.10.0``. The emulator runs in a
process of its own; in each round each client does the same once, in an order that changes. The
table shows the medians and the ratio of ours to the public one's. "async as it comes" is with each
client's own
settings: the public one waits 0.1 s between two calls to a service; "async without waits" sets
that to nothing for both. The large file goes through the staging area, and the memory is that of
our process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

CLIENT = Path(__file__).with_name("bench_firecrest_client.py")
SERVE = """
import sys
from pathlib import Path
from firecrest.emulator import Emulator, Settings
with Emulator(Settings(root=Path(sys.argv[1]), token_lifetime=86400)) as site:
    print(site.url, site.token(lifetime=86400), flush=True)
    sys.stdin.read()
"""


@dataclass(frozen=True, slots=True)
class Case:
    """What is measured: its title, the client's use, and how many calls each client makes."""

    title: str
    use: str
    ours: int
    public: int


CASES = (
    Case("import", "import", 1, 1),
    Case("1,000 list_files", "sync", 1000, 1000),
    Case("list_files, async as it comes", "async", 1000, 100),
    Case("list_files, async without waits", "async-free", 1000, 1000),
)


@dataclass(frozen=True, slots=True)
class Site:
    """An emulator that runs: where, and how to log in."""

    url: str
    token: str


def main(arguments: Sequence[str]) -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="bench_firecrest", description=__doc__)
    parser.add_argument("--public", required=True, metavar="PYTHON", help="has pyfirecrest")
    parser.add_argument("--rounds", type=int, default=5, help="times per case (default: 5)")
    parser.add_argument("--gigabytes", type=float, default=2.0, help="the large file (default: 2)")
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder, emulator(Path(folder) / "site") as site:
        table = Table(title="seconds per call (import: per import), medians")
        for title in ("case", "ours", "public", "ratio", "ours CPU", "public CPU"):
            table.add_column(title)
        for case in CASES:
            table.add_row(*compared(case, site, asked.public, asked.rounds))
        Console().print(table)
        if asked.gigabytes:
            large(Path(folder), site, int(asked.gigabytes * 10**9))
    return 0


@contextmanager
def emulator(root: Path) -> Iterator[Site]:
    """Run an emulator in a process of its own."""
    words = [sys.executable, "-c", SERVE, str(root)]
    with subprocess.Popen(
        words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as process:
        if process.stdout is None or process.stdin is None:
            raise RuntimeError("the emulator has no pipes")
        yield Site(*process.stdout.readline().split())
        process.stdin.close()


def compared(case: Case, site: Site, public: str, rounds: int) -> list[str]:
    """Measure one case with both clients and return its row."""
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    for number in range(rounds):
        turns = [(ours, sys.executable, case.ours), (theirs, public, case.public)]
        for figures, python, count in turns if number % 2 else reversed(turns):
            figures.append({k: v / count for k, v in measured(python, case, site, count).items()})
    seconds = [statistics.median(f["seconds"] for f in figures) for figures in (ours, theirs)]
    cpu = [statistics.median(f["cpu"] for f in figures) for figures in (ours, theirs)]
    ratio = seconds[0] / seconds[1]
    return [case.title, *(f"{s:.5f}" for s in seconds), f"{ratio:.2f}", *(f"{c:.5f}" for c in cpu)]


def measured(python: str, case: Case, site: Site, count: int) -> dict[str, float]:
    """Run the client once."""
    return run(python, case.use, site, count, "-")


def run(python: str, use: str, site: Site, count: int, path: str) -> dict[str, float]:
    """Run the client and return its figures."""
    words = [python, str(CLIENT), use, site.url, site.token, str(count), path]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{use} failed with {python}:\n{done.stderr}")
    figures: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return figures


def large(folder: Path, site: Site, size: int) -> None:
    """Move a large file there and back, and show the time and the memory."""
    path = folder / "large.bin"
    with path.open("wb") as file:
        while file.tell() < size:
            file.write(os.urandom(min(1 << 20, size - file.tell())))
    for use in ("upload", "download"):
        figures = run(sys.executable, use, site, 1, str(path))
        speed = size / figures["seconds"] / 1e6
        print(
            f"{use} of {size / 1e9:g} GB: {figures['seconds']:.1f} s ({speed:.0f} MB/s), "
            f"peak memory {figures['megabytes']:.0f} MB"
        )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
