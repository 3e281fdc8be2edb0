"""Know what a task required, while it ran, the last time.

A task whose `run` yields other tasks requires them as much as those of `requires()`, only nobody
knows before it runs. Its record names them, so that a change below them is noticed without running
it.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field

import luigi
from luigi.task_register import Register, TaskClassException, load_task
from luisy_protocol.record import Record

from luisy.workspace import Workspace


@dataclass(slots=True)
class Memory:
    """The records of a working directory, each project's read once.

    Attributes:
        workspace: The working directory.
    """

    workspace: Workspace
    warnings: list[str] = field(default_factory=list)
    _projects: dict[str, Mapping[str, Record]] = field(default_factory=dict)
    _legacy: dict[str, str] = field(default_factory=dict)

    def record(self, key: str) -> Record | None:
        """Return the record of an output."""
        project = key.partition("/")[0]
        if project not in self._projects:
            found = self.workspace.records(project).read()
            self._projects[project] = found.records
            self._legacy.update(found.legacy)
            self.warnings.extend(found.warnings)
        return self._projects[project].get(key)

    def legacy(self, key: str) -> str | None:
        """Return the hash that luisy 1.4 noted for an output."""
        self.record(key)
        return self._legacy.get(key)

    def yielded(self, key: str) -> list[luigi.Task]:
        """Return the tasks that the task with this output required while it ran."""
        record = self.record(key)
        return [] if record is None or not record.yielded else _tasks(record.yielded)


def describe(task: luigi.Task) -> str:
    """Return what `Memory.yielded` makes the task from again."""
    return json.dumps([task.task_module, task.task_family, task.to_str_params()])


def _tasks(yielded: Mapping[str, str]) -> list[luigi.Task]:
    tasks = []
    for text in yielded.values():
        try:
            module, family, parameters = json.loads(text)
            tasks.append(_load(module, family, parameters))
        except (
            ImportError,
            TaskClassException,
            ValueError,
            TypeError,
            luigi.parameter.ParameterException,
        ):
            # The task is no more what it was: the code that yields it tells the planner.
            continue
    return tasks


def _load(module: str, family: str, parameters: Mapping[str, str]) -> luigi.Task:
    importlib.import_module(module)
    # Other modules may have a task of that name: luigi would call it ambiguous.
    for cls in reversed(Register._reg):
        if cls.__module__ == module and cls.get_task_family() == family:
            task: luigi.Task = cls.from_str_params(parameters)
            return task
    loaded: luigi.Task = load_task(module, family, parameters)
    return loaded
