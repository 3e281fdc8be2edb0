"""The source of a part as a person reads it in a diff.

It is shown as it was written, without comments and docstrings. What was cut out of a compound
statement is written anew, for no place of the source shows it so.
"""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

from luisy.hashing.nodes import DEFINITIONS, Function
from luisy.hashing.source import Module

_LARGEST_FILE = 100_000


def show(module: Module, statements: Iterable[ast.stmt]) -> str:
    """Render statements of a module."""
    lines = module.text.splitlines()
    intact = {id(statement) for statement in module.tree.body}
    return "\n".join(
        _as_written(statement, lines) if id(statement) in intact else ast.unparse(statement) + "\n"
        for statement in statements
    )


def show_file(path: Path) -> str:
    """Show the text of a data file, or its size if it is none or very long."""
    content = path.read_bytes()
    if len(content) <= _LARGEST_FILE and b"\0" not in content:
        try:
            return content.decode("utf-8")
        except UnicodeDecodeError:
            pass
    return f"{path.name}: {len(content)} bytes\n"


def _as_written(statement: ast.stmt, lines: list[str]) -> str:
    first = min(
        [statement.lineno, *(item.lineno for item in getattr(statement, "decorator_list", ()))]
    )
    text = "\n".join(lines[first - 1 : statement.end_lineno])
    hidden = {
        line - first + 1
        for node in ast.walk(statement)
        if isinstance(node, DEFINITIONS)
        for line in _docstring_lines(node)
    }
    try:
        shown = _without_comments(text)
    except (tokenize.TokenError, IndentationError, SyntaxError):
        return ast.unparse(statement) + "\n"
    kept = [
        line.rstrip()
        for number, line in enumerate(shown.splitlines(), 1)
        if number not in hidden and line.strip()
    ]
    return "\n".join(kept) + "\n"


def _docstring_lines(node: Function | ast.ClassDef) -> range:
    match node.body:
        case [ast.Expr(value=ast.Constant(value=str())) as docstring, _, *_]:
            return range(docstring.lineno, (docstring.end_lineno or docstring.lineno) + 1)
    return range(0)


def _without_comments(text: str) -> str:
    lines = text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            row, column = token.start
            lines[row - 1] = lines[row - 1][:column]
    return "\n".join(lines)
