"""The hash of a class's code: everything that it reaches, and what each part of it says.

Rules
-----
- From the statements of the class the references are followed, then those of what they reach, until nothing
  new is found. A *part* is one name of one module with all of its statements; its digest covers their
  canonical form and what each name in them stands for. Cycles are fine.
- A class that is reached counts whole: bases, metaclass, decorators, methods, nested classes.
- What is installed counts by its version. The standard library, luisy and luigi never count.
- Tasks that a task requires enter by their own hash, not as parts: a task class that is named only in the
  decorators ``requires`` and ``inherits`` of the hashed class, in its methods named ``requires`` (or those of
  its bases), or in a function that is only called from there, is left to the hash of the
  instance. A task class that is used anywhere else, as in ``run``, counts as code, with all that it reaches.
- What cannot be resolved counts as a whole, and is listed: a module that is used as a value or through a
  computed ``getattr``; the own module for ``exec``, ``eval``, ``globals()``; the whole top-level package for
  an import of a computed name.
"""

from __future__ import annotations

import ast
import builtins
import hashlib
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from luisy.hashing.canonical import digest_statements, effective_body
from luisy.hashing.display import show
from luisy.hashing.libraries import Libraries, is_plumbing
from luisy.hashing.resolve import WHOLE, External, Part, Resolver, Target, labels
from luisy.hashing.scope import Import, Reference, chain_of, references
from luisy.hashing.source import Module

_VERSION = b"luisy class 1\n"
_OWN_MODULE = frozenset({"exec", "eval", "globals", "locals", "vars"})
_BUILTINS = frozenset(dir(builtins))
_DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


@dataclass(frozen=True, slots=True, order=True)
class Unresolved:
    """Code that cannot be followed, so that more than it may need counts.

    Attributes:
        file: The module, by its path below the project.
        line: The line.
        expression: The code, as written.
        taken: What counts instead.
    """

    file: str
    line: int
    expression: str
    taken: str


@dataclass(frozen=True, slots=True)
class CodeHash:
    """The hash of the code of a class.

    Attributes:
        digest: 64 hexadecimal digits.
        parts: The digest or version of each part, by its name: ``my_module/util.py:scale``,
            ``my_module/util.py:*``, ``library:pandas``, ``file:my_module/data.json``.
        reached_from: For each part the part by which it was first reached, empty for the class.
        sources: The source of each part, for people; worked out when it is asked for.
        unresolved: What could not be followed.
    """

    digest: str
    parts: Mapping[str, str]
    reached_from: Mapping[str, str]
    sources: Mapping[str, str]
    unresolved: tuple[Unresolved, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One part, analysed."""

    part: Part
    label: str
    module: Module | None
    statements: tuple[ast.stmt, ...]
    digest: str
    edges: tuple[tuple[Target, Reference], ...]
    unresolved: tuple[Unresolved, ...] = ()


class Sources(Mapping[str, str]):
    """The sources of parts, rendered on demand."""

    __slots__ = ("_fixed", "_nodes")

    def __init__(self, nodes: Mapping[str, Node], fixed: Mapping[str, str]) -> None:
        self._nodes = nodes
        self._fixed = fixed

    def __getitem__(self, part: str) -> str:
        node = self._nodes.get(part)
        if node is None:
            return self._fixed[part]
        return show(node.module, node.statements) if node.module else ""

    def __iter__(self) -> Iterator[str]:
        yield from self._nodes
        yield from self._fixed

    def __len__(self) -> int:
        return len(self._nodes) + len(self._fixed)


@dataclass(slots=True)
class Graph:
    """The analysed parts, for one home package; each is analysed once."""

    resolver: Resolver
    nodes: dict[Part, Node] = field(default_factory=dict)
    tasks: dict[Part, bool] = field(default_factory=dict)

    def node(self, part: Part) -> Node:
        """Analyse a part."""
        module = self.resolver.modules.get(part.module)
        known = self.nodes.get(part)
        if known is None or known.module is not module:
            known = self.nodes[part] = self._analyse(part, module)
        return known

    def is_task(self, part: Part) -> bool:
        """Tell whether a part is a class that derives from a luigi or luisy task."""
        known = self.tasks.get(part)
        if known is None:
            self.tasks[part] = False  # a class that derives from itself is none
            known = self.tasks[part] = any(
                _is_task_name(base) if isinstance(base, External) else self.is_task(base)
                for base in self.bases(part)
            )
        return known

    def bases(self, part: Part) -> Iterator[Target]:
        """Yield the base classes of a part."""
        node = self.node(part)
        if node.module is None or part.name == WHOLE:
            return
        for statement in node.statements:
            for base in statement.bases if isinstance(statement, ast.ClassDef) else ():
                chain = chain_of(base)
                if chain is not None:
                    yield from self.resolver.resolve(node.module, Reference(*chain))

    def _analyse(self, part: Part, module: Module | None) -> Node:
        if module is None:
            digest = hashlib.sha256(f"no source: {part.module}".encode()).hexdigest()
            label = f"{part.module.replace('.', '/')}:{part.name}"
            return Node(part, label, None, (), digest, ())
        statements, uses = self._content(part, module)
        edges: dict[tuple[Target, str], tuple[Target, Reference]] = {}
        described: set[str] = set()
        unresolved: set[Unresolved] = set()
        for use in uses:
            targets = [item for item in self.resolver.resolve(module, use) if item != part]
            dynamic = self._dynamic(module, use, targets)
            described.update(labels(use, targets, self._labels(targets)))
            for target in [*targets, *dynamic]:
                if isinstance(target, Part) and target.name == WHOLE:
                    unresolved.add(_unresolved(module, use, target))
                if target != part:
                    edges.setdefault((target, use.method), (target, use))
        if module is not None and part.name == WHOLE:
            edges = {key: edge for key, edge in edges.items() if key[0] != part}
        return Node(
            part, f"{module.label}:{part.name}", module, tuple(statements),
            digest_statements(statements, described), tuple(edges.values()), tuple(sorted(unresolved)),
        )  # fmt: skip

    def _content(self, part: Part, module: Module) -> tuple[list[ast.stmt], list[Reference]]:
        names = self.resolver.names(module)
        if part.name != WHOLE:
            statements = names.statements.get(part.name, [])
            return statements, references(statements)
        statements = [
            statement
            for statement in effective_body(module.tree.body)
            if not isinstance(statement, ast.Import | ast.ImportFrom)
        ]
        uses = references(statements)
        used = {use.name for use in uses}
        for name, items in names.imports.items():
            uses += [Reference(name) for item in items if item.attribute and name not in used]
        return statements, uses

    def _labels(self, targets: list[Target]) -> dict[str, str]:
        found = {}
        for target in targets:
            if isinstance(target, Part):
                module = self.resolver.modules.get(target.module)
                found[target.module] = module.label if module else target.module
        return found

    def _dynamic(self, module: Module, use: Reference, targets: list[Target]) -> list[Target]:
        """Return what counts for a call that cannot be followed."""
        call = use.call
        if call is None:
            return []
        names = {item.name for item in targets if isinstance(item, External)}
        if not targets and use.name in _OWN_MODULE and not use.attributes:
            if use.name in {"vars", "locals"} and (call.args or use.method):
                return []
            return [Part(module.name, WHOLE)]
        imports = names & {"importlib.import_module", "importlib"} and (
            "importlib.import_module" in names or use.attributes == ("import_module",)
        )
        if not imports and (targets or use.name != "__import__"):
            return []
        return self._imported(module, call)

    def _imported(self, module: Module, call: ast.Call) -> list[Target]:
        match call.args:
            case [ast.Constant(value=str(name)), *_] if not name.startswith("."):
                return list(self.resolver.resolve(module, Reference("", (), (Import(name),))))
            case [ast.Constant(value=str(name)), *_]:
                return list(self.resolver.resolve(module, Reference("", (), (Import(name),))))
        package = module.name.partition(".")[0]
        return [Part(name, WHOLE) for name in self.resolver.modules.submodules(package)]


def hash_code(graph: Graph, start: Part, qualname: str, libraries: Libraries) -> CodeHash:
    """Hash everything that a class reaches."""
    nodes: dict[str, Node] = {}
    versions: dict[str, str] = {}
    origin: dict[str, str] = {graph.node(start).label: ""}
    full: dict[Part, bool] = {start: True}
    queue = deque([(start, True)])
    family = _family(graph, start)
    unresolved: set[Unresolved] = set()
    while queue:
        part, whole = queue.popleft()
        node = graph.node(part)
        nodes[node.label] = node
        unresolved.update(node.unresolved)
        for target, use in node.edges:
            if isinstance(target, External):
                for name, version in _versions(target, libraries):
                    versions[f"library:{name}"] = version
                    origin.setdefault(f"library:{name}", node.label)
                continue
            follow = whole and not (part in family and _is_requirement(graph, node, use))
            if not follow and graph.is_task(target):
                continue
            if full.get(target, False) or (target in full and not follow):
                continue
            full[target] = follow
            origin.setdefault(graph.node(target).label, node.label)
            queue.append((target, follow))
    parts = {label: node.digest for label, node in nodes.items()} | versions
    parts = dict(sorted(parts.items()))
    name = f"{graph.node(start).label.rpartition(':')[0]}:{qualname}"
    shown = {part: f"{part.partition(':')[2]} {version}" for part, version in versions.items()}
    return CodeHash(
        _digest(name, parts), parts, origin, Sources(nodes, shown), tuple(sorted(unresolved))
    )


def _digest(name: str, parts: Mapping[str, str]) -> str:
    text = "\n".join([name, *(f"{part}\t{value}" for part, value in sorted(parts.items()))])
    return hashlib.sha256(_VERSION + text.encode("utf-8", "surrogatepass")).hexdigest()


def _family(graph: Graph, start: Part) -> set[Part]:
    """Return a task class and its bases: where ``requires`` means its own requirements."""
    if not graph.is_task(start):
        return set()
    found = {start}
    pending = [start]
    while pending:
        for base in graph.bases(pending.pop()):
            if isinstance(base, Part) and base not in found:
                found.add(base)
                pending.append(base)
    return found


def _is_requirement(graph: Graph, node: Node, use: Reference) -> bool:
    if not use.method.startswith("@"):
        return use.method == "requires"
    name, *attributes = use.method[1:].split(".")
    if node.module is None or (attributes or [name])[-1] not in {"requires", "inherits"}:
        targets: tuple[Target, ...] = ()
        if node.module is not None and not attributes:
            targets = graph.resolver.resolve(node.module, Reference(name))
        return any(
            isinstance(item, External) and is_plumbing(item.name)
            and item.name.rpartition(".")[2] in {"requires", "inherits"}
            for item in targets
        )  # fmt: skip
    targets = graph.resolver.resolve(node.module, Reference(name, tuple(attributes)))
    return any(isinstance(item, External) and is_plumbing(item.name) for item in targets)


def _is_task_name(base: External) -> bool:
    return is_plumbing(base.name) or base.name.startswith("luigi.")


def _versions(target: External, libraries: Libraries) -> tuple[tuple[str, str], ...]:
    if target.kind == "standard" or is_plumbing(target.name):
        return ()
    return libraries.of(target.name)


def _unresolved(module: Module, use: Reference, target: Part) -> Unresolved:
    if use.call is not None:
        expression = ast.unparse(use.call)
    else:
        expression = ".".join((use.name, *use.attributes))
    taken = f"all of {target.module.replace('.', '/')}"
    return Unresolved(module.label, use.line, expression, taken)
