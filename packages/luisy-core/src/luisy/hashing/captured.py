"""What a class that a function makes took from that function: ``make_task(factor=2)``.

The source of the function does not say with which values it was called, but the class does: the
free variables of its methods, and the attributes that its body sets. Plain values count as they
are written, also in lists, tuples, sets and dicts; functions and classes by their code. Anything
else is known only by the code that makes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from types import FunctionType

from luisy.hashing.graph import Node
from luisy.hashing.nodes import local_nodes, stored_names

_PLAIN = (str, bytes, int, float, complex, bool, type(None))

Definition = type | FunctionType


@dataclass(frozen=True, slots=True)
class Captured:
    """The plain values, one a line, and the functions and classes that a class holds."""

    text: str = ""
    definitions: tuple[Definition, ...] = ()


def capture(cls: type, node: Node) -> Captured:
    """Read what a class took from the function that made it.

    Args:
        cls: The class.
        node: The part in which it is defined.
    """
    lines: set[str] = set()
    definitions: list[Definition] = []
    for name, value in _held(cls, _attributes(cls, node)):
        text = plain_text(value)
        if text is not None:
            lines.add(f"{name} = {text}\n")
        elif isinstance(value, Definition) and not value.__qualname__.startswith(cls.__qualname__):
            definitions.append(value)
    return Captured("".join(sorted(lines)), tuple(definitions))


def plain_text(value: object) -> str | None:
    """Write a plain value, the same on every Python; None if it is not plain."""
    if isinstance(value, _PLAIN):
        return ascii(value)
    if isinstance(value, dict):
        items = [plain_text(item) for pair in value.items() for item in pair]
    elif isinstance(value, list | tuple | set | frozenset):
        items = [plain_text(item) for item in value]
    else:
        return None
    words = [item for item in items if item is not None]
    if isinstance(value, set | frozenset):
        words.sort()
    return f"{type(value).__name__}({', '.join(words)})" if len(words) == len(items) else None


def _attributes(cls: type, node: Node) -> set[str]:
    """Name what the body of a class binds; what decorators add is not the class's own."""
    bodies = [
        inner.body
        for statement in node.statements
        for inner in ast.walk(statement)
        if isinstance(inner, ast.ClassDef) and inner.name == cls.__name__
    ]
    return {name for body in bodies for item in local_nodes(body) for name in stored_names(item)}


def _held(cls: type, attributes: set[str]) -> Iterator[tuple[str, object]]:
    for name in sorted(attributes & vars(cls).keys()):
        value = vars(cls)[name]
        function = getattr(value, "__func__", value)
        yield name, function
        if isinstance(function, FunctionType):
            cells = function.__closure__ or ()
            for free, cell in zip(function.__code__.co_freevars, cells, strict=True):
                try:
                    yield free, cell.cell_contents
                except ValueError:  # not bound yet
                    continue
