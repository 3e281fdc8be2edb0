"""The collector of garbage rests while the command plans, and works while it runs tasks."""

import gc
import json
import subprocess
import sys

import pytest
from luisy import collector

TASKS = """
import gc

import luisy

while_loading = gc.isenabled()


@luisy.json_output
@luisy.final
class Seen(luisy.Task):
    def run(self):
        self.write([while_loading, gc.isenabled(), gc.get_freeze_count() > 1000])
"""
COMMAND = """
import gc, sys
from luisy.cli import main
try:
    main(sys.argv[1:])
finally:
    print(gc.isenabled(), gc.get_freeze_count() > 1000)
"""


@pytest.fixture
def run(tmp_path):
    (tmp_path / "tasks.py").write_text(TASKS)

    def run(*more):
        words = ["--module", "tasks", "Seen", "--working-dir", "data", *more]
        done = subprocess.run(
            [sys.executable, "-c", COMMAND, *words],
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=True,
        )
        return done.stdout.splitlines()[-1]

    return run


@pytest.mark.parametrize("workers", ["1", "2"])
def test_collector_rests_while_modules_load_and_works_for_tasks(run, tmp_path, workers):
    assert run("--no-ask", "--workers", workers) == "True True"
    seen = json.loads((tmp_path / "data/tasks/final/Seen.json").read_text())
    assert seen == [False, True, True]


def test_command_that_only_plans_leaves_the_collector_at_work_but_not_on_what_it_made(run):
    assert run("--dry-run") == "True True"


@pytest.mark.parametrize("was_at_work", [True, False])
def test_collector_does_after_a_rest_what_it_did_before(was_at_work):
    (gc.enable if was_at_work else gc.disable)()
    try:
        with collector.at_rest():
            assert not gc.isenabled()
        assert gc.isenabled() is was_at_work
    finally:
        gc.enable()
