"""The canonical form of code: the same bytes for the same meaning, on every Python version.

Rules
-----
- A node is written as its type's name and its fields, each with its name; empty fields (``None``,
  ``[]``) are left out, so that a field that a later Python adds changes nothing as long as it is
  empty.
- Left out as well: positions, expression contexts, the prefix of a string, type comments.
- Docstrings, other statements that are only a constant, and ``pass`` are dropped.
- Annotations of variables outside of class bodies are dropped, as are those of a function that
  has no decorator which could read them (``property``, ``staticmethod`` and ``classmethod`` do
  not). Those in a class body stay: they make the fields of a dataclass.
- A branch under ``if TYPE_CHECKING:`` is dropped.
- Neighbouring import statements are sorted.
- f-strings are flattened: neighbouring constants are joined, empty ones dropped, and one without
  any replacement is a plain string (Python 3.11 and 3.12 cut them differently).
- Constants are written with their type, text as UTF-8 with its length: ``repr`` of a string
  depends on the Unicode tables of the interpreter.

Limits
------
Code that reads docstrings in another way than ``f.__doc__``, or the annotations of a plain
function, at run time does not see their changes in the hash. Whatever is called
``TYPE_CHECKING`` is taken for that of `typing`. Statements that are equivalent but written
differently are different.

The form is versioned by `VERSION`: it may change only together with it, for each change of the
form makes every output in the world outdated.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from luisy.hashing.nodes import (
    DEFINITIONS,
    FUNCTIONS,
    IMPORTS,
    Function,
    children,
    is_type_checking,
)

VERSION = 1

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "simple"})
_BODIES = frozenset({"body", "orelse", "finalbody", "handlers"})
_BLIND_DECORATORS = frozenset({"property", "staticmethod", "classmethod"})


def digest_statements(statements: Iterable[ast.stmt], labels: Iterable[str] = ()) -> str:
    """Digest some statements and what their names stand for.

    Args:
        statements: The statements, in the order of execution.
        labels: What the names in them refer to; their order does not matter.
    """
    sink = hashlib.sha256(f"luisy code {VERSION}\n".encode())
    sink.update(canonical_bytes(statements))
    for label in sorted(labels):
        sink.update(b"\n" + label.encode("utf-8", "surrogatepass"))
    return sink.hexdigest()


def canonical_bytes(statements: Iterable[ast.stmt]) -> bytes:
    """Write statements in the canonical form; iterative, so that depth does not matter."""
    out: list[str] = []
    fields: set[int] = set()  # the annotated assignments that make the fields of a class
    stack: list[str | ast.AST] = [*reversed(_body(list(statements), fields))]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
        elif type(item) is ast.Name:
            out.append(f" name:{item.id}")
        elif type(item) is ast.Constant:
            out.append(_constant(item.value))
        else:
            stack += reversed(_pieces(item, fields))
    return "".join(out).encode("utf-8", "surrogatepass")


def reads_annotations(node: Function) -> bool:
    """Tell whether a decorator of a function may read its annotations."""
    return any(
        not (isinstance(decorator, ast.Name) and decorator.id in _BLIND_DECORATORS)
        and not (isinstance(decorator, ast.Attribute) and decorator.attr in {"setter", "getter"})
        for decorator in node.decorator_list
    )


def effective_body(body: Iterable[ast.stmt]) -> list[ast.stmt]:
    """Drop what has no effect: docstrings, constants, ``pass`` and type-checking branches."""
    kept: list[ast.stmt] = []
    for statement in body:
        if isinstance(statement, ast.Pass) or (
            isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
        ):
            continue
        if isinstance(statement, ast.If) and is_type_checking(statement.test):
            kept.extend(effective_body(statement.orelse))
        else:
            kept.append(statement)
    return kept


_Pieces = list[str | ast.AST]
_SPECIAL = (ast.JoinedStr, ast.AnnAssign, *DEFINITIONS)
_kept: dict[type[ast.AST], tuple[tuple[str, str], ...]] = {}


def _pieces(node: ast.AST, fields: set[int]) -> _Pieces:
    """Write a node as text and the nodes below it."""
    kind = type(node)
    if isinstance(node, _SPECIAL):
        if isinstance(node, ast.JoinedStr):
            return _joined(node)
        if isinstance(node, ast.AnnAssign) and id(node) not in fields and node.value is not None:
            return ["(Assign targets=[", node.target, "] value=", node.value, ")"]
        if isinstance(node, ast.ClassDef):
            fields.update(_fields_of(node))
        elif isinstance(node, FUNCTIONS) and not reads_annotations(node):
            node = _without_annotations(node)
    names = _kept.get(kind)
    if names is None:
        names = tuple((name, f" {name}=") for name in node._fields if name not in _SKIPPED)
        _kept[kind] = names
    pieces: _Pieces = [f"({kind.__name__}"]
    for name, head in names:
        value = getattr(node, name, None)
        if isinstance(value, ast.AST):
            pieces += (head, value)
        elif isinstance(value, list):
            if value:
                is_body = name in _BODIES and isinstance(value[0], ast.stmt)
                below = _body(value, fields) if is_body else map(_item, value)
                pieces += (head, "[", *below, "]")
        elif value is not None:
            pieces += (head, _constant(value))
    pieces.append(")")
    return pieces


def _item(value: object) -> str | ast.AST:
    return value if isinstance(value, ast.AST) else _constant(value)


def _fields_of(node: ast.ClassDef) -> Iterator[int]:
    """Yield the annotated assignments in the body of a class, also under ``if`` and the like."""
    pending: list[ast.AST] = list(node.body)
    while pending:
        item = pending.pop()
        if isinstance(item, ast.AnnAssign):
            yield id(item)
        elif not isinstance(item, (*DEFINITIONS, ast.expr)):
            pending += children(item)


def _without_annotations(
    node: Function,
) -> Function:
    """Copy a function's head with bare arguments; the body is shared."""

    def bare(argument: ast.arg | None) -> ast.arg | None:
        return ast.arg(arg=argument.arg) if argument else None

    given = node.args
    arguments = ast.arguments(
        posonlyargs=[ast.arg(arg=item.arg) for item in given.posonlyargs],
        args=[ast.arg(arg=item.arg) for item in given.args],
        vararg=bare(given.vararg),
        kwonlyargs=[ast.arg(arg=item.arg) for item in given.kwonlyargs],
        kw_defaults=given.kw_defaults,
        kwarg=bare(given.kwarg),
        defaults=given.defaults,
    )
    fields: dict[str, Any] = {name: getattr(node, name, None) for name in node._fields}
    fields |= {"args": arguments, "returns": None}
    return type(node)(**fields)


def _body(body: Sequence[ast.stmt], fields: set[int]) -> list[ast.AST]:
    statements = [
        statement
        for statement in effective_body(body)
        if not isinstance(statement, ast.AnnAssign)
        or statement.value is not None
        or id(statement) in fields
    ]
    return list(_sorted_imports(statements))


def _sorted_imports(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Sort each run of import statements; nothing that is executed lies between them."""
    result: list[ast.stmt] = []
    run: list[ast.stmt] = []
    if not any(isinstance(statement, IMPORTS) for statement in statements):
        return statements
    for statement in statements:
        if isinstance(statement, IMPORTS):
            run.append(statement)
            continue
        result += sorted(run, key=ast.unparse)
        run = []
        result.append(statement)
    return result + sorted(run, key=ast.unparse)


def _joined(node: ast.JoinedStr) -> _Pieces:
    pieces: _Pieces = []
    text = ""
    pending: list[ast.expr] = list(reversed(node.values))
    while pending:
        value = pending.pop()
        if isinstance(value, ast.JoinedStr):
            pending.extend(reversed(value.values))
        elif isinstance(value, ast.Constant):
            text += str(value.value)
        else:
            pieces += [_constant(text), value] if text else [value]
            text = ""
    if not pieces:
        return [_constant(text)]
    return ["(JoinedStr values=[", *pieces, _constant(text) if text else "", "])"]


def _constant(value: object) -> str:
    match value:
        case str():
            return f" str:{len(value)}:{value}"
        case bool() | None:
            return f" {value}"
        case bytes():
            return f" bytes:{value.hex()}"
        case int():
            return f" int:{value:x}"
        case float() | complex():
            return f" {type(value).__name__}:{value!r}"
        case _:
            return f" {type(value).__name__}"
