"""What counts for code that finds other code by a value.

Rules
-----
- ``import_module("a.b")`` and ``__import__("a.b")`` are that module, as a whole; also if the name
  is a constant of the module (``NAME = "a.b"``). ``sys.modules["a.b"]`` is as well, and what
  ``pkgutil``, ``pydoc`` and ``runpy`` find by such a name.
- For any other name, and for ``sys.modules`` used in another way, all of the own top-level
  package counts; if the module is in none, every module beside it.
- For ``exec``, ``eval``, ``globals()``, and ``vars()`` or ``locals()`` at the top level, all of
  the own module.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator

from luisy.hashing.nodes import Import
from luisy.hashing.references import Reference
from luisy.hashing.resolve import WHOLE, External, Part, Resolver, Target
from luisy.hashing.source import Module

_OWN_MODULE = frozenset({"exec", "eval", "globals", "locals", "vars"})
_IMPORTERS = frozenset(
    {"importlib.import_module", "importlib.reload", "pkgutil.resolve_name", "pydoc.locate"}
    | {"runpy.run_module", "runpy.run_path", "importlib.util.spec_from_file_location"}
)


def computed(
    resolver: Resolver, module: Module, use: Reference, targets: tuple[Target, ...]
) -> Iterator[Target]:
    """Yield what counts for a use beside what it refers to by name.

    Args:
        resolver: To follow what is imported.
        module: Where the use stands.
        use: A name that is used.
        targets: What the name stands for.
    """
    called = external_names(use, targets)
    if "sys.modules" in called and not use.imports:
        yield from _everything(resolver, module)
    if use.call is None:
        return
    if called & _IMPORTERS or (not targets and use.name == "__import__"):
        yield from _imported(resolver, module, use.call)
    elif not targets and use.name in _OWN_MODULE and not use.attributes:
        is_local = use.name in {"vars", "locals"} and (use.call.args or use.depth)
        if not is_local:
            yield Part(module.name, WHOLE)


def external_names(use: Reference, targets: Iterable[Target]) -> set[str]:
    """Write out what a use may name outside of the project, with its attributes and without.

    They belong to it in ``util.f`` after ``from importlib import util``, but not in ``project.f``
    where that module imports ``f``.
    """
    names = {item.name for item in targets if isinstance(item, External)}
    if use.attributes:
        names |= {".".join((name, *use.attributes)) for name in names}
    return names


def _imported(resolver: Resolver, module: Module, call: ast.Call) -> Iterator[Target]:
    package: ast.expr | None = call.args[1] if len(call.args) > 1 else None
    for keyword in call.keywords:
        package = keyword.value if keyword.arg == "package" else package
    name = _constant(resolver, module, call.args[0]) if call.args else None
    if name is not None:
        name = _as_module(resolver, name)
    if name is not None and (not name.startswith(".") or _is_own(package)):
        yield from resolver.resolve(module, Reference("", (), (Import(name),)))
    else:
        yield from _everything(resolver, module)


def _as_module(resolver: Resolver, name: str) -> str | None:
    """Cut ``a.b:f`` and ``a.b.f`` down to the module ``a.b``; None for what is no module."""
    name = name.partition(":")[0]
    if name.startswith("."):
        return name
    while name and not resolver.modules.exists(name):
        name = name.rpartition(".")[0]
    return name or None


def _constant(resolver: Resolver, module: Module, node: ast.expr) -> str | None:
    """Read a string, or a name of the module that is bound to one and to nothing else."""
    if isinstance(node, ast.Name):
        match resolver.names(module).statements.get(node.id, []):
            case [ast.Assign(targets=[ast.Name()], value=value)]:
                node = value
    match node:
        case ast.Constant(value=str(name)):
            return name
    return None


def _is_own(package: ast.expr | None) -> bool:
    return isinstance(package, ast.Name) and package.id in {"__package__", "__name__"}


def _everything(resolver: Resolver, module: Module) -> Iterator[Target]:
    yield Part(module.name, WHOLE)
    top_level = module.name.partition(".")[0]
    for name in resolver.modules.submodules(top_level):
        yield Part(name, WHOLE)
