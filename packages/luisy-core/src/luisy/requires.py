"""The decorators that say what a task requires and which parameters it takes over.

Both hand on every parameter that the tasks have in common by name, `download` and `upload` among
them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import luigi
from luigi.util import inherits
from luisy_protocol.errors import ConfigurationError

__all__ = ["inherits", "requires"]

Class = TypeVar("Class", bound=type[luigi.Task])


class requires:  # noqa: N801 - a decorator, written as luigi writes its own
    """Let a task require other tasks, with the parameters they share.

    Args:
        tasks_to_require: The task classes. With one, `input` gives its target; with several, a list
            in this order.
        as_dict: With several, let `requires` and `input` give a dictionary by task family instead.
        kw_tasks_to_require: Task classes by a name of one's own: `input` gives a dictionary.
    """

    def __init__(
        self, *tasks_to_require: Any, as_dict: bool = False, **kw_tasks_to_require: Any
    ) -> None:
        if not tasks_to_require and not kw_tasks_to_require:
            raise TypeError("requires() needs at least one task")
        self.tasks_to_require = tasks_to_require
        self.kw_tasks_to_require = kw_tasks_to_require
        self.as_dict = as_dict

    def __call__(self, task_that_requires: Class) -> Class:
        """Add the parameters and the method `requires` to the class."""
        inherit: Callable[[Class], Class] = inherits(
            *self.tasks_to_require, **self.kw_tasks_to_require
        )
        cls = inherit(task_that_requires)
        cls.requires = self._method()  # type: ignore[method-assign]
        return cls

    def _method(self) -> Callable[[luigi.Task], Any]:
        tasks = self.tasks_to_require
        if len(tasks) == 1:
            return lambda task: task.clone(tasks[0])
        if tasks and self.as_dict:
            self._check_families()
            return lambda task: {cls.get_task_family(): task.clone(cls) for cls in tasks}
        if tasks:
            return lambda task: [task.clone(cls) for cls in tasks]
        named = self.kw_tasks_to_require
        return lambda task: {name: task.clone(cls) for name, cls in named.items()}

    def _check_families(self) -> None:
        families = [cls.get_task_family() for cls in self.tasks_to_require]
        twice = sorted({family for family in families if families.count(family) > 1})
        if twice:
            raise ConfigurationError(
                f"requires(as_dict=True) got two tasks of the family {twice[0]}, "
                "and a dictionary holds one"
            )
