"""Processes that take one task after another, driven as luigi's worker does."""

import gc
import os
import signal
import threading
from multiprocessing import active_children
from multiprocessing.util import Finalize
from pathlib import Path
from queue import Empty

import luigi
import pytest
from luigi.worker import TaskProcess, TaskStatusReporter
from luisy.crew import CAN_FORK, Crew, Errand

pytestmark = pytest.mark.skipif(not CAN_FORK, reason="no process can be forked here")
LONG = 300  # seconds; nothing waits for so long unless it hangs


class Where(luigi.Task):
    """Tells in which process it ran."""

    number = luigi.IntParameter(default=0)
    dies = luigi.BoolParameter(default=False)
    stays = luigi.Parameter(default="")
    lingers = luigi.Parameter(default="")

    def run(self):
        if self.dies:
            os._exit(0)
        if self.stays:
            told, tell = os.pipe()
            signal.signal(signal.SIGTERM, lambda *_: os.write(tell, b"x"))
            Path(self.stays).write_text("ready")
            os.read(told, 1)
        if self.lingers:
            signal.signal(signal.SIGTERM, signal.default_int_handler)  # as the command has it
            Finalize(None, self.end, exitpriority=1)
            raise KeyboardInterrupt

    def end(self):
        Path(self.lingers).write_text("ready")
        threading.Event().wait(LONG)

    def complete(self):
        return True

    def on_success(self):
        return os.getpid()


TASKS = {task.task_id: task for task in [*(Where(number=n) for n in range(4)), Where(dies=True)]}


def ordinary(task_id, task=None):
    reporter = TaskStatusReporter(None, task_id, "worker", None)
    return TaskProcess(task or TASKS[task_id], "worker", None, reporter, use_multiprocessing=True)


fork_hooks = []
os.register_at_fork(after_in_parent=lambda: [hook() for hook in fork_hooks])


@pytest.fixture
def crew():
    crew = Crew(ordinary)
    yield crew
    crew.close()


def start(crew, task):
    errand = Errand(crew, ordinary(task.task_id, task))
    errand.start()
    return errand


def where(crew, number=0):
    """Run a task and return the process in which it ran."""
    errand = start(crew, Where(number=number))
    task_id, status, process, _, _ = crew.get(LONG)
    assert (task_id, status) == (Where(number=number).task_id, "DONE")
    assert process == errand.pid != os.getpid()
    return process


def test_process_takes_one_task_after_another(crew):
    assert where(crew, 1) == where(crew, 2) == where(crew, 3)


def test_tasks_at_the_same_time_have_processes_of_their_own(crew):
    running = [start(crew, Where(number=number)) for number in range(3)]
    told = {crew.get(LONG)[2] for _ in running}
    assert told == {errand.pid for errand in running}
    assert len(told) == 3


def test_process_that_does_not_know_what_came_since_ends(crew):
    before = where(crew, 1)
    crew.renew()
    assert where(crew, 2) != before


def test_process_that_was_killed_while_it_waited_is_replaced(crew):
    before = where(crew, 1)
    os.kill(before, signal.SIGKILL)
    os.waitid(os.P_PID, before, os.WEXITED | os.WNOWAIT)
    assert where(crew, 2) != before


def test_process_that_ends_within_a_task_has_failed_whatever_its_code(crew):
    errand = start(crew, Where(dies=True))
    with pytest.raises(Empty):
        crew.get(LONG)
    assert not errand.is_alive()
    assert errand.exitcode == 1
    assert where(crew, 1) != errand.pid


def test_process_whose_task_goes_on_when_it_is_to_end_takes_no_other(crew, tmp_path):
    ready = tmp_path / "ready"
    os.mkfifo(ready)
    errand = start(crew, Where(stays=str(ready)))
    ready.read_text()
    errand.terminate()
    errand.join(LONG)
    with pytest.raises(ProcessLookupError):
        os.kill(errand.pid, 0)
    with pytest.raises(Empty):
        crew.get(0.001)


def test_nothing_told_in_time_is_an_empty_answer(crew):
    with pytest.raises(Empty):
        crew.get(0.001)


def test_no_process_is_left(crew):
    process = where(crew, 1)
    crew.close()
    active_children()  # asks after each: one that ended has an entry until somebody does
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)


def test_ctrl_c_within_a_fork_is_heard(crew):
    """Python drops what a hook raises, and any thread may be the one that gets the signal."""

    def interrupt():
        fork_hooks.clear()
        thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,))
        thread.start()
        thread.join()

    fork_hooks.append(interrupt)
    with pytest.raises(KeyboardInterrupt):
        start(crew, Where())
    assert fork_hooks == []


def test_process_that_ends_is_ended_at_once_and_without_a_word(crew, tmp_path, capfd):
    """As when Ctrl-C has ended its task, and luigi ends it besides."""
    os.mkfifo(tmp_path / "ready")
    errand = start(crew, Where(lingers=str(tmp_path / "ready")))
    assert (tmp_path / "ready").read_text() == "ready"
    errand.terminate()
    errand.join(LONG)
    assert capfd.readouterr().err == ""


def test_process_that_is_given_no_task_runs_none(crew, tmp_path):
    """As when Ctrl-C comes after the fork: luigi does not know yet that there is one to end."""
    task = Where(stays=str(tmp_path / "ran"))
    crew.free(ordinary(task.task_id, task))
    crew.close()
    assert not (tmp_path / "ran").exists()


def test_processes_are_killed_whatever_they_are_at(crew, tmp_path):
    os.mkfifo(tmp_path / "ready")
    errand = start(crew, Where(stays=str(tmp_path / "ready")))
    assert (tmp_path / "ready").read_text() == "ready"
    crew.kill()
    assert not errand.is_alive()


def test_process_is_killed_that_is_neither_free_nor_busy(crew):
    """As when Ctrl-C came while it was about to become the one or the other."""
    hand = crew.free(ordinary(Where().task_id))
    crew.kill()
    assert not hand.process.is_alive()


def test_processes_that_ended_leave_no_files_open(crew):
    def open_files():
        crew.close()
        where(crew)
        return len(list(Path("/dev/fd").iterdir()))

    gc.collect()  # which closes what other tests left open
    before = open_files()
    for number in range(4):
        crew.renew()
        where(crew, number)
    assert open_files() == before
