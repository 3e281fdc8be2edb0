"""Ctrl-C in the middle: what was done is kept, what was not done leaves nothing."""

import os
import signal

import pytest

PIPELINE = """
from pathlib import Path
from threading import Event

import luisy


@luisy.interim
class First(luisy.Task):
    def run(self):
        print("[computing First]", flush=True)
        self.write("first")


@luisy.final
@luisy.requires(First)
class Long(luisy.Task):
    def run(self):
        print("[computing Long]", flush=True)
        if Path("wait").exists():
            Event().wait()
        self.write("long")
"""
COMMAND = "luisy --module my_module.long Long --working-dir ../anna --no-ask"


@pytest.mark.parametrize("workers", [1, 2])
def test_interrupted_run_keeps_what_is_done_and_goes_on_the_next_time(team, workers):
    team.write_module("long", PIPELINE)
    (team.code / "wait").touch()
    with team.start(f"{COMMAND} --workers {workers}") as process:
        for line in process.stdout:
            if "computing Long" in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        out, err = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "Traceback" not in out + err
    assert team.files("anna") == {"interim/First.pkl"}
    with pytest.raises(ProcessLookupError):  # nobody is left of its group
        os.killpg(process.pid, 0)

    (team.code / "wait").unlink()
    done = team.run(COMMAND)
    assert (done.code, done.computed) == (0, ["Long"]), done.text
