"""How luigi's processes are started, whatever Python does by default on this system."""

import subprocess
import sys
from pathlib import Path

import luigi
import pytest
from luigi.scheduler import Scheduler
from luisy.crew import CAN_FORK
from luisy.luigi_run import SchedulerFactory

PROGRAM = """
import multiprocessing
import sys

import luisy


@luisy.interim
class Part(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


@luisy.final
class Whole(luisy.Task):
    def requires(self):
        return [Part(number=number) for number in range(3)]

    def run(self):
        self.write([one.read() for one in self.input()])


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    luisy.set_working_dir("data")
    print(len(luisy.build(Whole(), workers=2).ran), len(luisy.build(Whole(), workers=2).ran))
"""

ORPHAN = """
import os
import signal

import luisy


@luisy.interim
class Orphan(luisy.Task):
    def run(self):
        parent = os.getppid()
        os.kill(parent, signal.SIGKILL)
        while os.getppid() == parent:
            pass
        self.write(0)


luisy.set_working_dir("data")
luisy.build(Orphan(), workers=2)
"""


class First(luigi.Task):
    """Runs before the batch is made."""

    folder = luigi.Parameter()

    def output(self):
        return luigi.LocalTarget(f"{self.folder}/first")

    def run(self):
        Path(self.output().path).touch()


class Touched(luigi.Task):
    """Can be run for several letters at once."""

    folder = luigi.Parameter()
    letters = luigi.Parameter(batch_method="".join)

    def requires(self):
        return First(self.folder)

    def complete(self):
        return all(Path(self.folder, letter).exists() for letter in self.letters)

    def run(self):
        for letter in self.letters:
            Path(self.folder, letter).touch()


class Watcher:
    """Is not interested."""

    def started(self, task_id): ...

    def ended(self, task_id, *, succeeded): ...


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be forked on Windows")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_several_workers_keep_records_whatever_the_start_method(tmp_path, method):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py", method],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "4 0\n", done.stderr


@pytest.mark.skipif(not CAN_FORK, reason="no process can be forked here")
def test_batch_that_a_scheduler_makes_runs_in_a_process_that_knows_it(tmp_path):
    worker = SchedulerFactory(Watcher()).create_worker(Scheduler(), worker_processes=2)
    with worker:
        for letter in "abc":
            worker.add(Touched(str(tmp_path), letter))
        assert worker.run()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "c", "first"]


@pytest.mark.skipif(not CAN_FORK, reason="no process can be forked here")
def test_task_whose_run_was_killed_ends_without_a_traceback(tmp_path):
    (tmp_path / "orphan.py").write_text(ORPHAN)
    done = subprocess.run(
        [sys.executable, "orphan.py"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == -9
    assert "Traceback" not in done.stderr
