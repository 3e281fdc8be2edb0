"""What each name of a module's top level is made of.

Rules
-----
- A name is made of every statement of the top level that binds it (definition, assignment, augmented and
  annotated assignment, unpacking, ``for``, ``with``, ``except``, walrus, match capture, ``del``) and of
  every one that may change what it is bound to: an assignment to an item or an attribute of it, a call of a
  method of it as a statement, a call as a statement that is given it and that is not a builtin.
- Imports at the top level are not code: they are followed.
- In an ``if`` or ``match`` only the branches that concern the name stay, with their conditions. In a loop, a
  ``with`` or a ``try`` everything but the definitions of other names stays, for each statement may decide
  whether the next one is executed.
- ``if TYPE_CHECKING`` is never entered; ``if __name__ == "__main__"`` only if the module is ``__main__``.
- In a notebook the last definition wins: what a later plain binding replaces is dropped. The last
  expression of a cell is shown to a person and counts only if it calls a method that is known to change
  its object.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from luisy.hashing.canonical import effective_body
from luisy.hashing.scope import Import, chain_of, imports_of, local_nodes, stored_names
from luisy.hashing.source import Module

_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
_COMPOUND = (ast.If, ast.For, ast.AsyncFor, ast.While, ast.With, ast.AsyncWith, ast.Try, ast.TryStar, ast.Match)
_MUTATORS = frozenset(
    "add append appendleft clear discard extend extendleft insert pop popitem popleft register remove reverse "
    "rotate setdefault sort update __setitem__ __delitem__".split()
)
_BUILTINS = frozenset(dir(builtins))

Chain = tuple[str, tuple[str, ...]]
_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Touch:
    """A top-level statement that may change something by a side effect.

    Attributes:
        owner: The name of this module under which the statement counts.
        chain: What is changed, or the function that is called.
        is_call: Whether the chain is a function that is called (also as a decorator).
    """

    owner: str
    chain: Chain
    is_call: bool


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The index of a module's top level.

    Attributes:
        statements: What each name is made of, in the order of execution.
        imports: What each imported name may be.
        stars: The modules of star imports, as written.
        exports: ``__all__`` if it is a plain list of strings, else None.
        touches: The side effects of the module's import.
    """

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    stars: list[str] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    exports: frozenset[str] | None = None

    def has(self, name: str) -> bool:
        """Tell whether the module itself binds a name."""
        return name in self.statements or name in self.imports

    def exported(self, name: str) -> bool:
        """Tell whether a star import takes a name."""
        return name in self.exports if self.exports is not None else not name.startswith("_")


def index(module: Module) -> Names:
    """Build the index of a module."""
    names = Names(exports=_exports(module.tree))
    body = list(module.tree.body)
    executed = [
        (position, statement)
        for position, original in enumerate(body)
        for statement in _executed(original, module)
    ]
    data = _data_names(statement for _, statement in executed)
    for position, statement in executed:
        shown = module.is_interactive and position in module.cell_ends
        _index_statement(statement, names, data, shown=shown)
    if module.is_interactive:
        for name, statements in names.statements.items():
            names.statements[name] = _last_binding(name, statements)
    return names


def prune(statement: ast.stmt, name: str) -> ast.stmt | None:
    """Cut a compound statement down to what concerns a name; None if nothing does."""
    if not isinstance(statement, _COMPOUND):
        return statement if name in _concerned(statement) else None
    if isinstance(statement, ast.If):
        body, orelse = _prune_all(statement.body, name), _prune_all(statement.orelse, name)
        if not body and not orelse and name not in _concerned_head(statement.test):
            return None
        return _copy(statement, body=body or [ast.Pass()], orelse=orelse)
    if isinstance(statement, ast.Match):
        cases = [
            _copy(case, body=_prune_all(case.body, name) or [ast.Pass()]) for case in statement.cases
        ]
        return _copy(statement, cases=cases) if name in _concerned(statement) else None
    return _without_definitions(statement, name) if name in _concerned(statement) else None


def _executed(statement: ast.stmt, module: Module) -> list[ast.stmt]:
    if isinstance(statement, ast.If) and _is_main_test(statement.test):
        branch = statement.body if module.name == "__main__" else statement.orelse
        return effective_body(branch)
    return effective_body([statement])


def _is_main_test(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = (left, right)
            return any(isinstance(side, ast.Name) and side.id == "__name__" for side in sides) and any(
                isinstance(side, ast.Constant) and side.value == "__main__" for side in sides
            )
    return False


def _data_names(statements: Iterable[ast.stmt]) -> set[str]:
    """Name what is bound to data, not by a definition or an import."""
    return {
        name
        for node in local_nodes(statements)
        if not isinstance(node, _DEFINITIONS)
        for name in stored_names(node)
    }


def _index_statement(
    statement: ast.stmt, names: Names, data: set[str], *, shown: bool
) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        _index_import(statement, names)
        return
    touches = _touches(statement, data, shown=shown)
    names.touches.extend(touches)
    concerned = {name for node in local_nodes([statement]) for name in stored_names(node)}
    concerned |= {touch.owner for touch in touches if not touch.is_call}
    for node in local_nodes([statement]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _index_import(node, names)
            concerned |= {name for name, _ in imports_of(node) if name != "*"}
    for name in concerned:
        kept = prune(statement, name) if isinstance(statement, _COMPOUND) else statement
        if kept is not None:
            names.statements.setdefault(name, []).append(kept)


def _index_import(node: ast.Import | ast.ImportFrom, names: Names) -> None:
    for name, target in imports_of(node):
        if name == "*":
            names.stars.append(target.module)
        else:
            names.imports.setdefault(name, []).append(target)


def _touches(statement: ast.stmt, data: set[str], *, shown: bool) -> list[Touch]:
    """List the side effects of a statement on what it does not bind."""
    found: list[Touch] = []
    for node in local_nodes([statement]):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()) | ast.Attribute(ctx=ast.Store() | ast.Del()):
                changed = chain_of(_container(node))
                if changed is not None:
                    found.append(Touch(changed[0], changed, is_call=False))
            case ast.Expr(value=value):
                found += _touches_of_call(value, data, shown=shown)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found += [
                    Touch(node.name, chain, is_call=True)
                    for decorator in node.decorator_list
                    if (chain := _callee(decorator)) is not None
                ]
            case ast.Call() if (chain := chain_of(node.func)) is not None:
                found += [
                    Touch(name, chain, is_call=True) for name in _bound_by(statement)
                ] or [Touch(chain[0], chain, is_call=True)]
    return found


def _touches_of_call(value: ast.expr, data: set[str], *, shown: bool) -> Iterator[Touch]:
    for node in local_nodes([value]):
        if not isinstance(node, ast.Call):
            continue
        chain = chain_of(node.func)
        if chain is None or (shown and not _MUTATORS.intersection(chain[1][-1:])):
            continue
        if chain[1]:
            yield Touch(chain[0], (chain[0], chain[1][:-1]), is_call=False)
        if chain[0] in _BUILTINS and chain[0] not in data and chain[0] not in {"setattr", "delattr"}:
            continue
        for argument in [*node.args, *(keyword.value for keyword in node.keywords)]:
            given = chain_of(argument)
            if given is not None and given[0] in data:
                yield Touch(given[0], given, is_call=False)


def _callee(decorator: ast.expr) -> Chain | None:
    return chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)


def _bound_by(statement: ast.stmt) -> list[str]:
    return sorted({name for node in local_nodes([statement]) for name in stored_names(node)})


def _container(node: ast.expr) -> ast.expr:
    """Strip the items from ``a.b["c"].d``, down to the chain that is changed."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _concerned(statement: ast.stmt) -> set[str]:
    names = _concerned_head(statement)
    names |= {touch.owner for touch in _touches(statement, names, shown=False) if not touch.is_call}
    return names


def _concerned_head(node: ast.AST) -> set[str]:
    names: set[str] = set()
    for inner in local_nodes([node]):
        names.update(stored_names(inner))
        if isinstance(inner, ast.Import | ast.ImportFrom):
            names.update(name for name, _ in imports_of(inner))
    return names


def _prune_all(body: Iterable[ast.stmt], name: str) -> list[ast.stmt]:
    kept = (prune(statement, name) for statement in effective_body(body))
    return [statement for statement in kept if statement is not None]


def _without_definitions(statement: _Node, name: str) -> _Node:
    """Drop the definitions of other names, at any depth."""
    changed: dict[str, object] = {}
    for attribute in ("body", "orelse", "finalbody", "handlers", "cases"):
        items = getattr(statement, attribute, None)
        if not items:
            continue
        kept = [
            _without_definitions(item, name) if not isinstance(item, _DEFINITIONS) else item
            for item in items
            if not isinstance(item, _DEFINITIONS) or item.name == name
        ]
        changed[attribute] = kept or ([ast.Pass()] if attribute == "body" else [])
    return _copy(statement, **changed) if changed else statement


def _copy(node: _Node, **changed: object) -> _Node:
    fields = {name: getattr(node, name, None) for name in node._fields}
    return ast.copy_location(type(node)(**{**fields, **changed}), node)


def _last_binding(name: str, statements: list[ast.stmt]) -> list[ast.stmt]:
    """Drop what a later plain binding of the name replaces."""
    for position in range(len(statements) - 1, -1, -1):
        statement = statements[position]
        if isinstance(statement, _DEFINITIONS):
            return statements[position:]
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            plain = name in {item.id for item in ast.walk(statement) if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)}
            reads = any(isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load) for item in ast.walk(statement))
            if plain and not reads:
                return statements[position:]
    return statements


def _exports(tree: ast.Module) -> frozenset[str] | None:
    """Read ``__all__`` if it is set once, to a plain list of strings."""
    values = [
        statement
        for statement in tree.body
        if "__all__" in {name for node in local_nodes([statement]) for name in stored_names(node)}
    ]
    match values:
        case [ast.Assign(value=ast.List(elts=items) | ast.Tuple(elts=items))]:
            if all(isinstance(item, ast.Constant) for item in items):
                return frozenset(str(item.value) for item in items if isinstance(item, ast.Constant))
    return None
