"""The data files that a definition declares with `luisy.reads_files`.

The decorator is read from the source, so its arguments are plain strings. The files are found
beside the module of the definition.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from pathlib import Path

from luisy_protocol.errors import ConfigurationError

from luisy.hashing.nodes import DEFINITIONS, chain_of
from luisy.hashing.references import Reference
from luisy.hashing.resolve import External, Resolver, is_plumbing
from luisy.hashing.source import Module


def declares_files(use: Reference) -> bool:
    """Tell whether a use may be the decorator, by its name only."""
    return use.call is not None and (use.name == "reads_files" or "reads_files" in use.attributes)


def declared_files(
    resolver: Resolver, module: Module, statements: Iterable[ast.stmt]
) -> Iterator[tuple[str, Path]]:
    """Yield the files that the definitions among some statements declare, by their label."""
    for statement in statements:
        for node in ast.walk(statement) if isinstance(statement, DEFINITIONS) else ():
            for decorator in getattr(node, "decorator_list", ()):
                if isinstance(decorator, ast.Call) and _reads_files(resolver, module, decorator):
                    yield from _declared(resolver, module, decorator)


def _reads_files(resolver: Resolver, module: Module, decorator: ast.Call) -> bool:
    chain = chain_of(decorator.func)
    if chain is None or "reads_files" not in (chain[0], *chain[1]):
        return False
    targets = resolver.resolve(module, Reference(*chain))
    return any(isinstance(item, External) and is_plumbing(item.name) for item in targets)


def _declared(
    resolver: Resolver, module: Module, decorator: ast.Call
) -> Iterator[tuple[str, Path]]:
    folder = resolver.modules.folder(module.name)
    for argument in decorator.args:
        if not (isinstance(argument, ast.Constant) and isinstance(argument.value, str)):
            raise ConfigurationError(
                f"{module.label}, line {decorator.lineno}: reads_files takes plain strings, "
                f"not {ast.unparse(argument)}"
            )
        yield from _matching(module, folder, argument.value, decorator.lineno)


def _matching(module: Module, folder: Path, pattern: str, line: int) -> Iterator[tuple[str, Path]]:
    top = module.label.rpartition("/")[0]
    found = sorted(path for path in folder.glob(pattern) if path.is_file())
    if not found:
        raise ConfigurationError(
            f"{module.label}, line {line}: reads_files('{pattern}') matches no file in {folder}"
        )
    for path in found:
        relative = path.relative_to(folder).as_posix()
        yield (f"{top}/{relative}" if top else relative), path
