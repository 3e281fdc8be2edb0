"""Names that are bound through a namespace: ``globals()["a"] = ...``, ``exec(text)``.

Where the name is a plain string, it is bound; where it is computed, any data of the module may be.
"""

from __future__ import annotations

import ast
from collections.abc import Set

from luisy.hashing.source import Module

_OPENERS = ("exec", "globals", "vars", "locals", "modules")


def is_open(module: Module) -> bool:
    """Tell whether something in a module may bind names that cannot be read."""
    return module.mentions(*_OPENERS) and any(map(_opens, ast.walk(module.tree)))


def is_namespace(node: ast.expr) -> bool:
    """Tell whether an expression is ``globals()`` or the like, or ``sys.modules[__name__]``."""
    match node:
        case ast.Call(func=ast.Name(id="globals" | "vars" | "locals"), args=[]):
            return True
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Name(id="__name__")):
            return True
    return False


def bound_by_item(node: ast.Subscript, data: Set[str]) -> Set[str]:
    """Name what ``globals()["a"] = ...`` binds."""
    return _named(node.slice, data) if is_namespace(node.value) else frozenset()


def bound_by_call(call: ast.Call, data: Set[str]) -> Set[str]:
    """Name what ``globals().update(a=1)``, ``exec(text)`` and the like may bind."""
    match call:
        case ast.Call(func=ast.Attribute(value=space)) if is_namespace(space):
            return data
        case ast.Call(func=ast.Name(id="exec"), args=[_, *spaces]) if all(
            map(is_namespace, spaces)
        ):
            return data
        case ast.Call(func=ast.Name(id="setattr"), args=[space, name, _]) if is_namespace(space):
            return _named(name, data)
    return frozenset()


def _named(name: ast.expr, data: Set[str]) -> Set[str]:
    """Read the name that a plain string says; if it is computed, it may be any of the data."""
    match name:
        case ast.Constant(value=str(text)):
            return {text}
    return data


def _opens(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="exec")) | ast.Attribute(ast.Name("sys"), "modules"):
            return True
        case ast.Call():
            return is_namespace(node)
    return False
