"""Measures every case, shows a table, and keeps the numbers as JSON.

Numbers of different machines, or of different runs on a busy one, do not compare: look at ratios
within one run.
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tools.bench.cases import CASES


@dataclass(frozen=True, slots=True)
class Figures:
    """The measurements of one case.

    Attributes:
        name: The case.
        seconds: The time of each repetition.
        megabytes: The peak memory of the process that did the work itself.
    """

    name: str
    seconds: tuple[float, ...]
    megabytes: float

    @property
    def median(self) -> float:
        """The time that counts."""
        return statistics.median(self.seconds)


def main(arguments: Sequence[str]) -> int:
    """Measure the cases that are asked for."""
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("words", nargs="*", help="measure the cases that contain one of these")
    parser.add_argument("--repeat", type=int, default=5, help="times per case (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the numbers here, too")
    asked = parser.parse_args(arguments)
    names = [name for name in CASES if not asked.words or any(w in name for w in asked.words)]
    figures = [measure(name, asked.repeat) for name in names]
    Console().print(table(figures))
    if asked.json:
        asked.json.write_text(json.dumps(report(figures), indent=2) + "\n")
    return 0


def measure(name: str, repeat: int) -> Figures:
    """Measure one case, each time in a new process."""
    print(f"{name} ...", file=sys.stderr, flush=True)
    command = [sys.executable, "-W", "ignore", "-m", "tools.bench.measure", name]
    seconds, megabytes = [], 0.0
    for _ in range(repeat):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            sys.exit(f"{name} failed:\n{done.stderr}")
        result = json.loads(done.stdout.splitlines()[-1])
        seconds.append(result["seconds"])
        megabytes = max(megabytes, result["megabytes"])
    return Figures(name, tuple(seconds), megabytes)


def table(figures: Sequence[Figures]) -> Table:
    """Return what a person looks at."""
    shown = Table("case", title=f"Python {platform.python_version()}, {platform.machine()}")
    for title in ("median s", "fastest", "slowest", "peak MB"):
        shown.add_column(title, justify="right")
    for row in figures:
        times = (row.median, min(row.seconds), max(row.seconds))
        shown.add_row(row.name, *(f"{time:.3f}" for time in times), f"{row.megabytes:.0f}")
    return shown


def report(figures: Sequence[Figures]) -> dict[str, object]:
    """Return what a program reads."""
    return {
        "python": platform.python_version(),
        "machine": platform.platform(),
        "cases": [{**asdict(row), "median": row.median} for row in figures],
    }


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
