"""Let luigi run what must run: its worker, its processes, its retries, its central scheduler.

luigi asks each task for `complete()`, which answers from the plan, and works through the rest. The
door is the scheduler factory that `luigi.build` accepts: both schedulers that come out of it are luigi's,
and tell a `Watcher` what starts and what ends, whichever process it happens in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import luigi
from luigi.rpc import RemoteScheduler
from luigi.scheduler import DONE, FAILED, Scheduler
from luigi.worker import Worker


class Watcher(Protocol):
    """Is told, in the process that started luigi, how the tasks go."""

    def started(self, task_id: str) -> None:
        """A task starts to run."""

    def ended(self, task_id: str, *, succeeded: bool) -> None:
        """A task is over; one that failed may be tried again."""


class _LocalScheduler(Scheduler):
    def __init__(self, watcher: Watcher) -> None:
        super().__init__(prune_on_get_work=True, record_task_history=False)
        self._watcher = watcher

    def add_task(self, *args: Any, **kwargs: Any) -> Any:
        _tell_end(self._watcher, kwargs)
        return super().add_task(*args, **kwargs)

    def get_work(self, *args: Any, **kwargs: Any) -> Any:
        return _tell_start(self._watcher, super().get_work(*args, **kwargs))


class _RemoteScheduler(RemoteScheduler):
    def __init__(self, url: str, watcher: Watcher) -> None:
        super().__init__(url)
        self._watcher = watcher

    def add_task(self, *args: Any, **kwargs: Any) -> Any:
        _tell_end(self._watcher, kwargs)
        return super().add_task(*args, **kwargs)

    def get_work(self, *args: Any, **kwargs: Any) -> Any:
        return _tell_start(self._watcher, super().get_work(*args, **kwargs))


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

    def create_local_scheduler(self) -> Scheduler:
        """Return a scheduler for this process alone."""
        return _LocalScheduler(self.watcher)

    def create_remote_scheduler(self, url: str) -> RemoteScheduler:
        """Return the way to a central scheduler."""
        return _RemoteScheduler(url, self.watcher)

    def create_worker(
        self, scheduler: Any, worker_processes: int, assistant: bool = False  # noqa: FBT001, FBT002
    ) -> Worker:
        """Return luigi's worker."""
        return Worker(
            scheduler=scheduler, worker_processes=worker_processes, assistant=assistant
        )


def run_with_luigi(
    root: luigi.Task, watcher: Watcher, *, workers: int | None = None, local_scheduler: bool = True
) -> None:
    """Let luigi work through a task and what it requires.

    Args:
        root: The task.
        watcher: Told how the tasks go.
        workers: How many processes; by default what luigi's configuration says.
        local_scheduler: Whether to schedule in this process rather than ask a central scheduler.
    """
    settings: dict[str, Any] = {"local_scheduler": local_scheduler}
    if workers is not None:
        settings["workers"] = workers
    luigi.build([root], worker_scheduler_factory=SchedulerFactory(watcher), **settings)
