"""Killed, doubled, damaged: what is impossible here, whatever happens to a run.

Tasks wait at a named pipe where a test wants them to, so that nothing depends on time.
"""

import os
import pickle
import shutil
import signal
from pathlib import Path

import psutil
import pytest

CHAIN = """
import signal

import luisy
from gates import tell, wait

FIRST = 1


@luisy.interim
class First(luisy.Task):
    def run(self):
        tell(self)
        self.write(FIRST)
        wait("first-written")


@luisy.final
@luisy.requires(First)
class Second(luisy.Task):
    def run(self):
        tell(self)
        wait("second")
        self.write(self.input().read() + 10)


@luisy.final
class Rude(luisy.Task):
    def run(self):
        tell(self)
        with open(self.output().path, "wb") as file:
            file.write(b"half")
            file.flush()
            wait("rude")
        self.write("whole")


@luisy.final
class Deaf(luisy.Task):
    def run(self):
        tell(self)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        wait("deaf")
        self.write("heard")


@luisy.final
class Broken(luisy.Task):
    fine = True

    def run(self):
        tell(self)
        if not self.fine:
            self.write("wrong")
            raise RuntimeError("the flux capacitor is empty")
        self.write("good")


@luisy.final
class Left(luisy.Task):
    def run(self):
        tell(self)
        wait("left")
        self.write("left")


@luisy.final
class Right(luisy.Task):
    amount = luisy.IntParameter(default=1)

    def run(self):
        tell(self)
        self.write("right")


@luisy.requires(Left, Right)
class Both(luisy.WrapperTask):
    pass
"""
GATES = '''
import os


def tell(task):
    """Say that a task is computed."""
    print(f"[computing {task.task_family}]", flush=True)


def wait(name):
    """Say where we are and wait until the test lets us on, if it has made a gate there."""
    if os.path.exists(f"gates/{name}"):
        print(f"[at {name}]", flush=True)
        open(f"gates/{name}").close()
'''
RUN = "luisy --module chain {} --working-dir ../work --no-ask"


class Chain:
    """The code above, with gates."""

    def __init__(self, team):
        self.team = team
        self.code = team.code
        self.final = team.root / "work/chain/final"
        self.interim = team.root / "work/chain/interim"
        (self.code / "gates").mkdir(parents=True)
        (self.code / "chain.py").write_text(CHAIN)
        (self.code / "gates.py").write_text(GATES)
        team.store.mkdir()

    def close(self, name: str) -> None:
        os.mkfifo(self.code / "gates" / name)

    def open(self, name: str) -> None:
        """Let whoever waits at a gate go on, and whoever comes later."""
        gate = self.code / "gates" / name
        with gate.open("w"):
            gate.unlink()

    def remove(self, name: str) -> None:
        (self.code / "gates" / name).unlink()

    def edit(self, old: str, new: str) -> None:
        text = (self.code / "chain.py").read_text()
        assert text.count(old) == 1
        (self.code / "chain.py").write_text(text.replace(old, new))

    def compute(self, line: str) -> list[str]:
        done = self.team.run(RUN.format(line))
        assert done.code == 0, done.text
        return done.computed


@pytest.fixture
def chain(tmp_path, new_team) -> Chain:
    return Chain(new_team(tmp_path))


def until(process, words: str) -> None:
    """Read what a process says until it says these words."""
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError("".join(said) + process.stderr.read())


def until_logged(chain, words: str) -> None:
    """Read luigi's only log until it says these words."""
    (log,) = (chain.final.parent / ".luisy/logs").iterdir()
    said = ""
    with log.open() as lines:
        while words not in said:
            said += lines.readline()  # of a line that is being written, what there is of it


def kill(process) -> None:
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate(timeout=120)


def value(path: Path) -> object:
    return pickle.loads(path.read_bytes())


def test_run_killed_after_the_first_task_certifies_nothing_stale(chain):
    chain.close("second")
    with chain.team.start(RUN.format("Second")) as process:
        until(process, "[at second]")
        kill(process)
    chain.remove("second")
    chain.edit("FIRST = 1", "FIRST = 2")
    assert chain.compute("Second") == ["First", "Second"]
    assert value(chain.final / "Second.pkl") == 12
    assert chain.compute("Second") == []


def test_run_killed_after_the_first_task_keeps_it(chain):
    chain.close("second")
    with chain.team.start(RUN.format("Second")) as process:
        until(process, "[at second]")
        kill(process)
    chain.remove("second")
    assert chain.compute("Second") == ["Second"]


def test_run_killed_between_output_and_record_proves_nothing(chain):
    chain.close("first-written")
    with chain.team.start(RUN.format("Second")) as process:
        until(process, "[at first-written]")
        kill(process)
    chain.remove("first-written")
    assert value(chain.interim / "First.pkl") == 1
    chain.edit("FIRST = 1", "FIRST = 2")
    assert chain.compute("Second") == ["First", "Second"]
    assert value(chain.final / "Second.pkl") == 12


def test_edit_that_is_undone_after_a_killed_run_certifies_nothing_stale(chain):
    chain.compute("Second")
    chain.edit("FIRST = 1", "FIRST = 2")
    chain.close("first-written")
    with chain.team.start(RUN.format("Second")) as process:
        until(process, "[at first-written]")
        kill(process)
    chain.remove("first-written")
    chain.edit("FIRST = 2", "FIRST = 1")
    chain.compute("Second")
    assert value(chain.interim / "First.pkl") == 1
    assert value(chain.final / "Second.pkl") == 11
    assert chain.compute("Second") == []


def test_edit_while_a_run_goes_on_is_seen_by_the_next(chain):
    chain.close("second")
    with chain.team.start(RUN.format("Second")) as process:
        until(process, "[at second]")
        chain.edit("FIRST = 1", "FIRST = 2")
        chain.edit("read() + 10", "read() + 20")
        chain.open("second")
        process.communicate(timeout=120)
    assert process.returncode == 0
    assert value(chain.final / "Second.pkl") == 11
    assert chain.compute("Second") == ["First", "Second"]
    assert value(chain.final / "Second.pkl") == 22


@pytest.mark.parametrize("content", [b"", pickle.dumps(1)], ids=["empty", "as good as right"])
def test_output_without_record_is_made(chain, content):
    chain.interim.mkdir(parents=True)
    (chain.interim / "First.pkl").write_bytes(content)
    assert chain.compute("First") == ["First"]


def test_output_half_written_by_a_killed_task_is_made_again(chain):
    chain.close("rude")
    with chain.team.start(RUN.format("Rude")) as process:
        until(process, "[at rude]")
        kill(process)
    assert (chain.final / "Rude.pkl").read_bytes() == b"half"
    chain.remove("rude")
    assert chain.compute("Rude") == ["Rude"]
    assert value(chain.final / "Rude.pkl") == "whole"


def test_output_that_stood_before_a_killed_task_comes_back(chain):
    chain.compute("First")
    chain.close("first-written")
    chain.edit("FIRST = 1", "FIRST = 2")
    chain.edit("        self.write(FIRST)\n        wait", "        wait")
    with chain.team.start(RUN.format("First")) as process:
        until(process, "[at first-written]")
        kill(process)
    assert not (chain.interim / "First.pkl").exists()
    done = chain.team.run("luisy restore --working-dir ../work")
    assert done.code == 0, done.text
    assert value(chain.interim / "First.pkl") == 1


@pytest.mark.parametrize("way", ["restore", "a run that fails"])
def test_output_that_stood_before_a_half_written_one_comes_back(chain, way):
    chain.compute("Rude")
    good = (chain.final / "Rude.pkl").read_bytes()
    chain.edit('self.write("whole")', 'raise RuntimeError("the flux capacitor is empty")')
    chain.close("rude")
    with chain.team.start(RUN.format("Rude")) as process:
        until(process, "[at rude]")
        kill(process)
    chain.remove("rude")
    restore = "luisy restore --working-dir ../work"
    chain.team.run(restore if way == "restore" else RUN.format("Rude"))
    assert (chain.final / "Rude.pkl").read_bytes() == good


def test_output_that_stood_before_a_failed_task_comes_back(chain):
    chain.compute("Broken")
    good = (chain.final / "Broken.pkl").read_bytes()
    chain.edit("fine = True", "fine = False")
    done = chain.team.run(RUN.format("Broken"))
    assert done.code != 0
    assert (chain.final / "Broken.pkl").read_bytes() == good
    chain.edit("fine = False", "fine = True")
    assert chain.compute("Broken") == []


@pytest.mark.parametrize(
    ("number", "workers"),
    [(signal.SIGINT, 1), (signal.SIGINT, 2), (signal.SIGTERM, 1)],
    ids=["Ctrl-C", "Ctrl-C with two workers", "terminated"],
)
def test_output_that_stood_before_an_interrupted_task_comes_back(chain, number, workers):
    chain.compute("Both")
    good = (chain.final / "Left.pkl").read_bytes()
    chain.close("left")
    chain.edit('self.write("left")', 'self.write("LEFT")')
    with chain.team.start(f"{RUN.format('Both')} --workers {workers}") as process:
        until(process, "[at left]")
        os.killpg(process.pid, number)
        out, err = process.communicate(timeout=120)
    assert process.returncode != 0
    assert "Traceback" not in out + err
    chain.remove("left")
    if number == signal.SIGINT:
        assert (chain.final / "Left.pkl").read_bytes() == good
    assert chain.compute("Both") == ["Left"]
    assert value(chain.final / "Left.pkl") == "LEFT"


def test_output_that_stood_before_a_task_that_hears_no_interruption_comes_back(chain):
    """Ctrl-C once more ends it, before the old output is put back."""
    chain.compute("Deaf")
    good = (chain.final / "Deaf.pkl").read_bytes()
    chain.close("deaf")
    chain.edit('self.write("heard")', 'self.write("HEARD")')
    shutil.rmtree(chain.final.parent / ".luisy/logs")  # runs within one second share their log
    with chain.team.start(f"{RUN.format('Deaf')} --workers 2") as process:
        until(process, "[at deaf]")
        os.killpg(process.pid, signal.SIGINT)
        until_logged(chain, "Shutting down Keep-Alive thread")
        os.killpg(process.pid, signal.SIGINT)
        process.communicate(timeout=120)  # which ends when the task's process does
    assert process.returncode != 0
    assert (chain.final / "Deaf.pkl").read_bytes() == good


def test_output_that_stood_before_a_killed_process_wrote_half_of_it_comes_back(chain):
    chain.compute("Rude")
    good = (chain.final / "Rude.pkl").read_bytes()
    chain.edit('self.write("whole")', 'self.write("WHOLE")')
    chain.close("rude")
    with chain.team.start(f"{RUN.format('Rude')} --workers 2") as process:
        until(process, "[at rude]")
        for child in psutil.Process(process.pid).children():
            child.kill()
        out, err = process.communicate(timeout=120)
    chain.remove("rude")
    assert process.returncode != 0, out + err
    assert (chain.final / "Rude.pkl").read_bytes() == good
    assert chain.compute("Rude") == ["Rude"]
    assert value(chain.final / "Rude.pkl") == "WHOLE"


def test_child_that_outlives_its_killed_run_certifies_nothing_stale(chain):
    """The child goes on with the old code, while a run with the new code begins."""
    chain.close("left")
    with chain.team.start(f"{RUN.format('Both')} --workers 2") as process:
        until(process, "[at left]")
        os.kill(process.pid, signal.SIGKILL)
        chain.edit('self.write("left")', 'self.write("LEFT")')
        with chain.team.start(RUN.format("Both")) as second:
            chain.open("left")
            out, err = second.communicate(timeout=120)
        assert second.returncode == 0, out + err
    chain.compute("Both")
    assert value(chain.final / "Left.pkl") == "LEFT"
    assert chain.compute("Both") == []


def test_two_roots_side_by_side_lose_no_record(chain):
    chain.close("left")
    with chain.team.start(RUN.format("Left")) as left:
        until(left, "[at left]")
        with chain.team.start(RUN.format("Right")) as right:
            chain.open("left")
            ends = [process.communicate(timeout=120) for process in (left, right)]
    assert (left.returncode, right.returncode) == (0, 0), ends
    assert chain.compute("Both") == []


def test_many_roots_side_by_side_lose_no_record(chain):
    lines = [RUN.format(f"Right --amount {amount}") for amount in range(5)]
    started = [chain.team.start(line) for line in lines]
    for process in started:
        with process:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, out + err
    for line in lines[::2]:
        assert chain.team.run(line).computed == []


def test_same_command_twice_at_once_computes_once_and_both_are_right(chain):
    chain.close("left")
    with chain.team.start(RUN.format("Left")) as first:
        until(first, "[at left]")
        with chain.team.start(RUN.format("Left")) as second:
            waits = second.stderr.readline()
            assert f"process {first.pid}" in waits, waits + second.stdout.read()
            assert not (chain.final / "Left.pkl").exists()
            chain.open("left")
            outs = [process.communicate(timeout=120)[0] for process in (first, second)]
    assert (first.returncode, second.returncode) == (0, 0)
    assert "".join(outs).count("[computing Left]") == 0
    assert chain.compute("Left") == []


def test_second_command_does_the_work_of_a_first_that_is_killed(chain):
    chain.close("left")
    with chain.team.start(RUN.format("Left")) as first:
        until(first, "[at left]")
        with chain.team.start(RUN.format("Left")) as second:
            second.stderr.readline()
            chain.remove("left")
            kill(first)
            out, err = second.communicate(timeout=120)
    assert second.returncode == 0, err
    assert "[computing Left]" in out
    assert value(chain.final / "Left.pkl") == "left"


@pytest.mark.parametrize(
    "line",
    [
        "luisy --module chain Right --work ../elsewhere --no-ask",
        "luisy --module chain Right --working-dir ../work --no-as",
        "luisy --module chain Right --working-dir ../work --no-ask --down",
        "luisy --module chain Right --working-dir ../work --no-ask --amo 7",
        "luisy --mod chain Right --working-dir ../work --no-ask",
    ],
)
def test_abbreviated_flag_is_refused(chain, line):
    done = chain.team.run(line)
    assert (done.code, done.computed) == (2, []), done.text
    assert not (chain.team.root / "work").exists() or not list(chain.final.parent.glob("final/*"))
    assert not (chain.team.root / "elsewhere").exists()


def test_nothing_to_do_asks_nothing_without_terminal(chain):
    chain.compute("Right")
    done = chain.team.run(RUN.format("Right").replace(" --no-ask", ""))
    assert (done.code, done.computed) == (0, []), done.text


def test_something_to_do_without_terminal_stops_with_a_hint(chain):
    done = chain.team.run(RUN.format("Right").replace(" --no-ask", ""))
    assert (done.code, done.computed) == (2, []), done.text
    assert "--no-ask" in done.err
