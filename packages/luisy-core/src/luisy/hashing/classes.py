"""Hash a class, once per process and state of its modules."""

from __future__ import annotations

import sys
from pathlib import Path

from luisy.hashing.closure import CodeHash, Graph, hash_code
from luisy.hashing.libraries import Libraries, requirements_path
from luisy.hashing.resolve import WHOLE, Part, Resolver
from luisy.hashing.source import Modules, stamp_of

_modules = Modules()
_graphs: dict[str, Graph] = {}
_libraries: dict[object, Libraries] = {}
_hashes: dict[type, tuple[object, CodeHash]] = {}


def hash_class(cls: type) -> CodeHash:
    """Hash the code that a class reaches.

    Args:
        cls: Any class, of a module, a script or a notebook.

    Returns:
        The digest and what it covers. The work is done once per process, as long as nothing is reloaded.

    Raises:
        ConfigurationError: The requirements file cannot be read.
    """
    requirements = requirements_path()
    stamp = (_file_stamp(requirements), stamp_of(cls.__module__))
    known = _hashes.get(cls)
    if known is None or known[0] != stamp:
        known = _hashes[cls] = (stamp, _hash(cls, requirements, stamp[0]))
    return known[1]


def _hash(cls: type, requirements: Path | None, requirements_stamp: object) -> CodeHash:
    home = cls.__module__.partition(".")[0]
    graph = _graphs.get(home)
    if graph is None:
        graph = _graphs[home] = Graph(Resolver(_modules, home))
    libraries = _libraries.get(requirements_stamp)
    if libraries is None:
        libraries = _libraries[requirements_stamp] = Libraries(_modules, requirements)
    return hash_code(graph, _start(cls, graph), cls.__qualname__, libraries)


def _start(cls: type, graph: Graph) -> Part:
    """Find the name in its module under which a class is defined."""
    module = _modules.get(cls.__module__)
    if module is None:
        return Part(cls.__module__, WHOLE)
    names = graph.resolver.names(module)
    top_level = cls.__qualname__.partition(".")[0]
    if top_level in names.statements:
        return Part(module.name, top_level)
    for name, value in vars(sys.modules[cls.__module__]).items():
        if value is cls and name in names.statements:
            return Part(module.name, name)
    return Part(module.name, WHOLE)


def _file_stamp(path: Path | None) -> object:
    if path is None:
        return None
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return (str(path), status.st_mtime_ns, status.st_size)
