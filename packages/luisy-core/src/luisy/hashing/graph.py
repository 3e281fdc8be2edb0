"""The parts of a project and what each refers to; every part is analysed once.

Rules
-----
- A *part* is one name of one module, with all of the statements that it is made of. Its digest
  covers their canonical form and what each name in them stands for, so that an import of the same
  name from another place is a change.
- A whole module (``module.py:*``) refers to each of its parts and to what it re-exports; its own
  digest covers their names and the statements that belong to no name.
- What cannot be resolved is noted, with what counts instead: a module that is used as a value;
  the own module for ``exec``, ``eval``, ``globals()``; the whole top-level package for an import
  of a computed name.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from luisy.hashing.canonical import digest_statements, effective_body
from luisy.hashing.computed import computed
from luisy.hashing.declared import declared_files, declares_files
from luisy.hashing.names import Names
from luisy.hashing.nodes import DEFINITIONS, IMPORTS, chain_of
from luisy.hashing.references import SUBCLASSES, Reference, references
from luisy.hashing.resolve import (
    WHOLE,
    External,
    Part,
    Resolver,
    Target,
    absolute,
    is_plumbing,
    labels,
)
from luisy.hashing.source import Module
from luisy.hashing.unresolved import (
    Unresolved,
    finds_file,
    may_find_files,
    undeclared_file,
    whole_modules,
    without_source,
)

_NO_TASKS = ("Parameter", "Target", "Config")


@dataclass(frozen=True, slots=True, eq=False)
class Node:
    """One part, analysed.

    Attributes:
        part: Which.
        label: Its name for people: ``my_module/util.py:scale``.
        module: Its module; None if that has no source.
        statements: What it is made of.
        digest: What it says.
        edges: What it refers to, and by which use.
        files: The data files that it declares, by their label.
        unresolved: What cannot be followed in it.
        undeclared: What finds a file of the project in it, which counts only if it is declared.
        asks_subclasses: Whether it asks a class that only the run knows for its subclasses.
    """

    part: Part
    label: str
    module: Module | None
    statements: tuple[ast.stmt, ...]
    digest: str
    edges: tuple[tuple[Target, Reference], ...] = ()
    files: tuple[tuple[str, Path], ...] = ()
    unresolved: tuple[Unresolved, ...] = ()
    undeclared: tuple[Unresolved, ...] = ()
    asks_subclasses: bool = False


@dataclass(slots=True, eq=False)
class Graph:
    """The parts that were looked at, with the top-level package of one class as project."""

    resolver: Resolver
    _nodes: dict[Part, Node] = field(default_factory=dict)
    _tasks: dict[Part, bool] = field(default_factory=dict)
    _finding: dict[Module, bool] = field(default_factory=dict)

    def node(self, part: Part) -> Node:
        """Return a part, analysed."""
        known = self._nodes.get(part)
        if known is None:
            known = self._nodes[part] = self._analyse(part, self.resolver.modules.get(part.module))
        return known

    def is_task(self, part: Part) -> bool:
        """Tell whether a part is a class that derives from a task of luigi or luisy."""
        known = self._tasks.get(part)
        if known is None:
            self._tasks[part] = False  # what derives from itself is none
            known = self._tasks[part] = any(
                _is_task(base) if isinstance(base, External) else self.is_task(base)
                for base in self.bases(part)
            )
        return known

    def bases(self, part: Part) -> Iterator[Target]:
        """Yield the base classes of a part."""
        node = self.node(part)
        for statement in node.statements if node.module and part.name != WHOLE else ():
            for base in statement.bases if isinstance(statement, ast.ClassDef) else ():
                chain = chain_of(base)
                if chain is not None and node.module is not None:
                    yield from self.resolver.resolve(node.module, Reference(*chain))

    def with_bases(self, parts: Iterable[Part]) -> list[Part]:
        """Return some parts and all of their base classes in the project, each once."""
        found: dict[Part, None] = {}
        pending = list(parts)
        while pending:
            part = pending.pop(0)
            if part not in found:
                found[part] = None
                pending += [base for base in self.bases(part) if isinstance(base, Part)]
        return list(found)

    def _analyse(self, part: Part, module: Module | None) -> Node:
        if module is None:
            return self._without_source(part)
        names = self.resolver.names(module)
        statements = _content(part, module, names)
        edges: list[tuple[Target, Reference]] = []
        described: set[str] = set()
        unresolved: set[Unresolved] = set()
        undeclared: set[Unresolved] = set()
        finds_files = self._may_find_files(module) and part.name != WHOLE
        uses = references(statements)
        for use in uses:
            targets = self.resolver.resolve(module, use)
            described.update(labels(use, (item for item in targets if item != part), self._label))
            if "__doc__" in (use.name, *use.attributes):
                described.update(self._docstrings(module, use, targets))
            described.update(_order(names, use))
            found = dict.fromkeys((*targets, *computed(self.resolver, module, use, targets)))
            edges += ((target, use) for target in found)
            whole = [item.module for item in found if isinstance(item, Part) and item.name == WHOLE]
            if whole:
                unresolved.add(whole_modules(module, use, whole))
            if finds_files and finds_file(self.resolver, use, targets):
                undeclared.add(undeclared_file(module, use))
        own = {item for item, _ in edges}
        described.update(
            f"{name} after {count}"
            for name, count in names.early.get(part.name, ())
            if Part(module.name, name) in own or names.rebindings(name)
        )
        if part.name == WHOLE:
            edges += self._all_of(module, names)
            described.update(names.statements)
        return Node(
            part,
            f"{module.label}:{part.name}",
            module,
            tuple(statements),
            digest_statements(statements, described),
            tuple(edges),
            tuple(declared_files(self.resolver, module, statements))
            if any(map(declares_files, uses))
            else (),
            tuple(sorted(unresolved)),
            tuple(sorted(undeclared)),
            any(use.name == SUBCLASSES for use in uses),
        )

    def _may_find_files(self, module: Module) -> bool:
        known = self._finding.get(module)
        if known is None:
            known = self._finding[module] = may_find_files(module)
        return known

    def _without_source(self, part: Part) -> Node:
        file = self.resolver.modules.file(part.module)
        label = f"{part.module.replace('.', '/')}:{WHOLE}"
        content = Path(file).read_bytes() if file and Path(file).is_file() else b""
        if not content:  # a namespace package has no code of its own
            return Node(part, label, None, (), hashlib.sha256(b"").hexdigest())
        digest = hashlib.sha256(content).hexdigest()
        return Node(part, label, None, (), digest, unresolved=(without_source(part.module),))

    def _all_of(self, module: Module, names: Names) -> Iterator[tuple[Target, Reference]]:
        for name in names.statements:
            yield Part(module.name, name), Reference(name)
        for name, items in names.imports.items():
            for item in items:
                if item.attribute:
                    use = Reference(name, (), (item,))
                    for target in self.resolver.resolve(module, use):
                        if not (isinstance(target, Part) and target.name == WHOLE):
                            yield target, use
        for star, _ in names.stars:
            yield from self._star(absolute(star, module))

    def _star(self, source: str) -> Iterator[tuple[Target, Reference]]:
        if self.resolver.is_project(source):
            yield Part(source, WHOLE), Reference(source)
        else:
            yield (
                External(source, self.resolver.modules.kind(source.partition(".")[0])),
                Reference(source),
            )

    def _docstrings(
        self, module: Module, use: Reference, targets: Iterable[Target]
    ) -> Iterator[str]:
        """Yield the docstrings that ``name.__doc__`` reads, and ``__doc__`` of the module."""
        if use.name == "__doc__" and not targets:
            yield f"__doc__ = {ast.get_docstring(module.tree)}"
        for target in targets if use.attributes[-1:] == ("__doc__",) else ():
            other = self.resolver.modules.get(target.module) if isinstance(target, Part) else None
            names = self.resolver.names(other).statements if other else {}
            for statement in names.get(target.name, ()):
                if isinstance(statement, DEFINITIONS):
                    yield f"{statement.name}.__doc__ = {ast.get_docstring(statement)}"

    def _label(self, module_name: str) -> str:
        module = self.resolver.modules.get(module_name)
        return module.label if module else module_name.replace(".", "/")


def _order(names: Names, use: Reference) -> Iterator[str]:
    """Tell in which order a name of the module was bound, if imports are among the bindings."""
    bindings = names.rebindings(use.name) if not use.imports else []
    if bindings:
        yield f"{use.name}: {' then '.join(bindings)}"


def _content(part: Part, module: Module, names: Names) -> list[ast.stmt]:
    if part.name != WHOLE:
        return names.statements.get(part.name, [])
    owned = {id(statement) for items in names.statements.values() for statement in items}
    return [
        statement
        for statement in effective_body(module.tree.body)
        if not isinstance(statement, IMPORTS) and id(statement) not in owned
        and not _is_compound(statement)
    ]  # fmt: skip


def _is_compound(statement: ast.stmt) -> bool:
    return hasattr(statement, "body") or isinstance(statement, ast.Match)


def _is_task(base: External) -> bool:
    is_luigi = base.top_level == "luigi" or is_plumbing(base.name)
    return is_luigi and not base.name.endswith(_NO_TASKS)
