"""Tasks of one name: luigi tells tasks apart by their family, whatever module they are of.

Two tasks of one family and equal parameters have one id, and luigi's scheduler takes them for one;
a task that is yielded is looked up by its family. Both are found before luigi is misled.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import luigi
from luigi.task_register import Register, TaskClassAmbigiousException
from luisy_protocol.errors import ConfigurationError


def namesakes(family: str) -> list[type[luigi.Task]]:
    """Return the task classes of a family that this process knows."""
    return [
        cls for cls in Register._reg if cls._visible_in_registry and cls.get_task_family() == family
    ]


def several_named(classes: Sequence[type[luigi.Task]]) -> str:
    """Say that there are several tasks of one name, and what to do."""
    family = classes[0].get_task_family()
    modules = list(dict.fromkeys(cls.__module__ for cls in classes))
    if len(modules) == 1:
        return (
            f"there are two versions of the task '{family}' in {modules[0]}: run again the code "
            "that requires the older one, after its new definition"
        )
    return (
        f"there are tasks '{family}' in {' and in '.join(modules)}, and luigi tells tasks apart by "
        'name alone: rename one of them, or give it a task_namespace = "..."'
    )


def check_ids(tasks: Iterable[luigi.Task]) -> None:
    """Check that no two tasks have one id.

    Raises:
        ConfigurationError: If two have.
    """
    known: dict[str, luigi.Task] = {}
    for task in tasks:
        other = known.setdefault(task.task_id, task)
        if type(other) is not type(task):
            raise ConfigurationError(several_named([type(other), type(task)]))


def check_yielded(tasks: Iterable[luigi.Task]) -> None:
    """Check that luigi can look up tasks by their names, as it does with those that are yielded.

    Raises:
        ConfigurationError: If a task of another module has the name of one.
    """
    for cls in dict.fromkeys(type(task) for task in tasks):
        family = cls.get_task_family()
        try:
            Register.get_task_cls(family)
        except TaskClassAmbigiousException as error:
            *older, _ = known = namesakes(family)
            if any(other.__module__ != cls.__module__ for other in known):
                raise ConfigurationError(several_named(known)) from error
            # A cell of a notebook ran again: what it defined before is no more.
            for other in older:
                other._visible_in_registry = False
