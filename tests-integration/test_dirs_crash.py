"""A process that is killed while it makes a directory: the old one stays, the work goes on."""

import os
import signal

import pytest

PIPELINE = """
import os
import signal
import sys
from pathlib import Path
from threading import Event

import luisy
from luisy.decorators import make_directory_output


def read_text(path):
    return Path(path).read_text()


def write_text(content, path):
    if content == "HALF":
        Path(path).write_text("ha")
        print("[computing half]", flush=True)
        Event().wait()
    Path(path).write_text(content)


renames = []


def die_at(event, arguments):
    # In the middle of the renames that put a directory in place.
    if event == "os.rename" and ("replaced" in str(arguments[1]) or "/made/" in str(arguments[0])):
        renames.append(arguments)
        if len(renames) == int(os.environ["DIE_AT"]):
            os.kill(os.getpid(), signal.SIGKILL)


if "DIE_AT" in os.environ:
    sys.addaudithook(die_at)


@luisy.raw
@make_directory_output(read_text)
class Texts(luisy.ExternalTask):
    def get_folder_name(self):
        return "texts"


@luisy.interim
@luisy.requires(Texts)
@luisy.directory_output(write=write_text, read=read_text, suffix=".up")
class Upper(luisy.Task):
    def process(self, path, content):
        sys.stdout.write(f"[computing {Path(path).stem}]\\n")  # whole, whoever else writes
        sys.stdout.flush()
        return content.upper()
"""
COMMAND = "luisy --module my_module.texts Upper --working-dir ../anna --no-ask"


@pytest.fixture
def raw(team):
    team.write_module("texts", PIPELINE)
    folder = team.root / "anna/my_module/raw/texts"
    folder.mkdir(parents=True)
    for number in range(10):
        (folder / f"{number}.txt").write_text(f"text {number}")
    return folder


def made(team):
    folder = team.root / "anna/my_module/interim/Upper"
    return {path.stem: path.read_text() for path in folder.iterdir()}


def kill_in_the_middle(team, signal_number, command=COMMAND):
    with team.start(command) as process:
        for line in process.stdout:
            if "computing half" in line:
                os.killpg(process.pid, signal_number)
                break
        out, err = process.communicate(timeout=120)
    return process.returncode, out + err


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_killed_run_leaves_the_old_directory_and_is_continued(team, raw, number, workers):
    command = f"{COMMAND} --workers {workers}"
    assert team.run(command).code == 0
    old = made(team)
    for name in range(5):
        (raw / f"{name}.txt").write_text(f"new {name}")
    (raw / "7.txt").write_text("half")
    (raw / "9.txt").unlink()
    code, text = kill_in_the_middle(team, number, command)
    assert code != 0, text
    assert team.run("luisy restore --working-dir ../anna").code == 0
    assert made(team) == old
    (raw / "7.txt").write_text("whole")
    done = team.run(command)
    assert done.code == 0, done.text
    assert "7" in done.computed
    # At least one was complete: which others were depends on how far the processes had come.
    assert not set("01234") <= set(done.computed)
    new = {str(name): f"NEW {name}" for name in range(5)}
    del old["9"]
    assert made(team) == {**old, **new, "7": "WHOLE"}


@pytest.mark.parametrize("rename", [1, 3, 5])
def test_restore_after_a_death_within_the_renames_brings_the_old_directory_whole(team, raw, rename):
    assert team.run(COMMAND).code == 0
    old = made(team)
    for name in range(3):
        (raw / f"{name}.txt").write_text(f"new {name}")
    killed = team.run(COMMAND, DIE_AT=str(rename))
    assert killed.code == -signal.SIGKILL, killed.text
    assert "restored my_module/interim/Upper" in team.run("luisy restore --working-dir ../anna").out
    assert made(team) == old
    done = team.run(COMMAND)
    assert (done.code, done.computed) == (0, []), done.text
    assert made(team) == {**old, **{str(name): f"NEW {name}" for name in range(3)}}
