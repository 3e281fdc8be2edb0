"""Declare the data files of a package that a task or a function reads."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

_Definition = TypeVar("_Definition")


def reads_files(*patterns: str) -> Callable[[_Definition], _Definition]:
    """Declare data files that a class or function reads, so that their content enters the hash.

        @luisy.reads_files("factors.json", "lookup/*.csv")
        class Scaled(luisy.Task): ...

    It counts wherever the decorated class or function is reached. The decorator is read from the
    source: its arguments must be plain strings.

    Args:
        patterns: Paths or glob patterns, relative to the folder of the module.
    """

    def declare(definition: _Definition) -> _Definition:
        return definition

    if not patterns or not all(isinstance(pattern, str) for pattern in patterns):
        raise TypeError("reads_files takes one or more paths as strings")
    return declare
