"""Walk syntax trees fast: what of a node can hold other nodes is known from its type."""

from __future__ import annotations

import ast

_LEAVES = frozenset({"ctx", "op", "ops", "id", "attr", "type_comment", "type_ignores", "kind"})
_fields: dict[type[ast.AST], tuple[str, ...]] = {
    ast.Name: (),
    ast.Constant: (),
    ast.arg: ("annotation",),
    ast.Global: (),
    ast.Nonlocal: (),
}


def children(node: ast.AST) -> list[ast.AST]:
    """List the nodes directly below a node, in the order of the source."""
    kind = type(node)
    fields = _fields.get(kind)
    if fields is None:
        fields = _fields[kind] = tuple(name for name in kind._fields if name not in _LEAVES)
    found: list[ast.AST] = []
    for name in fields:
        value = getattr(node, name, None)
        if isinstance(value, list):
            found += [item for item in value if isinstance(item, ast.AST)]
        elif isinstance(value, ast.AST):
            found.append(value)
    return found
