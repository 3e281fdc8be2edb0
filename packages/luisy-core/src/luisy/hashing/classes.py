"""Hash a class, once per process and state of its modules.

Where the source cannot tell, the class itself does: its base classes as Python ordered them count even if the
source computes them, and a class that a function makes counts with that function and with the plain values that
it took from it (``make_task(factor=2)``).
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.errors import ConfigurationError

from luisy.hashing.captured import Captured, Definition, capture
from luisy.hashing.closure import Closure, CodeHash, hash_code
from luisy.hashing.effects import Effects
from luisy.hashing.graph import Graph
from luisy.hashing.libraries import Libraries, is_plumbing, requirements_path
from luisy.hashing.resolve import WHOLE, External, Part, Resolver, Target
from luisy.hashing.source import Module, Modules


@dataclass(frozen=True, slots=True)
class _Known:
    """A hash and what it is true for."""

    code: CodeHash
    modules: tuple[tuple[str, Module | None], ...]
    files: tuple[tuple[Path, object], ...]


_modules = Modules()
_graphs: dict[str, tuple[Graph, Effects]] = {}
_libraries: dict[object, Libraries] = {}
_hashes: dict[tuple[type, object], _Known] = {}


def hash_class(cls: type) -> CodeHash:
    """Hash the code that a class reaches.

    Args:
        cls: Any class, of a module, a script or a notebook.

    Returns:
        The digest and what it covers. The work is done once per process, as long as no module is reloaded,
        no cell run, and no declared file changed.

    Raises:
        ConfigurationError: The class has no source, a declared data file is missing, or the requirements file
            cannot be read.
    """
    requirements = requirements_path()
    stamp = _file_stamp(requirements) if requirements else None
    known = _hashes.get((cls, stamp))
    if known is None or not _is_current(known):
        libraries = _libraries.get(stamp)
        if libraries is None:
            libraries = _libraries[stamp] = Libraries(_modules, requirements)
        known = _hashes[cls, stamp] = _hash(cls, libraries)
    return known.code


def _is_current(known: _Known) -> bool:
    return all(_modules.get(name) is module for name, module in known.modules) and all(
        _file_stamp(path) == stamp for path, stamp in known.files
    )


def _hash(cls: type, libraries: Libraries) -> _Known:
    home = cls.__module__.partition(".")[0]
    if home not in _graphs:
        graph = Graph(Resolver(_modules, home))
        _graphs[home] = (graph, Effects(graph))
    graph, effects = _graphs[home]
    closure = Closure(graph, effects, libraries)
    if is_plumbing(cls.__module__):  # a class of luisy itself has no code that counts
        return _Known(hash_code(closure, f"{cls.__module__}:{cls.__qualname__}", {}), (), ())
    start = _start(cls, graph)
    held = Captured() if "<locals>" not in cls.__qualname__ else capture(cls, graph.node(start))
    used = [_start_of(item, graph) for item in held.definitions if _is_project(item, graph)]
    closure.walk(start, [*_bases(cls, graph), *(part for part in used if not graph.is_task(part))])
    name = f"{graph.node(start).label.rpartition(':')[0]}:{cls.__qualname__}"
    code = hash_code(closure, name, {f"{name} captured": held.text} if held.text else {})
    files = tuple((path, _file_stamp(path)) for path in closure.files.values())
    return _Known(code, tuple(closure.modules.items()), files)


def _start(cls: type, graph: Graph) -> Part:
    """Find the name of its module under which the class to hash is made."""
    module = _modules.get(cls.__module__)
    if module is None:
        raise ConfigurationError(
            f"the source of {cls.__qualname__} cannot be found (module {cls.__module__}); "
            "define the class in a file or in a notebook cell"
        )
    return _start_of(cls, graph)


def _start_of(definition: Definition, graph: Graph) -> Part:
    """Find the part in which a class or function of the project is made; all of its module if none shows."""
    name = definition.__module__
    module = _modules.get(name)
    statements = graph.resolver.names(module).statements if module else {}
    top_level = definition.__qualname__.partition(".")[0]
    if top_level in statements:
        return Part(name, top_level)
    for alias, value in vars(sys.modules.get(name, sys)).items():
        if value is definition and alias in statements:
            return Part(name, alias)
    return Part(name, WHOLE)


def _bases(cls: type, graph: Graph) -> Iterator[Target]:
    """Yield the bases and metaclasses of a class and of its bases in the project, as Python knows them."""
    for owner in cls.__mro__:
        if owner is not cls and not _is_project(owner, graph):
            continue
        for base in (*owner.__bases__, type(owner)):
            if _is_project(base, graph):
                yield _start_of(base, graph)
            elif base.__module__ != "builtins":
                kind = _modules.kind(base.__module__.partition(".")[0])
                yield External(f"{base.__module__}.{base.__name__}", kind)


def _is_project(definition: Definition, graph: Graph) -> bool:
    name = definition.__module__
    return (
        not is_plumbing(name)
        and graph.resolver.is_project(name)
        and _modules.get(name) is not None
    )


def _file_stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return (str(path), status.st_mtime_ns, status.st_size)
