"""Bytecode that Python takes for that of a file which has changed since, within one second."""

import importlib
import os
import pickle
import py_compile
import subprocess
import sys
import time

import pytest
from luisy import loaded

SECOND = 10**9
COMMAND = """
from luisy.cli import main
main(["--module", "tasks", "Factor", "--working-dir", "data", "--no-ask"])
"""
TASK = """
import luisy
from factors import factor


@luisy.final
class Factor(luisy.Task):
    def run(self):
        self.write(factor())
"""
FACTORS = """
def factor():
    return {}
"""


@pytest.fixture
def write(tmp_path):
    (tmp_path / "tasks.py").write_text(TASK)

    def write(number, at):
        (tmp_path / "factors.py").write_text(FACTORS.format(number))
        os.utime(tmp_path / "factors.py", ns=(at, at))

    return write


@pytest.fixture
def run(tmp_path):
    dont = "PYTHONDONTWRITEBYTECODE"
    inherited = {key: value for key, value in os.environ.items() if key != dont}

    def run():
        return subprocess.run(
            [sys.executable, "-c", COMMAND],
            cwd=tmp_path,
            env={**inherited, "PYTHONPATH": str(tmp_path)},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            check=False,
        )

    return run


def made(tmp_path):
    return pickle.loads((tmp_path / "data/tasks/final/Factor.pkl").read_bytes())


def test_file_that_is_edited_within_the_second_of_its_last_edit_runs_as_it_is(tmp_path, write, run):
    edited = (time.time_ns() // SECOND + 1000) * SECOND  # so that it is recent whenever this runs
    write(2, at=edited)
    assert run().returncode == 0
    write(3, at=edited + 1000)
    done = run()
    assert done.returncode == 0, done.stderr
    assert made(tmp_path) == 3


def test_bytecode_of_somebody_else_that_is_older_than_its_file_is_not_trusted(tmp_path, write, run):
    edited = (time.time_ns() // SECOND - 1000) * SECOND
    write(2, at=edited)
    bytecode = py_compile.compile(str(tmp_path / "factors.py"))
    os.utime(bytecode, ns=(edited, edited))
    write(3, at=edited + 1000)
    refused = run()
    assert refused.returncode == 2
    assert "factors.py was changed after it was imported" in refused.stderr
    assert run().returncode == 0
    assert made(tmp_path) == 3


def test_helper_is_noted_also_after_other_modules_were_forgotten(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    for number in range(3):
        (tmp_path / f"forgotten_helper_{number}.py").touch()
        importlib.import_module(f"forgotten_helper_{number}")
    loaded.note(__name__)
    for number in range(3):
        del sys.modules[f"forgotten_helper_{number}"]
    (tmp_path / "helper_loaded_later.py").touch()
    importlib.import_module("helper_loaded_later")
    loaded.note(__name__)
    assert loaded.noted("helper_loaded_later") is not None
