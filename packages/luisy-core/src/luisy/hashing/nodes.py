"""Read syntax nodes: what is below one, what it binds, what it imports.

What of a node can hold other nodes is known from its type, so that walking is fast.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
DEFINITIONS = (*FUNCTIONS, ast.ClassDef)
IMPORTS = (ast.Import, ast.ImportFrom)
Function = ast.FunctionDef | ast.AsyncFunctionDef

_LEAVES = frozenset({"ctx", "op", "ops", "id", "attr", "type_comment", "type_ignores", "kind"})
_fields: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Name: (),
    ast.Constant: (),
    ast.arg: ("annotation",),
    ast.Global: (),
    ast.Nonlocal: (),
}

_ENDS = frozenset(kind for kind, fields in _fields.items() if not fields)

Chain = tuple[str, tuple[str, ...]]


class Import(NamedTuple):
    """What an import statement binds a name to.

    Attributes:
        module: The dotted name as written; with leading dots if relative.
        attribute: The name taken from it; empty for the module itself.
    """

    module: str
    attribute: str = ""


def children(node: ast.AST) -> list[ast.AST]:
    """List the nodes directly below a node, in the order of the source."""
    kind = type(node)
    fields = _fields.get(kind)
    if fields is None:
        fields = _fields[kind] = tuple(name for name in kind._fields if name not in _LEAVES)
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            found.append(value)
        elif isinstance(value, list):
            for item in value:  # a loop, for a comprehension would be a call
                if isinstance(item, ast.AST):
                    found.append(item)  # noqa: PERF401
    return found


def chain_of(node: ast.expr) -> Chain | None:
    """Read ``a.b.c`` as ``("a", ("b", "c"))``; None for anything else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return node.id, tuple(reversed(attributes))
    return None


def container(node: ast.expr) -> ast.expr:
    """Strip the items from ``a.b["c"]``, down to the chain that is changed."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def root_of(node: ast.expr) -> Chain | None:
    """Read the chain at the start of ``a.b["c"].d`` or ``a.b().c``: ``a.b``."""
    while (chain := chain_of(node)) is None:
        match node:
            case ast.Attribute(value=inner) | ast.Subscript(value=inner) | ast.Call(func=inner):
                node = inner
            case _:
                return None
    return chain


def calls_in(roots: Iterable[ast.AST]) -> Iterator[ast.Call]:
    """Yield the calls that are executed in the scope of some nodes."""
    return (node for node in local_nodes(roots) if isinstance(node, ast.Call))


def imports_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    """Yield each name that an import statement binds, and to what; ``*`` for a star import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, Import(alias.name)
            else:
                top_level = alias.name.partition(".")[0]
                yield top_level, Import(top_level)
    else:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            yield alias.asname or alias.name, Import(module, alias.name)


def stored_names(node: ast.AST) -> tuple[str, ...]:
    """Return the names that one node itself binds in the scope it stands in."""
    if isinstance(node, ast.Name):
        return () if isinstance(node.ctx, ast.Load) else (node.id,)
    attribute = _BINDERS.get(type(node))
    name = getattr(node, attribute) if attribute else None
    return (name,) if name else ()


_BINDERS: dict[type[ast.AST], str] = {
    ast.FunctionDef: "name",
    ast.AsyncFunctionDef: "name",
    ast.ClassDef: "name",
    ast.ExceptHandler: "name",
    ast.MatchAs: "name",
    ast.MatchStar: "name",
    ast.MatchMapping: "rest",
}


def is_type_checking(test: ast.expr) -> bool:
    """Tell whether a condition is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    chain = chain_of(test)
    return chain is not None and (chain[0], *chain[1])[-1] == "TYPE_CHECKING"


def defaults_of(arguments: ast.arguments) -> list[ast.expr]:
    """List the defaults of arguments."""
    return [*arguments.defaults, *(item for item in arguments.kw_defaults if item is not None)]


def local_nodes(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk what is evaluated in the scope of some nodes, and yield nested definitions as they are.

    Comprehensions are entered, for a walrus in one binds outside; their own targets are left out.
    """
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        kind = type(node)
        if kind not in _ENDS:
            stack += _LOCAL.get(kind, children)(node)


def executed_nodes(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk what is executed with some nodes: their scope, and the bodies of classes in it."""
    pending = list(roots)
    while pending:
        for node in local_nodes([pending.pop()]):
            yield node
            if isinstance(node, ast.ClassDef):
                pending += node.body


def below_definition(node: ast.AST) -> list[ast.AST]:
    """List what a definition evaluates in the scope around it."""
    found: list[ast.AST] = list(getattr(node, "decorator_list", ()))
    if isinstance(node, ast.ClassDef):
        found += [*node.bases, *node.keywords]
    elif isinstance(node, (*FUNCTIONS, ast.Lambda)):
        found += defaults_of(node.args)
    return found


def _below_comprehension(node: ast.AST) -> list[ast.AST]:
    return [node.iter, *node.ifs] if isinstance(node, ast.comprehension) else []


def _below_if(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.If) and is_type_checking(node.test):
        return list(node.orelse)
    return children(node)


_LOCAL: dict[type[ast.AST], Callable[[ast.AST], list[ast.AST]]] = {
    ast.FunctionDef: below_definition,
    ast.AsyncFunctionDef: below_definition,
    ast.ClassDef: below_definition,
    ast.Lambda: below_definition,
    ast.comprehension: _below_comprehension,
    ast.If: _below_if,
}
