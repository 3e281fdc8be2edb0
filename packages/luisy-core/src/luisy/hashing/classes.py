"""Hash a class, once per process and state of its modules.

Where the source cannot tell, the class itself does: its base classes as Python ordered them count
even if the source computes them, and a class that a function makes counts with that function and
with the plain values that it took from it (``make_task(factor=2)``).
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from luisy_protocol.errors import ConfigurationError

from luisy import collector
from luisy.hashing.captured import Captured, Definition, capture
from luisy.hashing.closure import Closure, CodeHash, hash_code
from luisy.hashing.effects import Effects
from luisy.hashing.graph import Graph
from luisy.hashing.libraries import Libraries, requirements_path
from luisy.hashing.resolve import WHOLE, External, Part, Resolver, Target, is_plumbing
from luisy.hashing.source import Modules


@dataclass(frozen=True, slots=True)
class _Known:
    """A hash, and for which state of the modules and declared files it is true."""

    code: CodeHash
    generation: int
    files: tuple[tuple[Path, object], ...]


@dataclass(slots=True, eq=False)
class _Process:
    """What this process knows about the code that it looked at."""

    modules: Modules = field(default_factory=Modules)
    graphs: dict[str, tuple[Graph, Effects]] = field(default_factory=dict)
    libraries: dict[object, Libraries] = field(default_factory=dict)
    hashes: dict[tuple[type, object], _Known] = field(default_factory=dict)
    generation: int = 0
    checked: float = 0.0

    def is_current(self, known: _Known, module: str) -> bool:
        """Tell whether the hash of a class of a module still holds."""
        if self.is_due(module):
            self.refresh()
        return known.generation == self.generation and all(
            _file_stamp(path) == stamp for path, stamp in known.files
        )

    def is_due(self, module: str) -> bool:
        """Tell whether to look again: now and then only, for a hash is asked for every instance."""
        return time.monotonic() - self.checked > _CHECK_EVERY or (
            module == "__main__" and not self.modules.is_current(module)  # another cell ran
        )

    def refresh(self) -> None:
        """Forget what was concluded from modules that were loaded anew."""
        generation = self.modules.refresh()
        if generation != self.generation:
            self.generation = generation
            for known in (self.graphs, self.hashes, self.libraries):
                known.clear()
        self.checked = time.monotonic()

    def graph(self, home: str) -> tuple[Graph, Effects]:
        """Return the parts as seen from one top-level package."""
        if home not in self.graphs:
            graph = Graph(Resolver(self.modules, home))
            self.graphs[home] = (graph, Effects(graph))
        return self.graphs[home]

    def versions(self, requirements: Path | None, stamp: object) -> Libraries:
        """Return the versions of libraries under a requirements file."""
        if stamp not in self.libraries:
            self.libraries[stamp] = Libraries(self.modules, requirements)
        return self.libraries[stamp]


_CHECK_EVERY = 0.05  # seconds
_process = _Process()


def hash_class(cls: type) -> CodeHash:
    """Hash the code that a class reaches.

    Args:
        cls: Any class, of a module, a script or a notebook.

    Returns:
        The digest and what it covers. The work is done once per process, as long as no module is
        reloaded, no cell run, and no declared file changed.

    Raises:
        ConfigurationError: The class has no source, a declared data file is missing, or the
            requirements file cannot be read.
    """
    requirements = requirements_path()
    stamp = _file_stamp(requirements) if requirements else None
    known = _process.hashes.get((cls, stamp))
    if known is None or not _process.is_current(known, cls.__module__):
        home = _module_of(cls)
        if _process.is_due(home) or not _process.modules.is_current(home):
            _process.refresh()
        with collector.at_rest():
            libraries = _process.versions(requirements, stamp)
            known = _process.hashes[cls, stamp] = _hash(cls, libraries)
    return known.code


def _hash(cls: type, libraries: Libraries) -> _Known:
    graph, effects = _process.graph(_module_of(cls).partition(".")[0])
    closure = Closure(graph, effects, libraries)
    generation = _process.generation
    if is_plumbing(cls.__module__):  # a class of luisy itself has no code that counts
        code = hash_code(closure, f"{cls.__module__}:{cls.__qualname__}", {})
        return _Known(code, generation, ())
    start = _start(cls, graph)
    held = Captured() if "<locals>" not in cls.__qualname__ else capture(cls, graph.node(start))
    used = [_start_of(item, graph) for item in held.definitions if _is_project(item, graph)]
    closure.walk(start, [*_bases(cls, graph), *(part for part in used if not graph.is_task(part))])
    name = f"{graph.node(start).label.rpartition(':')[0]}:{cls.__qualname__}"
    code = hash_code(closure, name, {f"{name} captured": held.text} if held.text else {})
    files = tuple((path, _file_stamp(path)) for path in closure.files.values())
    return _Known(code, generation, files)


def _start(cls: type, graph: Graph) -> Part:
    """Find the name of its module under which the class to hash is made."""
    module = _process.modules.get(_module_of(cls))
    part = _start_of(cls, graph)
    if module is None or (module.is_interactive and part.name == WHOLE):
        raise ConfigurationError(
            f"the source of {cls.__qualname__} cannot be found (module {cls.__module__}); "
            "define the class in a module that is imported, or in a notebook cell"
        )
    return part


def _start_of(definition: Definition, graph: Graph) -> Part:
    """Find the part that makes a class or function; all of its module if none shows."""
    name = _module_of(definition)
    module = _process.modules.get(name)
    statements = graph.resolver.names(module).statements if module else {}
    top_level = definition.__qualname__.partition(".")[0]
    if top_level in statements:
        return Part(name, top_level)
    for alias, value in vars(sys.modules.get(name, sys)).items():
        if value is definition and alias in statements:
            return Part(name, alias)
    return Part(name, WHOLE)


def _module_of(definition: Definition) -> str:
    """Name the module of a definition; that of ``type("T", (Task,), {})`` says ``abc``, wrongly."""
    name = definition.__module__
    if _process.modules.kind(name.partition(".")[0]) != "standard":
        return name
    holders = (
        other
        for other, module in list(sys.modules.items())
        if vars(module).get(definition.__name__) is definition
        and _process.modules.kind(other.partition(".")[0]) == "project"
    )
    return min(holders, default=name)


def _bases(cls: type, graph: Graph) -> Iterator[Target]:
    """Yield the bases and metaclasses of a class and its bases, as Python knows them."""
    for owner in cls.__mro__:
        if owner is not cls and not _is_project(owner, graph):
            continue
        for base in (*owner.__bases__, type(owner)):
            if _is_project(base, graph):
                yield _start_of(base, graph)
            elif base.__module__ != "builtins":
                kind = _process.modules.kind(base.__module__.partition(".")[0])
                yield External(f"{base.__module__}.{base.__name__}", kind)


def _is_project(definition: Definition, graph: Graph) -> bool:
    name = definition.__module__
    return (
        not is_plumbing(name)
        and graph.resolver.is_project(name)
        and _process.modules.get(name) is not None
    )


def _file_stamp(path: Path) -> object:
    try:
        status = path.stat()
    except OSError:
        return str(path)
    return (str(path), status.st_mtime_ns, status.st_size)
