"""What each name of a module's top level is made of.

Rules
-----
- A name is made of every statement of the top level that binds it (definition, assignment,
  augmented and annotated assignment, unpacking, ``for``, ``with``, ``except``, walrus, match
  capture, ``del``) and of every one that may change what it is bound to: an assignment to an item
  or an attribute of it, a call of a method of it as a statement, a call as a statement that is
  given it and that is not a builtin.
- Imports at the top level are not code: they are followed.
- In an ``if`` or ``match`` only the branches that concern the name stay, with their conditions.
  In a loop, a ``with`` or a ``try`` everything but the definitions of other names stays, for each
  statement may decide whether the next one is executed.
- ``if TYPE_CHECKING`` is never entered; ``if __name__ == "__main__"`` only if the module is
  ``__main__``.
- In a notebook the last definition wins: what a later plain binding replaces is dropped. The last
  expression of a cell is shown to a person and counts only if it calls a method that is known to
  change its object.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import TypeVar

from luisy.hashing.canonical import effective_body
from luisy.hashing.nodes import (
    DEFINITIONS,
    Chain,
    Function,
    Import,
    chain_of,
    container,
    imports_of,
    local_nodes,
    stored_names,
)
from luisy.hashing.references import MUTATORS
from luisy.hashing.source import Module

_COMPOUND = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
_BUILTINS = frozenset(dir(builtins))

_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Touch:
    """Something in a top-level statement that may change what another name is bound to.

    Attributes:
        owner: The name of this module under which the statement counts.
        chain: What is changed, or the function that may change something.
        kind: ``change`` of the chain itself; ``call`` of the chain; ``decorator``, or ``factory``
            of one, which is handed the owner; ``base``, from which the owner derives, or its
            ``metaclass``.
    """

    owner: str
    chain: Chain
    kind: str


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The index of a module's top level.

    Attributes:
        statements: What each name is made of, in the order of execution.
        imports: What each imported name may be.
        plain_imports: The dotted names of ``import a.b`` statements.
        stars: The modules of star imports, as written.
        exports: ``__all__`` if it is a plain list of strings, else None.
        touches: The side effects of the module's import.
    """

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    plain_imports: list[str] = field(default_factory=list)
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


def prune(statement: ast.stmt, name: str, data: Set[str]) -> ast.stmt | None:
    """Cut a compound statement down to what concerns a name; None if nothing does."""
    if name not in _concerned(statement, data):
        return None
    if isinstance(statement, ast.If):
        body = _prune_all(statement.body, name, data)
        orelse = _prune_all(statement.orelse, name, data)
        return _copy(statement, body=body or [ast.Pass()], orelse=orelse)
    if isinstance(statement, ast.Match):
        cases = [
            _copy(case, body=_prune_all(case.body, name, data) or [ast.Pass()])
            for case in statement.cases
        ]
        return _copy(statement, cases=cases)
    if isinstance(statement, _COMPOUND):
        return _without_definitions(statement, name)
    return statement


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


def _index_statement(statement: ast.stmt, names: Names, data: Set[str], *, shown: bool) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        _index_import(statement, names)
        return
    touches = _touches(statement, data, shown=shown)
    names.touches.extend(touches)
    concerned = {name for node in local_nodes([statement]) for name in stored_names(node)}
    concerned |= {touch.owner for touch in touches}
    for node in local_nodes([statement]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _index_import(node, names)
            concerned |= {name for name, _ in imports_of(node) if name != "*"}
    for name in concerned:
        kept = prune(statement, name, data) if isinstance(statement, _COMPOUND) else statement
        if kept is not None:
            names.statements.setdefault(name, []).append(kept)


def _index_import(node: ast.Import | ast.ImportFrom, names: Names) -> None:
    if isinstance(node, ast.Import):
        names.plain_imports.extend(alias.name for alias in node.names)
    for name, target in imports_of(node):
        if name == "*":
            names.stars.append(target.module)
        else:
            names.imports.setdefault(name, []).append(target)


def _touches(statement: ast.stmt, data: Set[str], *, shown: bool) -> list[Touch]:
    """List the side effects of a statement on what it does not bind."""
    found: list[Touch] = []
    for node in local_nodes([statement]):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                found += _touch_of_chain(container(node))
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found += _touch_of_chain(node)
            case ast.Expr(value=value):
                found += _touches_of_expression(value, data, shown=shown)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                found += _touches_of_definition(node)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                found += [
                    Touch(name, chain, "call")
                    for chain, _ in _calls(value)
                    for name in _bound_by(node)
                ]
    return found


def _touch_of_chain(node: ast.expr) -> Iterator[Touch]:
    chain = chain_of(node)
    if chain is not None:
        yield Touch(chain[0], chain, "change")


def _touches_of_definition(
    node: Function | ast.ClassDef,
) -> Iterator[Touch]:
    for decorator in node.decorator_list:
        is_factory = isinstance(decorator, ast.Call)
        chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if chain is not None:
            yield Touch(node.name, chain, "factory" if is_factory else "decorator")
    if not isinstance(node, ast.ClassDef):
        return
    metaclasses = [keyword.value for keyword in node.keywords if keyword.arg == "metaclass"]
    for kind, values in (("base", node.bases), ("metaclass", metaclasses)):
        for chain in filter(None, map(chain_of, values)):
            yield Touch(node.name, chain, kind)


def _touches_of_expression(value: ast.expr, data: Set[str], *, shown: bool) -> Iterator[Touch]:
    """Yield what a statement changes that is only an expression.

    It counts under what it changes, and under ``function()`` for what the function may change.
    """
    for chain, call in _calls(value):
        if shown and not MUTATORS.intersection(chain[1][-1:]):
            continue
        yield Touch(".".join((chain[0], *chain[1])) + "()", chain, "call")
        if chain[1]:
            yield Touch(chain[0], (chain[0], chain[1][:-1]), "change")
        if chain[0] in {"setattr", "delattr"} and call.args:
            yield from _touch_of_setattr(call)
        if chain[0] in _BUILTINS and chain[0] not in data:
            continue
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            given = chain_of(argument)
            if given is not None and given[0] in data:
                yield Touch(given[0], given, "change")


def _touch_of_setattr(call: ast.Call) -> Iterator[Touch]:
    """Yield what ``setattr(a, "b", value)`` changes: ``a.b``, or ``a`` if the name is computed."""
    chain = chain_of(call.args[0])
    if chain is None:
        return
    yield Touch(chain[0], chain, "change")
    match call.args[1:2]:
        case [ast.Constant(value=str(name))]:
            yield Touch(chain[0], (chain[0], (*chain[1], name)), "change")


def _calls(value: ast.expr) -> Iterator[tuple[Chain, ast.Call]]:
    for node in local_nodes([value]):
        chain = chain_of(node.func) if isinstance(node, ast.Call) else None
        if chain is not None and isinstance(node, ast.Call):
            yield chain, node


def _bound_by(statement: ast.stmt) -> list[str]:
    return sorted({name for node in local_nodes([statement]) for name in stored_names(node)})


def _concerned(statement: ast.stmt, data: Set[str]) -> set[str]:
    """Name what a statement binds, imports or may change."""
    names = {touch.owner for touch in _touches(statement, data, shown=False)}
    for node in local_nodes([statement]):
        names.update(stored_names(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(name for name, _ in imports_of(node))
    return names


def _prune_all(body: Iterable[ast.stmt], name: str, data: Set[str]) -> list[ast.stmt]:
    kept = (prune(statement, name, data) for statement in effective_body(body))
    return [statement for statement in kept if statement is not None]


def _without_definitions(statement: _Node, name: str) -> _Node:
    """Drop the definitions of other names, at any depth."""
    changed: dict[str, object] = {}
    for attribute in ("body", "orelse", "finalbody", "handlers", "cases"):
        items = getattr(statement, attribute, None)
        if not items:
            continue
        kept = [
            _without_definitions(item, name) if not isinstance(item, DEFINITIONS) else item
            for item in items
            if not isinstance(item, DEFINITIONS) or item.name == name
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
        if isinstance(statement, DEFINITIONS):
            return statements[position:]
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            plain = name in {
                item.id
                for item in ast.walk(statement)
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            }
            reads = any(
                isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)
                for item in ast.walk(statement)
            )
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
                return frozenset(
                    str(item.value) for item in items if isinstance(item, ast.Constant)
                )
    return None
