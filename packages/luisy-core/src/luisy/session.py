"""Answer luigi's questions from the plan, and note what its tasks do.

luigi asks each task whether it is complete. Within a run the plan answers: what is kept or
downloaded is, what is to run is as soon as its output is there, for outdated outputs have been set
aside. A task that no plan knows, because plain luigi starts with it or another task yields it,
gets a plan of its own first, which is carried out in the process where the run began: downloads
arrive, outdated outputs make room. Who asks outside of a run only gets an answer; nothing is moved
for it. Plain luigi says nowhere that a run is over: it is when another worker asks, or the process
ends.

When a task starts, its inputs are noted and its `run` is wrapped: the record is written where the
task runs, and a task without an output, or whose record cannot be written, has failed.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

import luigi
from luigi.task import DynamicRequirements, flatten
from luigi.worker import Worker
from luisy_protocol.errors import NotFound
from luisy_protocol.record import Record

from luisy.fingerprints import Fingerprint, Fingerprints
from luisy.made import Made
from luisy.namesakes import check_yielded
from luisy.pipeline import Kind, both_write, name_of
from luisy.plan import Verdict
from luisy.run_lock import alone
from luisy.show import Nothing
from luisy.task import Task
from luisy.work import Settings, Work
from luisy.workspace import Workspace
from luisy.yielded import describe

_Told = Callable[[luigi.Task, BaseException], None]


@dataclass(slots=True)
class Session:
    """One run in one process, and in those that it forks.

    Attributes:
        failed: Told of a task whose `run` raised, in the process where it did.
        unplanned: Told of a task that was yielded and that cannot be planned.
        worker: luigi's worker, where plain luigi began the run.
        is_alone: Whether no other run works in the same folder.
        ending: What is to be done when it is over.
        process: Where it began.
        told: The last error that `unplanned` was told of: a task that it ends has no other one.
    """

    failed: _Told | None = None
    unplanned: _Told | None = None
    worker: object = None
    is_alone: bool = True
    ending: ExitStack = field(default_factory=ExitStack)
    process: int = field(default_factory=os.getpid)
    told: BaseException | None = None
    _known: dict[luigi.Task, tuple[Work, int]] = field(default_factory=dict)
    _owners: dict[str, luigi.Task] = field(default_factory=dict)

    def claim(self, work: Work) -> None:
        """Keep every output for the one task that is required to write it.

        Raises:
            ConfigurationError: If another task of the run writes one, too.
        """
        for node in work.pipeline.required():
            other = self._owners.setdefault(node.key, node.task) if node.key else node.task
            if other != node.task:
                raise both_write(other, node.task, node.key)

    def add(self, work: Work) -> None:
        """Let a plan answer for its tasks."""
        for task, position in work.pipeline.positions.items():
            if work.plan.steps[position].verdict is not Verdict.UNNEEDED:
                self._known[task] = (work, position)

    def name_of(self, task_id: str) -> str:
        """Return the name of a task that luigi calls by its id."""
        return next((name_of(task) for task in self._known if task.task_id == task_id), task_id)

    def find(self, task: luigi.Task) -> tuple[Work, int] | None:
        """Return the work that knows a task, and its position there."""
        return self._known.get(task)


_current: Session | None = None


@contextmanager
def session(
    work: Work, *, failed: _Told | None = None, unplanned: _Told | None = None
) -> Iterator[Session]:
    """Let a plan answer luigi during the block."""
    global _current  # noqa: PLW0603 - luigi's tasks have no other way to it
    before = _current
    _current = begun = Session(failed, unplanned, is_alone=work.is_alone)
    _current.claim(work)
    _current.add(work)
    _watch_luigi()
    try:
        with begun.ending:
            yield begun
    finally:
        _current = before


def end_plain_run() -> None:
    """End a run that plain luigi began in this process, unless it is still going on."""
    if _current and _current.worker and not _asking_worker():
        _end()


def is_complete(task: Task) -> bool:
    """Tell whether a task need not run (any more)."""
    worker = _asking_worker() if _current is None or _current.worker else None
    if _current and _current.worker and worker is not _current.worker:
        if not worker:
            return _is_fresh(task)
        _end()
    found = _current.find(task) if _current else None
    if found is None:
        if not (task.key or isinstance(task, luigi.WrapperTask)):
            return bool(luigi.Task.complete(task))
        worker = worker or _asking_worker()
        if not worker:
            return _is_fresh(task)
        if multiprocessing.parent_process() and _current:
            return False  # luigi takes it to where the run began, which makes a plan for it
        try:
            found = _begin(task, worker)
        except Exception as error:
            if _current and _current.unplanned:
                _current.told = error
                _current.unplanned(task, error)
            raise
    return _is_done(*found)


def prepare_read(task: luigi.Task) -> None:
    """Fetch the output of a task from the store if it is fresh there and not here.

    Raises:
        NotFound: If downloads are activated and it is fresh neither here nor there.
    """
    settings = Settings.of(task)
    end_plain_run()
    if _current or not settings.download:
        return
    work = Work(task, settings, Nothing())
    plan = work.look()
    work.check_inputs()
    to_run = [step.name for step in plan.having(Verdict.RUN)]
    if to_run:
        raise NotFound(
            f"{name_of(task)} is neither in {settings.workspace.folder} nor in {settings.remote} "
            f"as the present code would make it (to run: {', '.join(to_run)}); let luisy run it"
        )
    with alone(settings.workspace, work.pipeline.projects, waiting=work.show.warn) as waited:
        if waited:
            work.look()
        work.fetch()


def fingerprints(task: luigi.Task, workspace: Workspace, project: str) -> Fingerprints:
    """Return the digests that are known of a project's files, during a task's run or without."""
    found = _current.find(task) if _current else None
    return found[0].journal.memory(project) if found else workspace.fingerprints(project)


def planned_path(task: luigi.Task) -> str:
    """Return where the output of a task is that a plan knows; empty if there is none."""
    found = _current.find(task) if _current else None
    if found is None:
        return ""
    work, position = found
    key = work.pipeline.nodes[position].key
    return work.settings.workspace.path(key) if key else ""


def noted(task: luigi.Task) -> Mapping[str, Fingerprint]:
    """Return what the inputs of a running task were when it started, by key."""
    running = vars(task).get("run")
    return running.inputs if isinstance(running, _Recording) else {}


def former_records(task: luigi.Task) -> Mapping[str, Record]:
    """Return the records of a running task's output and inputs as they were before the run, by key.

    There are none outside of a run, nor if other code than the present made the output.
    """
    found = _current.find(task) if _current else None
    if found is None:
        return {}
    work, position = found
    pipeline, local = work.pipeline, work.facts.local
    own = local[position].record
    if own is None or own.hash != work.facts.identities[position].hash:
        return {}
    records = [own, *(local[pipeline.keys[node.key]].record for node in pipeline.inputs(position))]
    return {record.key: record for record in records if record}


def advance(task: luigi.Task, done: int, total: int) -> None:
    """Show how far a running task is."""
    found = _current.find(task) if _current else None
    if found:
        work, position = found
        work.show.advanced(work.plan.steps[position].name, done, total)


def _is_fresh(task: luigi.Task) -> bool:
    settings = Settings.of(task)
    work = Work(task, Settings(settings.workspace), Nothing())
    plan = work.look()
    return not any(step.verdict in {Verdict.RUN, Verdict.MISSING} for step in plan.steps)


def _is_done(work: Work, position: int) -> bool:
    pending = [position]
    while pending:
        position = pending.pop()
        node, verdict = work.pipeline.nodes[position], work.plan.steps[position].verdict
        if node.kind is Kind.WRAPPER:
            if verdict is Verdict.RUN:
                pending.extend(node.requires)
        elif not node.key:
            if verdict is Verdict.RUN and not _is_there(node.task):
                return False
        elif not os.path.exists(work.settings.workspace.path(node.key)):  # noqa: PTH110
            return verdict is Verdict.UNNEEDED
    return True


def _is_there(task: luigi.Task) -> bool:
    """Tell what a task without a key says of itself."""
    if type(task).complete is Task.complete:  # which asks here
        return bool(luigi.Task.complete(task))
    return bool(task.complete())


def _begin(task: luigi.Task, worker: object) -> tuple[Work, int]:
    """Plan for a task that no plan knows, and make the plan true as far as luigi need not run."""
    global _current  # noqa: PLW0603 - see above
    is_first = _current is None
    is_alone = _current is None or _current.is_alone
    work = Work(task, Settings.of(task), _Log(), is_alone=is_alone)
    work.settings.workspace.check_writable()
    work.look()
    if _current is None:
        _current = Session(worker=worker)
        _watch_luigi()
        atexit.register(_end)
        projects = work.pipeline.projects
        lock = alone(work.settings.workspace, projects, waiting=work.show.warn)
        if _current.ending.enter_context(lock):
            work.look()
    _current.claim(work)
    work.check_inputs()
    work.fetch()
    if is_first:
        work.recover()
    work.make_room()
    _current.ending.callback(work.settle)
    _current.add(work)
    if not any(True for _ in work.plan.having(Verdict.RUN)):
        work.send()
    return work, len(work.pipeline.nodes) - 1


def _end() -> None:
    """End the run that plain luigi began."""
    global _current  # noqa: PLW0603 - see above
    over = _current
    if over and over.worker and over.process == os.getpid():
        _current = None
        over.ending.close()


def _asking_worker() -> Worker | None:
    """Return luigi's worker that is at work further up, if one is."""
    frame: FrameType | None = sys._getframe(1)
    while frame:
        if frame.f_globals.get("__name__") == "luigi.worker":
            worker = frame.f_locals.get("self")
            if isinstance(worker, Worker):
                return worker
        frame = frame.f_back
    return None


def _watch_luigi() -> None:
    luigi.Task.event_handler(luigi.Event.START)(_started)
    luigi.Task.event_handler(luigi.Event.SUCCESS)(_succeeded)
    luigi.Task.event_handler(luigi.Event.FAILURE)(_failed)


def _started(task: luigi.Task) -> None:
    found = _current.find(task) if _current else None
    if found is None:
        return
    work, position = found
    node = work.pipeline.nodes[position]
    if node.kind is Kind.OUTPUT and work.plan.steps[position].verdict is Verdict.RUN:
        task.run = _Recording(task, work, position)  # type: ignore[method-assign]


def _succeeded(task: luigi.Task) -> None:
    vars(task).pop("run", None)
    found = _current.find(task) if _current else None
    # Plain luigi says nowhere that a run is over; its root is the last task of it.
    if found and isinstance(found[0].show, _Log) and found[0].root == task:
        found[0].send()


def _failed(task: luigi.Task, error: BaseException) -> None:
    vars(task).pop("run", None)
    if _current and _current.failed and error is not _current.told:
        _current.failed(task, error)


class _Recording:
    """A task's `run` with the record written at its end."""

    def __init__(self, task: luigi.Task, work: Work, position: int) -> None:
        self._task = task
        self._work = work
        self._position = position
        self._yielded: dict[str, tuple[str, str]] = {}
        self.inputs = work.journal.look(work.pipeline.inputs(position))

    def __call__(self) -> Any:
        try:
            result = type(self._task).run(self._task)
            if isinstance(result, Generator):
                return self._follow(result)
            told = result if isinstance(result, Made) else Made()
            self._record(told)
        except BaseException as error:
            self._leave_nothing(error)
            raise
        told.settle()  # not above: what is recorded is not taken back when this is interrupted
        return None

    def _follow(self, steps: Generator[Any, Any, Any]) -> Generator[Any, Any, Any]:
        """Pass on what a task requires while it runs, and count it among its inputs."""
        answer = None
        try:
            while True:
                try:
                    required = steps.send(answer)
                except StopIteration as end:
                    self._record()
                    return end.value
                tasks = _tasks(required)
                check_yielded(tasks)
                answer = yield required
                self._add_inputs(tasks)
        except GeneratorExit:  # it goes on when what it requires is there
            raise
        except BaseException as error:
            self._leave_nothing(error)
            raise

    def _leave_nothing(self, error: BaseException) -> None:
        # What is there now was made by this very run: what was there before lies aside. If it
        # cannot be removed, the person must still hear of what went wrong before.
        try:
            self._work.journal.withdraw(self._work.pipeline.nodes[self._position])
        except OSError as left:
            error.add_note(f"and what it left cannot be removed: {left}")

    def _add_inputs(self, tasks: list[luigi.Task]) -> None:
        for task in tasks:
            found = _current.find(task) if _current else None
            if found:
                work, position = found
                self._add_input(work, position)

    def _add_input(self, work: Work, position: int) -> None:
        pipeline, identities = work.pipeline, work.facts.identities
        node = pipeline.nodes[position]
        for below in [node] if node.key else list(pipeline.inputs(position)):
            made_by = identities[pipeline.keys[below.key]].hash
            self._yielded[below.key] = (describe(below.task), made_by)
            self.inputs.update(self._work.journal.look([below]))

    def _record(self, told: Made | None = None) -> None:
        told = told or Made()
        identity = self._work.facts.identities[self._position]
        node = self._work.pipeline.nodes[self._position]
        inputs = {key: seen.content.sha256 for key, seen in self.inputs.items()}
        try:
            self._work.journal.made(node, identity, inputs, yielded=self._yielded, told=told)
        except BaseException:
            told.undo()
            raise


def _tasks(required: Any) -> list[luigi.Task]:
    """Return the tasks in what a task yields."""
    if isinstance(required, DynamicRequirements):
        required = required.requirements
    return list(flatten(required))


class _Log(Nothing):
    """Tells of a run that plain luigi started in luigi's log."""

    def warn(self, text: str) -> None:
        import logging

        logging.getLogger("luigi-interface").warning("luisy: %s", text)
