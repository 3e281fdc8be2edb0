"""Processes that run luigi's tasks, each one task after another.

luigi forks a process for every task when it has several workers. A fork costs as much as there is
memory to copy the tables of, so a task costs more the more tasks there are: 20 milliseconds among
4,000. Here a process that is done waits for the next task, and is forked anew only when the
pipeline has grown since, for it knows nothing but what there was when it was forked. What a task
changes in its process (the folder, the environment, a library's settings) the next one there finds
changed, as it does with one worker.

luigi's worker asks its process for a task whether it is alive, how it ended and to be ended, and
reads results from a queue. Both are here: `Errand` and `Crew`.
"""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_all_start_methods, get_context
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from queue import Empty
from typing import Any

from luigi.worker import TaskProcess

from luisy.interruptions import Held

CAN_FORK = "fork" in get_all_start_methods()


@dataclass(frozen=True, slots=True)
class _Hand:
    """A process that runs tasks, and the way to it."""

    process: BaseProcess
    connection: Connection


class Errand(TaskProcess):
    """A task in a process that may have run others before.

    Args:
        crew: Has the processes.
        ordinary: The process that luigi made for the task, not started.
    """

    def __init__(self, crew: Crew, ordinary: TaskProcess) -> None:
        vars(self).update(vars(ordinary))
        self.ordinary = ordinary
        self._crew = crew

    def start(self) -> None:
        """Give the task to a process that is free, or to a new one."""
        given = False
        while not given:
            self._hand = self._crew.free(self.ordinary)
            # What luigi and multiprocessing ask of a process, they ask this of.
            self._popen = self._hand.process._popen  # type: ignore[attr-defined]
            # Last: Ctrl-C before here leaves no process at work that nobody knows to end.
            given = self._crew.give(self._hand, self.ordinary)

    def terminate(self) -> None:
        """End the process, also one that takes an interruption for the failure of its task."""
        self._crew.give_up(self._hand)
        super().terminate()  # type: ignore[no-untyped-call]

    @property
    def exitcode(self) -> int | None:
        """How the process ended: never 0, for it has not told of its task."""
        return None if self.is_alive() else super().exitcode or 1


class Crew:
    """The processes of one worker, and what they tell of their tasks.

    Args:
        errand: Makes luigi's process for a task, by its id; called where it is to run.
    """

    def __init__(self, errand: Callable[[str], TaskProcess]) -> None:
        self._errand = errand
        self._idle: list[_Hand] = []
        self._busy: dict[object, _Hand] = {}
        self._outdated: set[object] = set()
        self._here: deque[Any] = deque()
        self._forked: list[_Hand] = []  # whatever became of it: Ctrl-C may come at any line

    def renew(self) -> None:
        """Give no further task to the processes there are: they do not know what comes now."""
        while self._idle:
            self._dismiss(self._idle.pop())
        self._outdated.update(self._busy)

    def free(self, errand: TaskProcess) -> _Hand:
        """Return a process that can run a task and waits for one."""
        # Messages for a task arrive only where they were thought of before the fork.
        if errand.task.accepts_messages or not self._idle:
            self._fork(errand)
        return self._idle.pop()

    def give(self, hand: _Hand, errand: TaskProcess) -> bool:
        """Let a process run a task from now on; tell whether it is still there to do so."""
        self._busy[hand.connection] = hand
        try:
            hand.connection.send(errand.task.task_id)
        except OSError:  # it was killed while it waited
            self.give_up(hand)
            return False
        return True

    def give_up(self, hand: _Hand) -> None:
        """Want nothing more of a process: it ends when it looks for another task."""
        if self._busy.pop(hand.connection, None):
            self._dismiss(hand)

    def put(self, result: Any) -> None:
        """Take the result of a task that ran in this process."""
        self._here.append(result)

    def get(self, timeout: float) -> Any:
        """Return what a task told.

        Args:
            timeout: How long to wait for one, in seconds.

        Raises:
            queue.Empty: If none told anything.
        """
        if self._here:
            return self._here.popleft()
        for connection in wait([hand.connection for hand in self._busy.values()], timeout):
            hand = self._busy.pop(connection)
            try:
                result = hand.connection.recv()
            except (EOFError, OSError):  # it died
                self._dismiss(hand)
                hand.process.join()
                continue
            if connection in self._outdated:
                self._dismiss(hand)
            else:
                self._idle.append(hand)
            return result
        raise Empty

    def close(self) -> None:
        """Let the processes end; luigi has ended those that still ran a task."""
        self._idle.clear()
        self._busy.clear()
        alive = self._alive()  # before: one that ends at once is to be waited for, too
        for hand in self._forked:
            self._dismiss(hand)
        for hand in alive:
            hand.process.join()

    def kill(self) -> None:
        """End the processes at once, whatever they are at."""
        with Held():  # also where Ctrl-C comes a third time
            for hand in self._alive():
                hand.process.kill()
                hand.process.join()

    def _alive(self) -> list[_Hand]:
        """Return the processes that have not ended: the id of one that has may be another's."""
        return [
            hand
            for hand in self._forked
            if hand.process.pid is not None and not wait([hand.process.sentinel], 0)
        ]

    def _dismiss(self, hand: _Hand) -> None:
        """Let a process end, without waiting for it: a task may have left a thread in it."""
        self._outdated.discard(hand.connection)
        hand.connection.close()

    def _fork(self, errand: TaskProcess) -> None:
        ours, theirs = get_context("fork").Pipe()
        others = [ours, *(hand.connection for hand in [*self._busy.values(), *self._idle])]
        held = Held()
        process = get_context("fork").Process(
            target=self._work, args=(errand, theirs, others, held), name="luisy"
        )
        hand = _Hand(process, ours)
        self._forked = [*self._alive(), hand]  # what has ended still had files open
        self._idle.append(hand)
        with held:  # else it may be lost, or forked and not known
            process.start()
        theirs.close()

    def _work(
        self, first: TaskProcess, way: Connection, others: list[Connection], held: Held
    ) -> None:
        for connection in others:  # else no process sees that the run is over
            connection.close()
        with suppress(EOFError, ConnectionError, KeyboardInterrupt):  # nobody waits for it any more
            try:
                held.let_through()
                self._work_through({first.task.task_id: first}, way)
            finally:  # it is ending: nothing is to be interrupted any more, only killed
                signal.signal(signal.SIGINT, signal.SIG_IGN)
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

    def _work_through(self, known: dict[str, TaskProcess], way: Connection) -> None:
        while True:
            task_id = way.recv()
            errand = known.pop(task_id, None) or self._errand(task_id)
            errand.result_queue = _Way(way)
            try:
                errand.run()
            finally:
                sys.stdout.flush()
                sys.stderr.flush()


@dataclass(frozen=True, slots=True)
class _Way:
    """Where a process leaves what a task told."""

    connection: Connection

    def put(self, result: Any) -> None:
        self.connection.send(result)
