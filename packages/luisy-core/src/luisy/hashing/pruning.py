"""What of the statements that concern a name counts for it.

Rules
-----
- In an ``if`` or ``match`` only the branches that concern the name stay, with their conditions.
- In a loop, a ``with`` or a ``try`` everything but the definitions of other names stays, for each
  statement may decide whether the next one is executed.
- In a notebook what a later plain binding replaces is dropped.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Set
from typing import TypeVar

from luisy.hashing.canonical import effective_body
from luisy.hashing.nodes import DEFINITIONS, IMPORTS, imports_of, local_nodes, stored_names
from luisy.hashing.touches import touches

COMPOUND = (
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

_Node = TypeVar("_Node", bound=ast.AST)


def prune(statement: ast.stmt, name: str, data: Set[str]) -> ast.stmt | None:
    """Cut a compound statement down to what concerns a name; None if nothing does."""
    if name not in concerned(statement, data):
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
    if isinstance(statement, COMPOUND):
        return _without_definitions(statement, name)
    return statement


def concerned(statement: ast.stmt, data: Set[str]) -> set[str]:
    """Name what a statement binds, imports or may change."""
    names = {touch.owner for touch in touches(statement, data, shown=False)}
    for node in local_nodes([statement]):
        names.update(stored_names(node))
        if isinstance(node, IMPORTS):
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


def last_binding(name: str, statements: list[ast.stmt]) -> list[ast.stmt]:
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
