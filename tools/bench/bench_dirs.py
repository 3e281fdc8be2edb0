"""Measures directories of many small files: ``python -m tools.bench.bench_dirs``.

Everything is measured in one run, in turn, and told as a ratio, for the numbers of a busy machine
do not compare with those of another. The files have 1 KB each. The function is CPU-bound: it hashes
its content very often, by default for about four milliseconds, as much as a small image costs. For
the comparison with Kedro give ``--kedro`` the Python of an environment that has it.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

SIZE = 1024
KEDRO = """
import json, logging, os, sys, time
logging.disable(logging.CRITICAL)
from kedro.io import AbstractDataset
from kedro_datasets.partitions import PartitionedDataset


class BytesDataset(AbstractDataset):
    def __init__(self, filepath):
        self._filepath = filepath

    def load(self):
        with open(self._filepath, 'rb') as file:
            return file.read()

    def save(self, data):
        raise NotImplementedError

    def _describe(self):
        return {}


started = time.perf_counter()
partitions = PartitionedDataset(path=sys.argv[1], dataset=BytesDataset).load()
size = sum(len(load()) for name, load in sorted(partitions.items()))
print(json.dumps([time.perf_counter() - started, size]))
"""


def main(arguments: Sequence[str]) -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="bench_dirs", description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--making", type=int, default=100_000, help="files of the runs")
    parser.add_argument("--rounds", type=int, default=3000, help="how often the function hashes")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--kedro", help="a Python that has kedro-datasets")
    asked = parser.parse_args(arguments)
    logging.disable(logging.CRITICAL)
    with tempfile.TemporaryDirectory(prefix="luisy-bench-") as folder:
        os.environ["LUISY_BENCH_ROUNDS"] = str(asked.rounds)
        base = Path(folder)
        measure_reading(base / "reading", asked.files, asked.repeat, asked.kedro)
        measure_making(base / "making", asked.making)
        measure_workers(base, min(asked.making, 4000))
        measure_tasks(base)


def measure_reading(folder: Path, count: int, repeat: int, kedro: str | None) -> None:
    """Compare reading through the target with a plain loop, and with Kedro."""
    raw = fill(folder, count)
    commands = {
        "a plain loop": [sys.executable, "-m", "tools.bench.bench_dirs_read", "loop", str(raw)],
        "the target": [sys.executable, "-m", "tools.bench.bench_dirs_read", "target", str(raw)],
    }
    if kedro:
        commands["Kedro's PartitionedDataset"] = [kedro, "-c", KEDRO, str(raw)]
    seconds: dict[str, list[float]] = {name: [] for name in commands}
    memory = 0.0
    for _ in range(repeat):
        for name, command in commands.items():
            found = json.loads(subprocess.check_output(command, text=True).splitlines()[-1])
            seconds[name].append(found[0])
            if name == "the target":
                memory = max(memory, found[2])
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    for name, median in medians.items():
        ratio = medians["a plain loop"] / median
        say(f"read {count:,} files with {name}", median, f"{ratio:.2f} of the loop's speed")
    print(f"  peak memory of reading through the target: {memory:.0f} MB")


def measure_making(folder: Path, count: int) -> None:
    """Compare a full run, a run after one change, and a plan of what is unchanged."""
    raw = fill(folder, count)
    full = timed(lambda: build(folder))
    say(f"make a directory of {count:,} files", full, "")
    plans = [timed(lambda: build(folder, dry_run=True)) for _ in range(3)]
    say("  plan it unchanged (input and output), median of 3", statistics.median(plans), "")
    changes = []
    for number in range(3):
        (raw / f"{number:06}.dat").write_bytes(b"changed" * 100)
        changes.append(timed(lambda: build(folder)))
    once = statistics.median(changes)
    say("  run after one change, median of 3", once, f"{full / once:.0f} times faster")
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"  peak memory of all this: {memory:.0f} MB")


def measure_workers(base: Path, count: int) -> None:
    """Compare one worker with two."""
    times: dict[int, list[float]] = {1: [], 2: []}
    for turn in range(3):
        for workers, found in times.items():
            folder = base / f"workers-{workers}-{turn}"
            fill(folder, count)
            found.append(timed(lambda: build(folder, workers=workers)))  # noqa: B023
    one, two = (statistics.median(times[workers]) for workers in (1, 2))
    say(f"make {count:,} files with one worker", one, "")
    say(f"make {count:,} files with two workers", two, f"{one / two:.2f} times faster")


def measure_tasks(base: Path, count: int = 1000) -> None:
    """Compare one directory with one luigi task for each file; the function costs nothing."""
    from tools.bench.pipelines_dirs import All

    os.environ["LUISY_BENCH_ROUNDS"] = "0"
    fill(base / "as-one", count)
    one = timed(lambda: build(base / "as-one"))
    folder = base / "as-tasks"
    fill(folder, count)
    each = timed(lambda: build(folder, All(count=count)))
    say(f"make {count:,} files as one directory", one, "")
    say(f"make {count:,} files as one task each", each, f"{each / one:.1f} times as long")


def fill(folder: Path, count: int) -> Path:
    """Write the files that a person would."""
    raw = folder / "bench" / "raw" / "files"
    raw.mkdir(parents=True)
    for number in range(count):
        (raw / f"{number:06}.dat").write_bytes(number.to_bytes(8, "big") * (SIZE // 8))
    return raw


def build(folder: Path, root: Any = None, *, dry_run: bool = False, workers: int = 1) -> None:
    """Bring the directory up to date."""
    import luisy

    from tools.bench.pipelines_dirs import Digests

    task = root if root is not None else Digests()
    outcome = luisy.build(task, working_dir=str(folder), dry_run=dry_run, workers=workers)
    if not outcome.succeeded:
        sys.exit("the run failed")


def timed(work: Callable[[], object]) -> float:
    """Return the seconds that some work takes."""
    started = time.perf_counter()
    work()
    return time.perf_counter() - started


def say(what: str, seconds: float, ratio: str) -> None:
    """Print one line at once: the whole takes minutes."""
    print(f"{what:<62} {seconds:9.2f} s  {ratio}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
