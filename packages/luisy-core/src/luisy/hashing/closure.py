"""The hash of a class's code: everything that it reaches, and what each part of it says.

Rules
-----
- From the class its references are followed, then those of what they reach, until nothing new is
  found, and with each name what changes it from elsewhere (see `luisy.hashing.effects`). Cycles
  are fine.
- A class that is reached counts whole: bases, metaclass, decorators, methods, nested classes.
- What is installed counts by its version. The standard library, luisy and luigi never count.
- Tasks that a task requires enter by their own hash, not as parts: a task class that is named
  only in the decorators ``requires`` and ``inherits`` of the hashed class, in its methods named
  ``requires`` (or those of its bases), or in a function that is only called from there, is left
  to the hash of the instance. A task class that is used anywhere else, as in ``run``, counts as
  code, with all that it reaches, for nothing else would notice its change.

Limits
------
Values that are computed when a module is imported, and everything that is read from outside
(environment, files that are not declared, the network), are known by the code that reads them
only. So is a file beside the code, found by ``__file__`` or ``importlib.resources``, and a script
that is started as a process: they are among the unresolved until they are declared
(`luisy.reads_files`).
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from luisy.hashing.changes import library_part
from luisy.hashing.display import show, show_file
from luisy.hashing.effects import Effects
from luisy.hashing.graph import Graph, Node
from luisy.hashing.libraries import Libraries
from luisy.hashing.references import SUBCLASSES, Reference
from luisy.hashing.resolve import External, Part, Target, is_plumbing
from luisy.hashing.unresolved import Unresolved

_VERSION = b"luisy class 1\n"
_HAND_OVER = frozenset({"requires", "inherits"})


@dataclass(frozen=True, slots=True)
class CodeHash:
    """The hash of the code of a class.

    Attributes:
        digest: 64 hexadecimal digits.
        parts: The digest or version of each part, by its name: ``my_module/util.py:scale``,
            ``my_module/util.py:*`` (a whole module), ``library:pandas``,
            ``file:my_module/data.json``.
        reached_from: For each part the part by which it was first reached, empty for the class.
        sources: The source of each part, for people; worked out when it is asked for.
        unresolved: What could not be followed, and what finds a file that is not declared.
    """

    digest: str
    parts: Mapping[str, str]
    reached_from: Mapping[str, str]
    sources: Mapping[str, str]
    unresolved: tuple[Unresolved, ...] = ()


@dataclass(slots=True, eq=False)
class Closure:
    """Walks from one class over everything that it reaches.

    Attributes:
        nodes: The parts that were reached, by their label.
        versions: The versions of the libraries, by their name.
        files: The declared data files, by their label.
        origin: By which part each was reached first.
    """

    graph: Graph
    effects: Effects
    libraries: Libraries
    nodes: dict[str, Node] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    files: dict[str, Path] = field(default_factory=dict)
    origin: dict[str, str] = field(default_factory=dict)
    _full: dict[Part, bool] = field(default_factory=dict)
    _read: dict[Part, bool] = field(default_factory=dict)
    _libraries: dict[Part, tuple[str, bool]] = field(default_factory=dict)
    _queue: deque[Part] = field(default_factory=deque)
    _family: frozenset[Part] = frozenset()

    def walk(self, start: Part, bases: Iterable[Target]) -> None:
        """Walk from a class, and from base classes that only Python itself knows."""
        if self.graph.is_task(start):
            known = [base for base in bases if isinstance(base, Part)]
            self._family = frozenset(self.graph.with_bases([start, *known]))
        self._reach(start, "", full=True)
        self._read[start] = True
        for base in bases:
            self._take(base, self.graph.node(start).label, full=True)
        while self._queue:
            self._drain()
            self._add_effects()

    def undeclared(self) -> Iterator[Unresolved]:
        """Yield what finds files, where no part on the way to it declares any."""
        for label, node in self.nodes.items():
            if node.undeclared and not any(map(self._declares, self._way(label))):
                yield from node.undeclared

    def _way(self, label: str) -> Iterator[str]:
        """Yield a part, the part by which it was reached, and so on, up to the class."""
        seen: set[str] = set()
        while label and label not in seen:
            seen.add(label)
            yield label
            label = self.origin.get(label, "")

    def _declares(self, label: str) -> bool:
        return label in self.nodes and bool(self.nodes[label].files)

    def _drain(self) -> None:
        while self._queue:
            part = self._queue.popleft()
            node = self.graph.node(part)
            for target, use in node.edges:
                full = self._full[part] and not self._is_requirement(node, use)
                self._take(target, node.label, full=full)
                if isinstance(target, Part) and not (
                    (use.is_change and use.attributes[-1:] != (target.name,))
                    or (not full and self.graph.is_task(target))
                ):
                    self._read[target] = self._read.get(target, False) or full
            for label, path in node.files:
                self.files[f"file:{label}"] = path
                self.origin.setdefault(f"file:{label}", node.label)

    def _take(self, target: Target, origin: str, *, full: bool) -> None:
        if isinstance(target, Part):
            if full or not self.graph.is_task(target):
                self._reach(target, origin, full=full)
            return
        if is_plumbing(target.name):
            return
        self._libraries.setdefault(library_part(target), (origin, full))
        if target.kind != "standard":
            for name, version in self.libraries.of(target.name):
                self.versions[f"library:{name}"] = version
                self.origin.setdefault(f"library:{name}", origin)

    def _reach(self, part: Part, origin: str, *, full: bool) -> None:
        before = self._full.get(part)
        if before or before is full:
            return
        self._full[part] = full
        label = self.graph.node(part).label
        self.nodes[label] = self.graph.node(part)
        self.origin.setdefault(label, origin)
        self._queue.append(part)

    def _add_effects(self) -> None:
        causes = self.effects.on({part.module for part in self._full})
        asked = {
            target
            for node in self.nodes.values()
            for target, use in node.edges
            if SUBCLASSES in use.attributes
        }
        asks_any = any(node.asks_subclasses for node in self.nodes.values())
        for part, full in list(self._read.items()):
            for cause in causes.get(part, ()):
                self._take(cause, self.graph.node(part).label, full=full)
            if asks_any or part in asked:
                for cause in causes.get(Part(part.module, f"{part.name}.{SUBCLASSES}"), ()):
                    self._take(cause, self.graph.node(part).label, full=full)
                    self._read.setdefault(cause, full)
        for part, (origin, full) in list(self._libraries.items()):
            for cause in causes.get(part, ()):
                self._take(cause, origin, full=full)

    def _is_requirement(self, node: Node, use: Reference) -> bool:
        """Tell whether a use only says which tasks the hashed task requires."""
        if node.part not in self._family or not use.method:
            return False
        if not use.method.startswith("@"):
            return use.method == "requires"
        name, *attributes = use.method[1:].split(".")
        if node.module is None:
            return False
        targets = self.graph.resolver.resolve(node.module, Reference(name, tuple(attributes)))
        return any(
            isinstance(item, External)
            and is_plumbing(item.name)
            and (*item.name.split("."), *attributes)[-1] in _HAND_OVER
            for item in targets
        )


def hash_code(closure: Closure, name: str, captured: Mapping[str, str]) -> CodeHash:
    """Sum up what a walk has reached.

    Args:
        closure: The walk.
        name: The name of the class, with its module.
        captured: Values that the class holds without a name in a module, by their label.
    """
    digests = {label: node.digest for label, node in closure.nodes.items()}
    contents = {label: digest_file(path) for label, path in closure.files.items()}
    values = {
        label: hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
        for label, text in captured.items()
    }
    parts = dict(sorted((digests | closure.versions | contents | values).items()))
    start = next(iter(closure.nodes), "")
    origin = {part: closure.origin.get(part, start) for part in parts}
    unresolved = {note for node in closure.nodes.values() for note in node.unresolved}
    unresolved.update(closure.undeclared())
    fixed = dict(captured) | {
        part: f"{part.partition(':')[2]} {version}\n" for part, version in closure.versions.items()
    }
    sources = Sources(closure.nodes, closure.files, fixed)
    return CodeHash(_digest(name, parts), parts, origin, sources, tuple(sorted(unresolved)))


def digest_file(path: Path) -> str:
    """Digest the content of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Sources(Mapping[str, str]):
    """The sources of parts, rendered when they are asked for."""

    __slots__ = ("_files", "_fixed", "_nodes")

    def __init__(
        self, nodes: Mapping[str, Node], files: Mapping[str, Path], fixed: Mapping[str, str]
    ) -> None:
        self._nodes = nodes
        self._files = files
        self._fixed = fixed

    def __getitem__(self, part: str) -> str:
        node = self._nodes.get(part)
        if node is not None:
            return show(node.module, node.statements) if node.module else ""
        if part in self._files:
            return show_file(self._files[part])
        return self._fixed[part]

    def __iter__(self) -> Iterator[str]:
        yield from sorted([*self._nodes, *self._files, *self._fixed])

    def __len__(self) -> int:
        return len(self._nodes) + len(self._files) + len(self._fixed)


def _digest(name: str, parts: Mapping[str, str]) -> str:
    text = "\n".join([name, *(f"{part}\t{value}" for part, value in sorted(parts.items()))])
    return hashlib.sha256(_VERSION + text.encode("utf-8", "surrogatepass")).hexdigest()
