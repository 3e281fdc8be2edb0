"""Which scope a name belongs to, as Python decides it.

Rules
-----
- A name belongs to the function that binds it (parameter, assignment, import, loop, ``with``,
  ``except``, walrus, match capture, nested definition, ``del``), unless that function says
  ``global`` or ``nonlocal``; else to an enclosing function; else to the module; else it is a
  builtin.
- A class body sees its own names, its methods do not. As a name in a class body may be read
  before it is bound there, it counts as the module's name as well.
- A comprehension and a lambda are scopes of their own; the first iterable is outside; a walrus
  binds outside.
- Defaults, decorators, bases, and kept annotations belong to the scope around the definition, type
  parameters to one of their own.

Source: the language reference, "Execution model, Naming and binding", and PEP 572 and 695.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from luisy.hashing.nodes import IMPORTS, Import, imports_of, local_nodes, stored_names


@dataclass(slots=True, eq=False)
class Scope:
    """One scope.

    Attributes:
        kind: ``module``, ``class``, ``function`` or ``comprehension``.
        parent: The scope around it.
        method: The method of a class that it is or lies in; ``@name`` for the arguments of that
            decorator of a class.
        depth: How many functions it lies in.
        bound: The names that it binds.
        imports: What it imports, by name.
        outer: The names that it declares ``global``.
    """

    kind: str
    parent: Scope | None = None
    method: str = ""
    depth: int = 0
    bound: set[str] = field(default_factory=set)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)

    def inner(self, kind: str, method: str = "") -> Scope:
        """Open a scope in this one."""
        depth = self.depth + (kind == "function")
        return Scope(kind, self, self.method or method, depth)

    def bind(self, body: Iterable[ast.AST]) -> None:
        """Gather what the body of a function or class binds."""
        nonlocals: set[str] = set()
        for node in local_nodes(body):
            if isinstance(node, IMPORTS):
                for name, target in imports_of(node):
                    self.imports.setdefault(name, []).append(target)
            elif isinstance(node, ast.Global):
                self.outer.update(node.names)
            elif isinstance(node, ast.Nonlocal):
                nonlocals.update(node.names)
            elif names := stored_names(node):
                self.bound.update(names)
        self.bound -= self.outer | nonlocals

    def bind_arguments(self, arguments: ast.arguments) -> None:
        """Add what the arguments of a function bind."""
        self.bound.update(item.arg for item in all_arguments(arguments))

    def find(self, name: str) -> Iterator[tuple[Import, ...]]:
        """Yield what a name may be: imports, or nothing for the name of the module."""
        place: Scope | None = self
        while place is not None and place.kind != "module" and name not in place.outer:
            if place.kind != "class" or place is self:
                if name in place.imports:
                    yield tuple(place.imports[name])
                if place.kind != "class" and (name in place.bound or name in place.imports):
                    return
            place = place.parent
        yield ()

    def declares_global(self, name: str) -> bool:
        """Tell whether a name that is bound here is the module's."""
        place: Scope | None = self
        while place is not None and name not in place.bound:
            if name in place.outer:
                return True
            place = place.parent
        return False


def all_arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    """Yield the arguments of a function, of each kind."""
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    yield from (item for item in (arguments.vararg, arguments.kwarg) if item is not None)
