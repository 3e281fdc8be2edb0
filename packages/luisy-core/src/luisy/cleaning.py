"""Find outputs that luisy made and that no task claims any more.

Only what has a record is looked at: what luisy did not make, and what a person made (external
inputs), is never touched. An output is claimed when a class of the same project would write it
with some parameters; which, the records and the names of the files tell (`luisy.instances`).
"""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.os_errors import translated

from luisy.instances import find_instances
from luisy.task import Task
from luisy.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Unclaimed:
    """An output that no task claims.

    Attributes:
        key: Its key.
        size: Its size in bytes, as recorded.
    """

    key: str
    size: int


def unclaimed(workspace: Workspace, project: str, classes: Iterable[type[Task]]) -> list[Unclaimed]:
    """Return the recorded outputs of a project that none of these classes claims, sorted by key."""
    records = workspace.records(project).read().records
    made = {
        key: record
        for key, record in records.items()
        if record.origin != "external" and Path(workspace.path(key)).exists()
    }
    claimed: set[str] = set()
    for cls in classes:
        with suppress(ConfigurationError):  # a class whose outputs are not in the working directory
            claimed.update(task.key for task in find_instances(cls))
    return [Unclaimed(key, made[key].size) for key in sorted(made.keys() - claimed)]


def remove(workspace: Workspace, outputs: Iterable[Unclaimed]) -> None:
    """Remove outputs and their records.

    Raises:
        AccessDenied, LuisyError: If one cannot be removed.
    """
    by_project: dict[str, list[str]] = {}
    for output in outputs:
        path = Path(workspace.path(output.key))
        with translated(f"remove {path}"):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink(missing_ok=True)
        by_project.setdefault(output.key.partition("/")[0], []).append(output.key)
    for project, keys in by_project.items():
        workspace.records(project).forget(keys)
