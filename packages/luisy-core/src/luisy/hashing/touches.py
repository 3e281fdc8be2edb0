"""What the top level of a module changes when it is executed, beside the names that it binds.

Rules
-----
- A name is changed by an assignment to an item or an attribute of it, by a call of a method of it
  as a statement, and by a call as a statement that is given it and that is not a builtin.
- A decorator, a base class, a metaclass, and any other call may change what only their code tells
  (see `luisy.hashing.effects`).
- A class body is executed as well: what it calls or sets counts under the name of the class.
- The last expression of a notebook's cell is shown to a person and counts only if it calls a
  method that is known to change its object.
- Logging and the search path go into no result.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Set
from typing import NamedTuple

from luisy.hashing.namespaces import bound_by_call, bound_by_item
from luisy.hashing.nodes import (
    Chain,
    Function,
    below_definition,
    calls_in,
    chain_of,
    local_nodes,
    root_of,
    stored_names,
)
from luisy.hashing.references import MUTATORS

# With what `site` adds, and what only some versions or systems have.
BUILTINS = frozenset(dir(builtins)) | {
    "PythonFinalizationError", "WindowsError", "copyright", "credits", "exit", "help", "license",
    "quit",
}  # fmt: skip


class Touch(NamedTuple):
    """Something in a top-level statement that may change what another name is bound to.

    Attributes:
        owner: The name of this module under which the statement counts.
        chain: What is changed, or the function that may change something.
        kind: ``change`` of the chain itself; ``call`` of the chain; ``decorator``, or ``factory``
            of one, which is handed the owner; ``base``, from which the owner derives, or its
            ``metaclass``.
        given: What a call is given by position, as far as it has a name.
    """

    owner: str
    chain: Chain
    kind: str
    given: tuple[Chain | None, ...] = ()


def touches(statement: ast.stmt, data: Set[str], *, shown: bool) -> list[Touch]:
    """List the side effects of a statement on what it does not bind."""
    found: list[Touch] = []
    counted: set[int] = set()  # the calls that were looked at with the statement around them
    for node in local_nodes([statement]):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                found += _changes(bound_by_item(node, data))
                found += _touch_of_target(node)
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found += _touch_of_target(node)
            case ast.AugAssign(target=ast.Name(id=name)):
                found.append(Touch(name, (name, ()), "change"))
            case ast.Expr(value=value):
                counted.update(id(call) for call in calls_in([value]))
                found += _touches_of_expression(value, data, shown=shown)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                counted.update(
                    id(call) for item in below_definition(node) for call in calls_in([item])
                )
                found += _touches_of_definition(node, node.name)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                calls = list(calls_in([value]))
                counted.update(map(id, calls))
                found += [_touch_of_call(name, call) for call in calls for name in _bound_by(node)]
            case ast.Call() if id(node) not in counted and chain_of(node.func):
                found.append(_touch_of_call("", node))
    return [touch for touch in found if not _is_harmless(touch.chain)]


def _changes(names: Iterable[str]) -> Iterator[Touch]:
    return (Touch(name, (name, ()), "change") for name in names)


def _touch_of_target(node: ast.Subscript | ast.Attribute) -> Iterator[Touch]:
    chain = root_of(node)
    if chain is not None:
        yield Touch(chain[0], chain, "change")


def _touch_of_call(owner: str, call: ast.Call) -> Touch:
    chain = root_of(call.func) or ("", ())
    given = tuple(map(chain_of, call.args))
    return Touch(owner or f"{'.'.join((chain[0], *chain[1]))}()", chain, "call", given)


def _touches_of_definition(node: Function | ast.ClassDef, owner: str) -> Iterator[Touch]:
    for decorator in node.decorator_list:
        is_factory = isinstance(decorator, ast.Call)
        chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if chain is not None:
            yield Touch(owner, chain, "factory" if is_factory else "decorator")
    if not isinstance(node, ast.ClassDef):
        return
    metaclasses = [keyword.value for keyword in node.keywords if keyword.arg == "metaclass"]
    for kind, values in (("base", node.bases), ("metaclass", metaclasses)):
        for chain in filter(None, map(chain_of, values)):
            yield Touch(owner, chain, kind)
    own = {name for item in local_nodes(node.body) for name in stored_names(item)}
    yield from (touch for touch in _touches_of_body(node, owner) if touch.chain[0] not in own)


def _touches_of_body(node: ast.ClassDef, owner: str) -> Iterator[Touch]:
    """Yield what the body of a class changes when it is executed."""
    for item in local_nodes(node.body):
        match item:
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                chain = root_of(item)
                if chain is not None:
                    yield Touch(owner, chain, "change")
            case ast.Call():
                yield _touch_of_call(owner, item)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from _touches_of_definition(item, owner)


def _touches_of_expression(value: ast.expr, data: Set[str], *, shown: bool) -> Iterator[Touch]:
    """Yield what a statement changes that is only an expression.

    It counts under what it changes, and under ``function()`` for what the function may change.
    """
    for call in calls_in([value]):
        chain = root_of(call.func)
        if chain is None or _is_harmless(chain):
            continue
        is_plain = chain_of(call.func) is not None
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if shown and method not in MUTATORS:
            continue
        yield from _changes(bound_by_call(call, data))
        if not is_plain:
            # What a function returned is changed, and no object that a class just made.
            if isinstance(call.func, ast.Attribute) and not (chain[0], *chain[1])[-1][:1].isupper():
                yield Touch(chain[0], chain, "change")
            continue
        yield _touch_of_call("", call)
        if chain[1]:
            yield Touch(chain[0], (chain[0], chain[1][:-1]), "change")
        if chain[0] in {"setattr", "delattr"} and call.args:
            yield from _touch_of_setattr(call)
        if chain[0] in BUILTINS and chain[0] not in data:
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


def _is_harmless(chain: Chain) -> bool:
    """Tell whether what is changed or called goes into no result: logs, the search path."""
    return chain[0] == "logging" or (chain[0] == "sys" and chain[1][:1] in {("path",), ("exit",)})


def _bound_by(statement: ast.stmt) -> list[str]:
    return sorted({name for node in local_nodes([statement]) for name in stored_names(node)})
