"""Which project a task belongs to: the folder of its outputs, below the working directory."""

from __future__ import annotations

import sys
from functools import lru_cache
from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError

NOTEBOOK = "notebook"
_MAIN = ("__main__", "__mp_main__")


class ProjectName:
    """The default of `Task.project_name`; a decorator or an attribute of the class replaces it."""

    def __get__(self, instance: Any, owner: type) -> str:
        """Return the first component of the module of the class.

        Raises:
            ConfigurationError: If a task class of luisy itself is used as it is.
        """
        name = project_of(owner.__module__)
        if name == "luisy" and instance is not None:
            raise ConfigurationError(
                f"{owner.__name__} of luisy cannot be used by itself: derive a task from it"
            )
        return name


def project_of(module: str) -> str:
    """Return the project of a module: its first component.

    A module that runs as the main program belongs to the package it is in (``python -m``), else it
    is its own project, named after the script; what is typed into a notebook belongs to
    ``notebook``.
    """
    if module not in _MAIN:
        return module.partition(".")[0]
    main = sys.modules.get(module) or sys.modules["__main__"]
    spec = getattr(main, "__spec__", None)
    if spec is not None and spec.name not in _MAIN:
        return str(spec.name).partition(".")[0]
    script = getattr(main, "__file__", None)
    return _stem(script) if script else NOTEBOOK


@lru_cache
def _stem(script: str) -> str:
    return Path(script).stem
