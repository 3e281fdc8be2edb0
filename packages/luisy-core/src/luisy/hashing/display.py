"""The source of a part as a person reads it in a diff: as it was written, without comments and docstrings."""

from __future__ import annotations

import ast
from collections.abc import Iterable

from luisy.hashing.source import Module


def show(module: Module, statements: Iterable[ast.stmt]) -> str:
    """Render statements of a module."""
    return "\n".join(ast.unparse(statement) for statement in statements) + "\n"
