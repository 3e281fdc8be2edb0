"""Whether a function or method changes its arguments, seen from its code alone.

A change is an assignment to an item or an attribute, ``setattr`` and ``delattr``, or a call of a
method that is known to change its object.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from luisy.hashing.nodes import FUNCTIONS, Function, chain_of, container, local_nodes
from luisy.hashing.references import MUTATORS

_SETATTR = (("setattr", ()), ("delattr", ()))


def methods_named(statements: Iterable[ast.stmt], name: str) -> Iterator[Function]:
    """Yield the methods of a name that the classes among some statements define."""
    for statement in statements:
        for item in statement.body if isinstance(statement, ast.ClassDef) else ():
            if isinstance(item, FUNCTIONS) and item.name == name:
                yield item


def own_calls(method: Function) -> Iterator[str]:
    """Name the methods that a method calls on its first argument, in nested functions too."""
    for node in ast.walk(method):
        chain = chain_of(node.func) if isinstance(node, ast.Call) else None
        if chain is not None and chain[0] == _first(method) and len(chain[1]) == 1:
            yield chain[1][0]


def changes_first(method: Function, depth: int) -> bool:
    """Tell whether a method changes its first argument, down to a depth of functions."""
    return changes(method, _first(method), depth)


def changes(function: Function, name: str, depth: int) -> bool:
    """Tell whether a function changes what a name of it stands for."""
    pending = [(function, 1)]
    while pending:
        function, level = pending.pop()
        for node in local_nodes(function.body):
            if isinstance(node, FUNCTIONS) and level < depth:
                pending.append((node, level + 1))
            changed: ast.expr | None = None
            if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(
                node.ctx, ast.Load
            ):
                changed = container(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changed = container(node.func.value) if node.func.attr in MUTATORS else None
            elif isinstance(node, ast.Call) and chain_of(node.func) in _SETATTR and node.args:
                changed = node.args[0]
            chain = chain_of(changed) if changed is not None else None
            if chain is not None and chain[0] == name:
                return True
    return False


def _first(method: Function) -> str:
    arguments = [*method.args.posonlyargs, *method.args.args]
    return arguments[0].arg if arguments else ""
