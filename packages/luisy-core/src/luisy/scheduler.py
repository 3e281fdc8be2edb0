"""A scheduler for one luigi worker, at the same price per task however many there are.

luigi's own local scheduler looks through all pending tasks each time it is asked for work. This
one keeps count of what each task still waits for, and a heap of what is ready: what ends makes
ready what waited for it alone. It answers the calls that `luigi.worker.Worker` makes, by the same
rules: priorities (a task lends its own to what it requires), resources with the limits of luigi's
configuration, requirements added while a task runs, and tries again after ``retry_delay`` as often
as ``retry_count`` allows.

Not done here: batches (each task runs by itself, which is what a batch of one means), messages to
workers and the task history. A central `luigid` does them, and is left untouched.

Source: the calls were read off luigi 3.8's worker; the tests run both schedulers side by side.
"""

from __future__ import annotations

import heapq
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from luigi.configuration import get_config
from luigi.scheduler import scheduler as Settings  # noqa: N812 - luigi's class for its settings
from luigi.task_status import DISABLED, DONE, FAILED, PENDING, RUNNING


@dataclass(slots=True)
class _Entry:
    """What is known of one task."""

    task_id: str
    order: int
    status: str = ""
    is_runnable: bool = False
    priority: float = 0
    waits_for: set[str] = field(default_factory=set)
    requires: list[str] = field(default_factory=list)
    needed_by: list[str] = field(default_factory=list)
    resources: Mapping[str, int] = field(default_factory=dict)
    retry_count: int | None = None
    failures: int = 0


class LocalScheduler:
    """Tells one worker what to run next."""

    def __init__(self) -> None:
        settings = Settings()
        self._retry_delay: float = settings.retry_delay
        self._retry_count: int = settings.retry_count
        self._limits: Mapping[str, int] = get_config().getintdict("resources")
        self._used: Counter[str] = Counter()
        self._tasks: dict[str, _Entry] = {}
        self._ready: list[tuple[float, int, str]] = []
        self._blocked: list[tuple[float, int, str]] = []
        self._again: list[tuple[float, str]] = []
        self._open = 0

    def add_task(
        self,
        *,
        task_id: str,
        status: str = PENDING,
        runnable: bool | None = True,
        deps: Iterable[str] | None = None,
        new_deps: Iterable[str] | None = None,
        resources: Mapping[str, int] | None = None,
        priority: float = 0,
        retry_policy_dict: Mapping[str, int | None] | None = None,
        **_: Any,
    ) -> None:
        """Take in a task, or what became of it."""
        entry = self._entry(task_id)
        if runnable is not None:
            entry.is_runnable = runnable
        entry.resources = resources or entry.resources
        entry.retry_count = (retry_policy_dict or {}).get("retry_count") or entry.retry_count
        self._require(entry, [*(deps or ()), *(new_deps or ())])
        self._lend_priority(entry, priority)
        self._set_status(entry, status)

    def get_work(self, **_: Any) -> dict[str, Any]:
        """Return the next task to run, if one can."""
        self._try_again()
        entry = self._next()
        if entry:
            self._set_status(entry, RUNNING)
        return {
            "task_id": entry.task_id if entry else None,
            "running_tasks": [],
            **self._pending(),
        }

    def count_pending(self, **_: Any) -> dict[str, Any]:
        """Return how many tasks are still to be done."""
        return {"running_tasks": [], **self._pending()}

    def ping(self, **_: Any) -> dict[str, Any]:
        """Return that there is nothing to say to the worker."""
        return {"rpc_messages": []}

    def add_worker(self, worker: str, info: object, **_: Any) -> None:
        """Take note of the worker: there is only one."""

    def add_task_batcher(self, **_: Any) -> None:
        """Take note of a family that could run in batches: here it does not."""

    def announce_scheduling_failure(self, **_: Any) -> None:
        """Take note that a task could not be scheduled: the worker logs it."""

    def set_task_status_message(self, task_id: str, status_message: str) -> None:
        """Take note of a task's message: nobody can look at it here."""

    def set_task_progress_percentage(self, task_id: str, progress_percentage: int) -> None:
        """Take note of a task's progress: nobody can look at it here."""

    def report_task_statistics(self, task_id: str, statistics: object) -> None:
        """Take note of a task's statistics: nobody can look at them here."""

    def decrease_running_task_resources(
        self, task_id: str, decrease_resources: Mapping[str, int]
    ) -> None:
        """Free resources that a running task needs no longer."""
        entry = self._tasks[task_id]
        freed = {
            name: min(amount, entry.resources.get(name, 0))
            for name, amount in decrease_resources.items()
        }
        entry.resources = {
            name: amount - freed.get(name, 0) for name, amount in entry.resources.items()
        }
        self._used.subtract(freed)
        self._unblock()

    def _entry(self, task_id: str) -> _Entry:
        entry = self._tasks.get(task_id)
        if entry is None:
            entry = self._tasks[task_id] = _Entry(task_id, len(self._tasks))
        return entry

    def _require(self, entry: _Entry, deps: Iterable[str]) -> None:
        for task_id in deps:
            below = self._entry(task_id)
            entry.requires.append(task_id)
            self._lend_priority(below, entry.priority)
            if below.status != DONE:
                entry.waits_for.add(task_id)
                below.needed_by.append(entry.task_id)

    def _lend_priority(self, entry: _Entry, priority: float) -> None:
        pending = [entry] if priority > entry.priority else []
        while pending:
            raised = pending.pop()
            raised.priority = priority
            if raised.status == PENDING and not raised.waits_for:
                self._push(raised)
            pending.extend(
                below
                for task_id in raised.requires
                if (below := self._tasks[task_id]).priority < priority
            )

    def _set_status(self, entry: _Entry, status: str) -> None:
        if status == FAILED and not self._may_retry(entry):
            status = DISABLED
        before, entry.status = entry.status, status
        self._open += (status in _OPEN) - (before in _OPEN)
        if RUNNING in {before, status} and before != status and entry.resources:
            (self._used.update if status == RUNNING else self._used.subtract)(entry.resources)
            self._unblock()
        if status == DONE:
            self._release(entry)
        elif status == FAILED:
            heapq.heappush(self._again, (time.monotonic() + self._retry_delay, entry.task_id))
        elif status == PENDING and not entry.waits_for:
            self._push(entry)

    def _may_retry(self, entry: _Entry) -> bool:
        entry.failures += 1
        return entry.failures < (entry.retry_count or self._retry_count)

    def _release(self, entry: _Entry) -> None:
        for task_id in entry.needed_by:
            above = self._tasks[task_id]
            above.waits_for.discard(entry.task_id)
            if above.status == PENDING and not above.waits_for:
                self._push(above)
        entry.needed_by.clear()

    def _push(self, entry: _Entry) -> None:
        if entry.is_runnable:
            heapq.heappush(self._ready, (-entry.priority, entry.order, entry.task_id))

    def _next(self) -> _Entry | None:
        while self._ready:
            item = heapq.heappop(self._ready)
            entry = self._tasks[item[2]]
            # A task that was pushed twice, with a higher priority, has been taken meanwhile.
            if entry.status != PENDING or entry.waits_for:
                continue
            if self._has_room(entry.resources):
                return entry
            self._blocked.append(item)
        return None

    def _has_room(self, resources: Mapping[str, int]) -> bool:
        return all(
            amount + self._used[name] <= self._limits.get(name, 1)
            for name, amount in resources.items()
        )

    def _unblock(self) -> None:
        for item in self._blocked:
            heapq.heappush(self._ready, item)
        self._blocked.clear()

    def _try_again(self) -> None:
        while self._again and self._again[0][0] <= time.monotonic():
            entry = self._tasks[heapq.heappop(self._again)[1]]
            if entry.status == FAILED:
                self._set_status(entry, PENDING)

    def _pending(self) -> dict[str, int]:
        return dict.fromkeys(
            ("n_pending_tasks", "n_unique_pending", "n_pending_last_scheduled"), self._open
        )


_OPEN = {PENDING, FAILED, RUNNING}
