"""Compares luisy-core with luisy 1.4.7 and with plain luigi, on pipelines made for it.

    python -m tools.bench.bench_core --old /path/to/python

luisy 1.4.7 has an environment of its own, for it has the same import name: Python 3.11 with
``luisy==1.4.7 grpcio grpcio-status 'pipdeptree<2.30'``. Each measurement is a process of its own,
started cold but with compiled modules, its whole time taken from outside; the table shows medians
over the rounds, and the ratio of ours to the other's where there is another. Outputs that are to
be up to date are written before, and adopted by each tool's own hash update. Trivial tasks are
shown in milliseconds each, beyond what a run of 20 takes, so that the start does not count; what
luisy adds is that, less what a loop that writes the same files takes in the same folder. A disk may
need six times as long for a new file in one folder as in another: `--folder` takes one in memory.
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

CLASSES = 20
INSTANCE = """
@luisy.interim
@luisy.auto_filename
class Task{n}(luisy.Task):
    number = luisy.IntParameter(default=0)

    def run(self):
        self.write(self.number + helper_{n}({n}))


def helper_{n}(value):
    return value * {n}
"""
ROOT = """
@luisy.final
@luisy.auto_filename
class Root(luisy.Task):
    def requires(self):
        return [cls(number=n) for n in range({each}) for cls in ({classes},)]

    def run(self):
        self.write(1)
"""
LOOP = """
import pickle
import sys

for number in range(int(sys.argv[1])):
    with open(f"{sys.argv[2]}/Task_number={number}.pkl", "wb") as file:
        pickle.dump(number, file)
"""
PLAIN = """
import sys

import luigi


class One(luigi.Task):
    number = luigi.IntParameter()
    folder = luigi.Parameter()

    def output(self):
        return luigi.LocalTarget(f"{{self.folder}}/{{self.number}}")

    def run(self):
        with self.output().open("w") as file:
            file.write("1")


class Root(luigi.WrapperTask):
    folder = luigi.Parameter()

    def requires(self):
        return [One(number=n, folder=self.folder) for n in range({count})]
"""

LADDER = """
import sys
import time

import luisy

luisy.set_working_dir(sys.argv[1])


@luisy.interim
@luisy.auto_filename
class Rung(luisy.Task):
    level = luisy.IntParameter()
    side = luisy.IntParameter()

    def requires(self):
        return [Rung(level=self.level - 1, side=side) for side in (0, 1)] if self.level else []

    def run(self):
        self.write(self.level)


started = time.perf_counter()
luisy.build(Rung(level=30, side=0), dry_run=True)
print("seconds:", time.perf_counter() - started)
"""


@dataclass(frozen=True, slots=True)
class Spent:
    """What a command took: seconds by the clock, and of the processor with its children."""

    wall: float
    cpu: float
    text: str = ""


def main(arguments: Sequence[str]) -> int:
    """Measure and show."""
    parser = argparse.ArgumentParser(prog="bench_core", description=__doc__)
    parser.add_argument("--old", metavar="PYTHON", help="has luisy 1.4.7")
    parser.add_argument("--rounds", type=int, default=3, help="times per case (default: 3)")
    parser.add_argument("--instances", type=int, default=10_000, help="of the no-op run")
    parser.add_argument("--folder", metavar="DIR", help="where to work (default: where TMPDIR is)")
    asked = parser.parse_args(arguments)
    table = Table(title="seconds, medians (processor time in brackets)")
    for title in ("case", "luisy", "compared with", "its time", "ratio"):
        table.add_column(title)
    with tempfile.TemporaryDirectory(dir=asked.folder) as folder:
        for row in rows(Path(folder), asked.old, asked.rounds, asked.instances):
            table.add_row(*row)
    Console().print(table)
    return 0


def rows(folder: Path, old: str | None, rounds: int, instances: int) -> list[list[str]]:
    """Measure every case."""
    python = [sys.executable, "-c"]
    luigi = spent([*python, "import luigi"], folder, rounds)
    found = [row("import", spent([*python, "import luisy"], folder, rounds), "import luigi", luigi)]
    helped = spent(luisy("--help"), folder, rounds)
    found.append(row("luisy --help", helped, "import luigi", luigi))
    found.append(row("plan 1,000 classes, cold", planned_classes(folder, rounds)))
    project = Instances(folder, instances // CLASSES)
    found.append(row(f"plan {instances:,} instances, cold", project.planned(rounds)))
    found.append(row("plan a ladder of 30 diamonds", ladder(folder, rounds)))
    found.append(noop_row(project, instances, old, rounds))
    for workers in (1, 2):
        found += trivial_rows(folder, workers, rounds)
    return found


def added_row(folder: Path, ours: Spent, count: int, rounds: int) -> list[str]:
    """Show what a trivial task takes beyond the writing of its file."""
    loop = each(written(folder, 20, rounds), written(folder, count, rounds), count)
    added = Spent(ours.wall - loop.wall, ours.cpu - loop.cpu)
    return row(f"what luisy adds to a task of {count:,} (ms)", added, "its file alone", loop)[:4]


def noop_row(project: Instances, instances: int, old: str | None, rounds: int) -> list[str]:
    """Measure a run over outputs that are up to date, with both if there is the old one."""
    title = f"no-op over {instances:,}, cold"
    ours = project.noop(luisy(), rounds)
    if not old:
        return row(title, ours)
    script = "from luisy.cli import luisy_run; luisy_run()"
    theirs = project.noop([old, "-c", script], rounds, more=["--local-scheduler"])
    return row(title, ours, "luisy 1.4.7", theirs)


def luisy(*words: str) -> list[str]:
    """Return the words that start our command."""
    return [sys.executable, "-c", "from luisy.cli import main; main()", *words]


def planned_classes(folder: Path, rounds: int) -> Spent:
    """Plan one instance of each of 1,000 classes in 20 modules."""
    package = folder / "many"
    package.mkdir()
    (package / "__init__.py").touch()
    head = "import luisy\n"
    for module in range(20):
        classes = "".join(INSTANCE.format(n=module * 50 + n) for n in range(50))
        (package / f"part{module}.py").write_text(head + classes)
    names = ", ".join(f"part{n // 50}.Task{n}" for n in range(1000))
    imports = head + "".join(f"from many import part{n}\n" for n in range(20))
    (package / "root.py").write_text(imports + ROOT.format(each=1, classes=names))
    words = ["--module", "many.root", "Root", "--working-dir", str(folder / "data"), "--dry-run"]
    return spent(luisy(*words), folder, rounds)


class Instances:
    """A project whose root requires many instances of 20 classes."""

    def __init__(self, folder: Path, each: int) -> None:
        self._folder = folder
        self._each = each
        package = folder / "wide"
        package.mkdir()
        (package / "__init__.py").touch()
        (folder / "requirements.txt").write_text("luisy\n")  # 1.4.7 does not run without one
        classes = "".join(INSTANCE.format(n=n) for n in range(CLASSES))
        names = ", ".join(f"Task{n}" for n in range(CLASSES))
        root = ROOT.format(each=each, classes=names)
        (package / "tasks.py").write_text("import luisy\n" + classes + root)

    def planned(self, rounds: int) -> Spent:
        """Plan with nothing there."""
        words = [*self.words(self._folder / "empty"), "--dry-run"]
        return spent(luisy(*words), self._folder, rounds)

    def noop(self, command: list[str], rounds: int, more: Sequence[str] = ()) -> Spent:
        """Adopt the outputs, then run with nothing to do."""
        data = Path(tempfile.mkdtemp(dir=self._folder))
        self._write_outputs(data)
        words = [*command, *self.words(data), *more, "--no-ask"]
        spent([*words, "--hash-update-mode"], self._folder, 1)
        return spent(words, self._folder, rounds)

    def words(self, data: Path) -> list[str]:
        """Return the arguments of a run in a working directory, which is made."""
        data.mkdir(exist_ok=True)
        return ["--module", "wide.tasks", "Root", "--working-dir", str(data)]

    def _write_outputs(self, data: Path) -> None:
        script = (
            "import pathlib, sys, luisy; luisy.set_working_dir(sys.argv[1]);"
            "from wide.tasks import Root; root = Root();"
            "tasks = [root, *root.requires()];"
            "pathlib.Path(root.get_outfile()).parent.mkdir(parents=True);"
            "pathlib.Path(tasks[1].get_outfile()).parent.mkdir(parents=True);"
            "[pathlib.Path(t.get_outfile()).write_bytes(b'\\x80\\x04K\\x01.') for t in tasks]"
        )
        run([sys.executable, "-c", script, str(data)], self._folder)


def ladder(folder: Path, rounds: int) -> Spent:
    """Plan 30 levels of two tasks that need both below, in a process that has imported luisy."""
    script = folder / "ladder.py"
    script.write_text(LADDER)
    words = [sys.executable, str(script), str(folder / "rungs")]
    times = [float(run(words, folder).text.split()[-1]) for _ in range(rounds)]
    return Spent(statistics.median(times), statistics.median(times))


def trivial_rows(folder: Path, workers: int, rounds: int) -> list[list[str]]:
    """Run few and many trivial tasks, and as many plain ones with luigi's local scheduler."""
    found = []
    start, plain_start = (way(folder, 20, workers, rounds) for way in (trivial, plain))
    for count in (500, 10_000):
        ours = each(start, trivial(folder, count, workers, rounds), count)
        if workers == 1:
            found.append(added_row(folder, ours, count, rounds))
        title = f"a trivial task of {count:,}, {workers} workers (ms)"
        if count > 500:  # luigi alone would need ten minutes
            found.append(row(title, ours))
        else:
            theirs = each(plain_start, plain(folder, count, workers, rounds), count)
            found.append(row(title, ours, "plain luigi", theirs))
    return found


def each(start: Spent, whole: Spent, count: int) -> Spent:
    """Return the milliseconds for each task beyond the first 20."""
    extra = count - 20
    return Spent((whole.wall - start.wall) * 1e3 / extra, (whole.cpu - start.cpu) * 1e3 / extra)


def trivial(folder: Path, count: int, workers: int, rounds: int) -> Spent:
    """Run trivial tasks in an empty working directory."""
    project = Path(tempfile.mkdtemp(dir=folder))
    instances = Instances(project, count // CLASSES)
    more = ["--no-ask", "--workers", str(workers)]
    return median(
        [run(luisy(*instances.words(project / f"data{n}"), *more), project) for n in range(rounds)]
    )


def plain(folder: Path, count: int, workers: int, rounds: int) -> Spent:
    """Run as many tasks of plain luigi."""
    project = Path(tempfile.mkdtemp(dir=folder))
    (project / "plain.py").write_text(PLAIN.format(count=count))
    times = []
    for number in range(rounds):
        (project / f"data{number}").mkdir()
        words = ["--module", "plain", "Root", "--folder", str(project / f"data{number}")]
        words += ["--local-scheduler", "--log-level", "ERROR", "--workers", str(workers)]
        times.append(run([sys.executable, "-c", "import luigi; luigi.run()", *words], project))
    return median(times)


def written(folder: Path, count: int, rounds: int) -> Spent:
    """Write as many files as trivial tasks do, in a loop."""
    words = [sys.executable, "-c", LOOP, str(count)]
    return median([run([*words, tempfile.mkdtemp(dir=folder)], folder) for _ in range(rounds)])


def spent(words: list[str], folder: Path, rounds: int) -> Spent:
    """Run a command once for its modules to be compiled, then some times; return the median."""
    run(words, folder)
    return median([run(words, folder) for _ in range(rounds)])


def median(times: list[Spent]) -> Spent:
    """Return the medians of the two times."""
    return Spent(statistics.median(t.wall for t in times), statistics.median(t.cpu for t in times))


def run(words: list[str], folder: Path) -> Spent:
    """Run a command to its end.

    Raises:
        SystemExit: If it fails.
    """
    before, start = resource.getrusage(resource.RUSAGE_CHILDREN), os.times().elapsed
    path = os.pathsep.join(
        [str(Path(words[0]).parent), os.environ["PATH"]]
    )  # 1.4.7 starts pipdeptree
    environment = {**os.environ, "PYTHONPATH": str(folder), "PATH": path}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # nobody runs without compiled modules
    done = subprocess.run(
        words, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    wall, after = os.times().elapsed - start, resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        sys.exit(f"{words} failed:\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return Spent(wall, cpu, done.stdout)


def row(title: str, ours: Spent, other: str = "", theirs: Spent | None = None) -> list[str]:
    """Return a line of the table."""
    shown = [f"{s.wall:.2f} ({s.cpu:.2f})" if s else "" for s in (ours, theirs)]
    ratio = f"{ours.wall / theirs.wall:.2f}" if theirs else ""
    return [title, shown[0], other, shown[1], ratio]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
