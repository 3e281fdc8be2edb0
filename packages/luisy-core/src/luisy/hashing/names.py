"""What each name of a module's top level is made of.

Rules
-----
- A name is made of every statement of the top level that binds it (definition, assignment,
  augmented and annotated assignment, unpacking, ``for``, ``with``, ``except``, walrus, match
  capture, ``del``) and of every one that may change what it is bound to (see
  `luisy.hashing.touches`).
- ``globals()["a"] = ...`` binds ``a``. Where the name is computed (``globals().update``, ``exec``),
  the statement counts for all data of the module.
- Imports at the top level are not code: they are followed.
- Where a name that is bound or changed more than once is read in between, it counts how often it
  was before; where imports and other bindings of one name follow each other, their order counts.
- Of a compound statement only what concerns the name counts (see `luisy.hashing.pruning`).
- ``if TYPE_CHECKING`` is never entered; ``if __name__ == "__main__"`` only if the module is
  ``__main__``.
- In a notebook the last definition wins.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import NamedTuple

from luisy.hashing.canonical import effective_body
from luisy.hashing.namespaces import is_open
from luisy.hashing.nodes import (
    DEFINITIONS,
    IMPORTS,
    Import,
    executed_nodes,
    imports_of,
    is_type_checking,
    local_nodes,
    stored_names,
)
from luisy.hashing.pruning import COMPOUND, concerned, last_binding, prune
from luisy.hashing.source import Module
from luisy.hashing.touches import Touch, touches


class Event(NamedTuple):
    """Something that happens to a name at the top level of its module.

    Attributes:
        position: Which statement of the module.
        kind: ``bind``, ``touch``, or what is imported.
    """

    position: int
    kind: str

    @property
    def binds(self) -> bool:
        """Tell whether it gives the name a new meaning."""
        return self.kind != "touch"


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The index of a module's top level.

    Attributes:
        statements: What each name is made of, in the order of execution.
        imports: What each imported name may be.
        plain_imports: The dotted names of ``import a.b`` statements.
        stars: The modules of star imports, as written, and the position of each.
        exports: ``__all__`` if it is a plain list of strings, else None.
        touches: The side effects of the module's import.
        events: What happens to each name, in the order of execution.
        early: For each name what it reads that is bound or changed again later, and after how many
            events it does.
        typing_only: The names that are bound for type checking.
        is_open: Whether something here may bind names that cannot be read.
    """

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    plain_imports: list[str] = field(default_factory=list)
    stars: list[tuple[str, int]] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    exports: frozenset[str] | None = None
    events: dict[str, list[Event]] = field(default_factory=dict)
    early: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    typing_only: frozenset[str] = frozenset()
    is_open: bool = False

    def has(self, name: str) -> bool:
        """Tell whether the module itself binds a name."""
        return name in self.statements or name in self.imports

    def exported(self, name: str) -> bool:
        """Tell whether a star import takes a name."""
        if self.exports is not None:
            return name in self.exports
        return not name.startswith("_") or "__all__" in self.statements

    def last_bound(self, name: str) -> int:
        """Return the position of the last binding of a name, -1 if there is none."""
        return max(
            (event.position for event in self.events.get(name, ()) if event.binds), default=-1
        )

    def rebindings(self, name: str) -> list[str]:
        """List the bindings of a name in their order, if imports are among them and it matters."""
        if len(self.events.get(name, ())) < 2:
            return []
        bindings = [event for event in self.events[name] if event.binds]
        kinds = [event.kind for event in bindings]
        if len({event.position for event in bindings}) < 2 or len(set(kinds)) < 2:
            return []
        return kinds


def index(module: Module) -> Names:
    """Build the index of a module."""
    names = Names(
        exports=_exports(module),
        typing_only=_typing_only(module),
        is_open=is_open(module),
    )
    body = list(module.tree.body)
    executed = [
        (position, statement)
        for position, original in enumerate(body)
        for statement in _executed(original, module)
    ]
    data = _data_names(statement for _, statement in executed)
    for position, statement in executed:
        shown = module.is_interactive and position in module.cell_ends
        _index_statement(statement, names, data, position, shown=shown)
    for name in _declared_global(module):
        names.statements.setdefault(name, [])
    if module.is_interactive:
        for name, statements in names.statements.items():
            names.statements[name] = last_binding(name, statements)
        for events in names.events.values():
            del events[:-1]
    else:
        for position, statement in executed:
            _index_early(statement, names, data, position)
    return names


def _executed(statement: ast.stmt, module: Module) -> list[ast.stmt]:
    if isinstance(statement, ast.If) and _is_main_test(statement.test):
        branch = statement.body if module.name == "__main__" else statement.orelse
        return effective_body(branch)
    return effective_body([statement])


def _is_main_test(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = (left, right)
            return any(
                isinstance(side, ast.Name) and side.id == "__name__" for side in sides
            ) and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return False


def _data_names(statements: Iterable[ast.stmt]) -> set[str]:
    """Name what is bound to data, not by a definition or an import."""
    return {
        name
        for node in local_nodes(statements)
        if not isinstance(node, DEFINITIONS)
        for name in stored_names(node)
    }


def _index_statement(
    statement: ast.stmt, names: Names, data: Set[str], position: int, *, shown: bool
) -> None:
    if isinstance(statement, IMPORTS):
        _index_import(statement, names, position)
        return
    changes = touches(statement, data, shown=shown)
    names.touches.extend(changes)
    nodes = list(local_nodes([statement]))
    bound = {name for node in nodes for name in stored_names(node)}
    concerned = bound | {touch.owner for touch in changes}
    for node in nodes:
        if isinstance(node, IMPORTS):
            _index_import(node, names, position)
            concerned |= {name for name, _ in imports_of(node) if name != "*"}
    for name in concerned:
        kept = prune(statement, name, data) if isinstance(statement, COMPOUND) else statement
        if kept is not None:
            names.statements.setdefault(name, []).append(kept)
            event = Event(position, "bind" if name in bound else "touch")
            names.events.setdefault(name, []).append(event)


def _index_import(node: ast.Import | ast.ImportFrom, names: Names, position: int) -> None:
    if isinstance(node, ast.Import):
        names.plain_imports.extend(alias.name for alias in node.names)
    for name, target in imports_of(node):
        if name == "*":
            names.stars.append((target.module, position))
        else:
            names.imports.setdefault(name, []).append(target)
            event = Event(position, f"import {target.module} {target.attribute}")
            names.events.setdefault(name, []).append(event)


def _index_early(statement: ast.stmt, names: Names, data: Set[str], position: int) -> None:
    """Note what a statement reads before all has happened to it."""
    early = {
        (node.id, sum(event.position < position for event in names.events[node.id]))
        for node in executed_nodes([statement])
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in names.events
        and names.events[node.id][-1].position > position
    }
    if early:
        for owner in concerned(statement, data):
            names.early.setdefault(owner, set()).update(item for item in early if item[0] != owner)


def _declared_global(module: Module) -> Iterator[str]:
    """Yield the names that functions declare ``global``, for they may be bound nowhere else."""
    for node in ast.walk(module.tree) if module.mentions("global") else ():
        if isinstance(node, ast.Global):
            yield from node.names


def _typing_only(module: Module) -> frozenset[str]:
    """Name what is bound for type checking."""
    found: set[str] = set()
    for node in local_nodes(module.tree.body) if module.mentions("TYPE_CHECKING") else ():
        if isinstance(node, ast.If) and is_type_checking(node.test):
            for inner in local_nodes(node.body):
                found.update(stored_names(inner))
                if isinstance(inner, IMPORTS):
                    found.update(name for name, _ in imports_of(inner))
    return frozenset(found)


def _exports(module: Module) -> frozenset[str] | None:
    """Read ``__all__`` if it is set once, to a plain list of strings, and never touched again."""
    if not module.mentions("__all__"):
        return None
    tree = module.tree
    if sum(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(tree)) > 1:
        return None
    values = [
        statement
        for statement in tree.body
        if "__all__" in {name for node in local_nodes([statement]) for name in stored_names(node)}
    ]
    match values:
        case [ast.Assign(value=ast.List(elts=items) | ast.Tuple(elts=items))]:
            if all(isinstance(item, ast.Constant) for item in items):
                return frozenset(
                    str(item.value) for item in items if isinstance(item, ast.Constant)
                )
    return None
