"""Run a pipeline with its outputs in memory.

Every task below the root gets a target that keeps a copy of what is written. A task that writes its
file by itself (``self.output().open("w")``, files in `get_outdir`) finds a temporary working
directory.
"""

from __future__ import annotations

import copy
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import luigi
from luigi.execution_summary import _summary_dict
from luigi.task import flatten

from luisy.config import Config
from luisy.helpers import get_all_reqs
from luisy.targets.local import LocalTarget

Outputs = Mapping[luigi.Task, Any] | Iterable[tuple[luigi.Task, Any]]


class PipelineFailed(AssertionError):
    """A pipeline that was to succeed did not; the message tells how far it came."""


class MemoryTarget(LocalTarget):
    """The output of one task in memory.

    Args:
        task: The task.
        original: Its target on disk, which reads what the task wrote there by itself.
        store: The outputs in memory, by task.
    """

    def __init__(self, task: luigi.Task, original: Any, store: dict[luigi.Task, Any]) -> None:
        super().__init__(getattr(original, "path", None) or task.task_id)
        self._task = task
        self._original = original
        self._store = store

    def exists(self) -> bool:
        """Tell whether something was written."""
        return self._task in self._store or bool(self._original.exists())

    def was_written_by_hand(self) -> bool:
        """Tell whether the task wrote a file by itself, which can be read."""
        is_readable = hasattr(self._original, "read")
        return is_readable and self._task not in self._store and self.exists()

    def read(self) -> Any:
        """Return a copy of what was written."""
        if self._task in self._store:
            return copy.deepcopy(self._store[self._task])
        return self._original.read()

    def write(self, obj: Any) -> None:
        """Keep a copy of an object."""
        self._store[self._task] = copy.deepcopy(obj)

    def remove(self) -> None:
        """Forget what was written."""
        self._store.pop(self._task, None)


def debug_run(tasks: Any, return_summary: bool = True) -> Any:
    """Run tasks through luigi in this process.

    Args:
        tasks: A task, or several.
        return_summary: Whether to return a dictionary that tells which tasks were ``completed``,
            ``already_done``, ``failed`` and so on, instead of luigi's result.
    """
    roots = [tasks] if isinstance(tasks, luigi.Task) else list(tasks)
    result = luigi.build(roots, detailed_summary=True, local_scheduler=True)
    return _summary_dict(result.worker) if return_summary else result


def get_all_dependencies(task: luigi.Task) -> set[luigi.Task]:
    """Return a task and all tasks below it."""
    return set(get_all_reqs(task))


def run_in_memory(
    task: luigi.Task, existing_outputs: Outputs | None = None
) -> tuple[Any, dict[luigi.Task, Any]]:
    """Run a task and what it requires, with outputs in memory.

    Args:
        task: The task.
        existing_outputs: Tasks whose outputs are there already, and what they hold.

    Returns:
        luigi's result, and all outputs in memory by task.
    """
    store = dict(existing_outputs or {})
    with tempfile.TemporaryDirectory() as folder, Config().restored():
        Config().set_param("working_dir", folder)
        tasks = get_all_reqs(task)
        with _in_memory(tasks, store):
            result = debug_run(task, return_summary=False)
            for written in tasks:
                target = written.output()
                if isinstance(target, MemoryTarget) and target.was_written_by_hand():
                    store[written] = target.read()
    return result, store


@contextmanager
def _in_memory(tasks: Iterable[luigi.Task], store: dict[luigi.Task, Any]) -> Iterator[None]:
    changed = []
    try:
        for task in tasks:
            original = task.output()
            if isinstance(original, luigi.Target):
                task.__dict__["output"] = _always(MemoryTarget(task, original, store))
            # Neither files nor records tell here whether a task is complete.
            task.__dict__["complete"] = _completeness(task)
            changed.append(task)
        yield
    finally:
        for task in changed:
            task.__dict__.pop("output", None)
            del task.__dict__["complete"]


def _always(value: Any) -> Any:
    return lambda: value


def _completeness(task: luigi.Task) -> Any:
    if isinstance(task, luigi.WrapperTask):
        return lambda: all(below.complete() for below in flatten(task.requires()))
    return lambda: all(target.exists() for target in flatten(task.output()))
