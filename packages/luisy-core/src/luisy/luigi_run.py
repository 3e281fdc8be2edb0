"""Let luigi run what must run: its worker, its processes, its retries, its central scheduler.

luigi asks each task for `complete()`, which answers from the plan, and works through the rest. The
door is the scheduler factory that `luigi.build` accepts. What comes out of it, a scheduler for
this process or the way to a central one, tells a `Watcher` what starts and what ends, whichever
process it happens in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import luigi
from luigi.configuration import get_config
from luigi.rpc import RemoteScheduler, RPCError
from luigi.task_status import DONE, FAILED, PENDING
from luigi.worker import TaskProcess, Worker
from luisy_protocol.errors import Unavailable

from luisy.crew import CAN_FORK, Crew, Errand
from luisy.scheduler import LocalScheduler


class Watcher(Protocol):
    """Is told, in the process that started luigi, how the tasks go."""

    def started(self, task_id: str) -> None:
        """A task starts to run."""

    def ended(self, task_id: str, *, succeeded: bool) -> None:
        """A task is over; one that failed may be tried again."""


class _Watched:
    """A scheduler, local or central, with somebody who watches it."""

    def __init__(self, scheduler: Any, watcher: Watcher) -> None:
        self._scheduler = scheduler
        self._watcher = watcher
        self.is_here = isinstance(scheduler, LocalScheduler)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):  # pickle asks before anything is set
            raise AttributeError(name)
        return getattr(self._scheduler, name)

    def add_task(self, **kwargs: Any) -> Any:
        _tell_end(self._watcher, kwargs)
        return self._scheduler.add_task(**kwargs)

    def get_work(self, **kwargs: Any) -> Any:
        return _tell_start(self._watcher, self._scheduler.get_work(**kwargs))


class _Worker(Worker):
    """luigi's worker, with less to carry.

    luigi looks for the reason why a task is still pending with a recursion as deep as the chain of
    pending tasks, for its log. Our own summary names them; for luigi's, the first one is enough.
    """

    def __init__(self, **settings: Any) -> None:
        super().__init__(**settings)  # type: ignore[no-untyped-call]
        self._task_result_queue.close()
        self._task_result_queue: Any = Crew(self._ordinary_process)

    def add(self, *args: Any, **settings: Any) -> bool:
        """Take in a task and what it requires."""
        self._task_result_queue.renew()
        return bool(super().add(*args, **settings))  # type: ignore[no-untyped-call]

    def _get_work(self) -> Any:
        known = len(self._scheduled_tasks)
        response = super()._get_work()  # type: ignore[no-untyped-call]
        if len(self._scheduled_tasks) > known:  # the scheduler made a batch, or sent another's task
            self._task_result_queue.renew()
        return response

    def _add_task(self, *args: Any, **settings: Any) -> None:
        if not (isinstance(self._scheduler, _Watched) and self._scheduler.is_here):
            super()._add_task(*args, **settings)  # type: ignore[no-untyped-call]
            return
        # Owners and visible parameters are for luigid's pages, and that it was told is no news.
        task = self._scheduled_tasks.get(settings["task_id"])
        if task:
            self._add_task_history.append((task, settings["status"], settings["runnable"]))
        self._scheduler.add_task(**settings)

    def run(self) -> bool:
        """Work until nothing is left to do."""
        succeeded = bool(super().run())  # type: ignore[no-untyped-call]
        history = self._add_task_history
        over = {task for task, status, runnable in history if status != PENDING or not runnable}
        self._add_task_history = [
            entry for number, entry in enumerate(history) if number == 0 or entry[0] in over
        ]
        return succeeded

    def __exit__(self, *failure: Any) -> bool:
        """End the processes that still run a task."""
        try:
            return bool(super().__exit__(*failure))  # type: ignore[no-untyped-call]
        except KeyboardInterrupt:
            # Again: a task did not hear the first one. None may go on when the old output is back.
            self._task_result_queue.kill()
            raise

    def _create_task_process(self, task: luigi.Task) -> TaskProcess:
        process: TaskProcess = super()._create_task_process(task)  # type: ignore[no-untyped-call]
        if process.use_multiprocessing and CAN_FORK:
            return Errand(self._task_result_queue, process)
        return process

    def _ordinary_process(self, task_id: str) -> TaskProcess:
        return super()._create_task_process(self._scheduled_tasks[task_id])  # type: ignore[no-any-return, no-untyped-call]


def _tell_end(watcher: Watcher, sent: Mapping[str, Any]) -> None:
    # Without `runnable` it is the report on a run; with it, the announcement of a task.
    if sent.get("runnable") is None and sent.get("status") in {DONE, FAILED}:
        watcher.ended(sent["task_id"], succeeded=sent["status"] == DONE)


def _tell_start(watcher: Watcher, response: Any) -> Any:
    if response.get("task_id") is not None:
        watcher.started(response["task_id"])
    return response


@dataclass(frozen=True, slots=True)
class SchedulerFactory:
    """What `luigi.build` takes its scheduler and its worker from.

    Attributes:
        watcher: Told how the tasks go.
    """

    watcher: Watcher

    def create_local_scheduler(self) -> Any:
        """Return a scheduler for this process alone."""
        return _Watched(LocalScheduler(), self.watcher)

    def create_remote_scheduler(self, url: str) -> Any:
        """Return the way to a central scheduler."""
        return _Watched(_answering(url), self.watcher)

    def create_worker(
        self,
        scheduler: Any,
        worker_processes: int,
        assistant: bool = False,
    ) -> Worker:
        """Return luigi's worker."""
        return _Worker(scheduler=scheduler, worker_processes=worker_processes, assistant=assistant)


def _answering(url: str) -> Any:
    """Return the way to a central scheduler that is there.

    luigi tries for a minute. That helps a run that is under way; who starts one has mistyped the
    host, or forgotten luigid, and wants to know at once.

    Raises:
        Unavailable: If there is no answer.
    """
    scheduler: Any = RemoteScheduler(url)
    patience = scheduler._rpc_retry_attempts
    if not get_config().get("core", "rpc-retry-attempts", ""):
        scheduler._rpc_retry_attempts = 1
    try:
        scheduler.is_pause_enabled()
    except (RPCError, ValueError) as error:
        raise Unavailable(
            f"luigi's central scheduler does not answer at {url}: start luigid there, "
            "or give --local-scheduler"
        ) from error
    scheduler._rpc_retry_attempts = patience
    return scheduler


def run_with_luigi(
    root: luigi.Task, watcher: Watcher, *, workers: int | None = None, local_scheduler: bool = True
) -> None:
    """Let luigi work through a task and what it requires.

    Args:
        root: The task.
        watcher: Told how the tasks go.
        workers: How many processes; by default what luigi's configuration says. One on Windows,
            where no process can be forked.
        local_scheduler: Whether to schedule in this process rather than ask a central scheduler.

    Raises:
        Unavailable: If there is no answer from the central scheduler.
    """
    settings: dict[str, Any] = {"local_scheduler": local_scheduler}
    if workers is not None or not CAN_FORK:
        settings["workers"] = workers if CAN_FORK else 1
    try:
        luigi.build([root], worker_scheduler_factory=SchedulerFactory(watcher), **settings)
    except RPCError as error:
        raise Unavailable(f"luigi's central scheduler does not answer: {error}") from error
