"""The canonical form of code: the same bytes for the same meaning, on every Python version.

Rules
-----
- A node is written as its type's name and its fields, each with its name; empty fields (``None``, ``[]``)
  are left out, so that a field that a later Python adds changes nothing as long as it is empty.
- Left out as well: positions, expression contexts, the prefix of a string, type comments.
- Docstrings, other statements that are only a constant, and ``pass`` are dropped.
- Annotations of variables outside of class bodies are dropped, as are those of a function that has no
  decorator which could read them (``property``, ``staticmethod`` and ``classmethod`` do not). Those in a
  class body stay: they make the fields of a dataclass.
- A branch under ``if TYPE_CHECKING:`` is dropped.
- Neighbouring import statements are sorted.
- f-strings are flattened: neighbouring constants are joined, empty ones dropped, and one without any
  replacement is a plain string (Python 3.11 and 3.12 cut them differently).
- Constants are written with their type, text as UTF-8 with its length: ``repr`` of a string depends on the
  Unicode tables of the interpreter.

Limits
------
Code that reads docstrings (``f.__doc__``) or the annotations of a plain function at run time does not see
their changes in the hash. Statements that are equivalent but written differently are different.

The form is versioned by `VERSION`: it may change only together with it, for each change of the form makes
every output in the world outdated.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Sequence

VERSION = 1

_SKIPPED = frozenset({"ctx", "kind", "type_comment", "type_ignores", "simple"})
_BODIES = frozenset({"body", "orelse", "finalbody", "handlers"})
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
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
    # What is on the stack: text to write, or (node, is it directly in a class body).
    stack: list[str | tuple[ast.AST, bool]] = []
    _push_body(stack, list(statements), in_class=False)
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            out.append(item)
        else:
            _expand(item[0], stack, in_class=item[1])
    return "".join(out).encode("utf-8", "surrogatepass")


def reads_annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> bool:
    """Tell whether a decorator of a function may read its annotations."""
    return any(
        not (isinstance(decorator, ast.Name) and decorator.id in _BLIND_DECORATORS)
        and not (isinstance(decorator, ast.Attribute) and decorator.attr in {"setter", "getter"})
        for decorator in node.decorator_list
    )


def is_type_checking(test: ast.expr) -> bool:
    """Tell whether a condition is ``TYPE_CHECKING`` or ``typing.TYPE_CHECKING``."""
    if isinstance(test, ast.Attribute):
        return test.attr == "TYPE_CHECKING"
    return isinstance(test, ast.Name) and test.id == "TYPE_CHECKING"


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


_Stack = list[str | tuple[ast.AST, bool]]


def _expand(node: ast.AST, stack: _Stack, *, in_class: bool) -> None:
    """Push what a node consists of, the last first."""
    if isinstance(node, ast.Constant):
        stack.append(_constant(node.value))
        return
    if isinstance(node, ast.JoinedStr):
        _push_joined(node, stack)
        return
    fields = _fields(node, in_class=in_class)
    inside = isinstance(node, ast.ClassDef) or (in_class and not isinstance(node, _FUNCTIONS))
    stack.append(")")
    for name, value in reversed(fields):
        if isinstance(value, list):
            stack.append("]")
            if name in _BODIES and all(isinstance(item, ast.stmt) for item in value):
                _push_body(stack, value, in_class=inside)
            else:
                _push_all(stack, value, in_class=inside)
            stack.append(f" {name}=[")
        else:
            _push_all(stack, [value], in_class=False)
            stack.append(f" {name}=")
    stack.append(f"({type(node).__name__}")


def _fields(node: ast.AST, *, in_class: bool) -> list[tuple[str, object]]:
    dropped = _SKIPPED
    if isinstance(node, _FUNCTIONS) and not reads_annotations(node):
        dropped = _SKIPPED | {"returns"}
        node = _without_annotations(node)
    elif isinstance(node, ast.AnnAssign) and not in_class:
        dropped = _SKIPPED | {"annotation"}
    fields = ((name, getattr(node, name, None)) for name in node._fields if name not in dropped)
    return [(name, value) for name, value in fields if value is not None and value != []]


def _without_annotations(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
) -> ast.FunctionDef | ast.AsyncFunctionDef:
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
    fields = {name: getattr(node, name, None) for name in node._fields}
    return type(node)(**{**fields, "args": arguments})


def _push_body(stack: _Stack, body: Sequence[ast.stmt], *, in_class: bool) -> None:
    statements = [
        statement
        for statement in effective_body(body)
        if in_class or not isinstance(statement, ast.AnnAssign) or statement.value is not None
    ]
    for statement in reversed(_sorted_imports(statements)):
        stack.append((statement, in_class))


def _sorted_imports(statements: list[ast.stmt]) -> list[ast.stmt]:
    """Sort each run of import statements; nothing that is executed lies between them."""
    result: list[ast.stmt] = []
    run: list[ast.stmt] = []
    for statement in statements:
        if isinstance(statement, ast.Import | ast.ImportFrom):
            run.append(statement)
            continue
        result += sorted(run, key=ast.unparse)
        run = []
        result.append(statement)
    return result + sorted(run, key=ast.unparse)


def _push_all(stack: _Stack, values: Sequence[object], *, in_class: bool) -> None:
    for value in reversed(values):
        if isinstance(value, ast.AST):
            stack.append((value, in_class))
        elif value is None:
            stack.append(" None")
        else:
            stack.append(_constant(value))


def _push_joined(node: ast.JoinedStr, stack: _Stack) -> None:
    pieces: list[str | ast.AST] = []
    pending: list[ast.expr] = list(reversed(node.values))
    while pending:
        value = pending.pop()
        if isinstance(value, ast.JoinedStr):
            pending.extend(reversed(value.values))
        elif not isinstance(value, ast.Constant):
            pieces.append(value)
        elif pieces and isinstance(pieces[-1], str):
            pieces[-1] += str(value.value)
        elif value.value:
            pieces.append(str(value.value))
    if all(isinstance(piece, str) for piece in pieces):
        stack.append(_constant("".join(piece for piece in pieces if isinstance(piece, str))))
        return
    stack.append("])")
    for piece in reversed(pieces):
        stack.append(_constant(piece) if isinstance(piece, str) else (piece, False))
    stack.append("(JoinedStr values=[")


def _constant(value: object) -> str:
    match value:
        case bool() | None:
            return f" {value}"
        case str():
            return f" str:{len(value)}:{value}"
        case bytes():
            return f" bytes:{value.hex()}"
        case int():
            return f" int:{value:x}"
        case float() | complex():
            return f" {type(value).__name__}:{value!r}"
        case _:
            return f" {type(value).__name__}"
