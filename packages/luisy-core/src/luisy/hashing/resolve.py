"""What a name of a module stands for, followed through imports and attributes.

Rules
-----
- A name that a module binds by a statement is that name of that module, a *part*. A name that it
  imports is what is imported; ``module.attribute`` chains are followed through modules, to just
  that attribute.
- What a package binds goes before a submodule of the same name.
- A module that is used as a value, or whose attribute nobody binds (``__getattr__``), counts as a
  whole.
- What lies in an installed distribution or the standard library is *external*, a dotted name.
- A name that nothing binds may come from a star import of an external module; else it is a
  builtin. If it is none of these, and the module binds names in a way that cannot be read
  (``exec``, ``globals()``, ``sys.modules``), all of the module counts.
- A star import that follows a binding of a name may replace it: both count.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from luisy.hashing.names import Names, index
from luisy.hashing.nodes import Import
from luisy.hashing.references import Reference
from luisy.hashing.source import Module, Modules
from luisy.hashing.touches import BUILTINS

WHOLE = "*"

# The packages of luisy itself; they never count.
OWN = frozenset({"luisy", "luisy_protocol", "luisy_cloud", "luisy_dirs", "minus80", "firecrest"})


class Part(NamedTuple):
    """A name of a project's module; `WHOLE` for all of it."""

    module: str
    name: str


@dataclass(frozen=True, slots=True, order=True)
class External:  # no tuple: as such it could equal a part
    """Something outside of the project, by the dotted name under which it was imported."""

    name: str
    kind: str

    @property
    def top_level(self) -> str:
        """The package or module to import."""
        return self.name.partition(".")[0]


Target = Part | External


class Resolver:
    """Resolves names, with the top-level package of one class as project."""

    def __init__(self, modules: Modules, home: str) -> None:
        self.modules = modules
        self.home = home
        self._names: dict[Module, Names] = {}
        self._asked: set[tuple[str, str]] = set()

    def names(self, module: Module) -> Names:
        """Return the index of a module, made once."""
        known = self._names.get(module)
        if known is None:
            known = self._names[module] = index(module)
        return known

    def resolve(self, module: Module, reference: Reference) -> tuple[Target, ...]:
        """Return everything that a reference in a module may stand for, in a fixed order."""
        found: dict[Target, None] = {}
        if reference.imports:
            for item in reference.imports:
                self._follow(module, item, reference.attributes, found, set())
        else:
            self._name(module, reference.name, reference.attributes, found, set())
            if not found and not reference.is_own:
                found.update((part, None) for part in self._unknown(module, reference.name))
        return tuple(found)

    def is_project(self, module: str) -> bool:
        """Tell whether a module's code counts by its source."""
        top_level = module.partition(".")[0]
        if top_level in OWN:
            return False
        return top_level == self.home or self.modules.kind(top_level) == "project"

    def _name(
        self,
        module: Module,
        name: str,
        attributes: tuple[str, ...],
        found: dict[Target, None],
        seen: set[object],
    ) -> None:
        key = (module.name, name, attributes)
        if key in seen:
            return
        seen.add(key)
        names = self.names(module)
        if name in names.statements and not self._is_setting(module, name):
            found[Part(module.name, name)] = None
        for item in names.imports.get(name, ()):
            self._follow(module, item, attributes, found, seen)
        if names.stars:
            last = names.last_bound(name)
            if not names.has(name) or any(position > last for _, position in names.stars):
                self._stars(module, name, attributes, found, seen, after=last)

    def _unknown(self, module: Module, name: str) -> Iterator[Part]:
        """Yield the modules that may bind a name in a way that cannot be seen."""
        names = self.names(module)
        if names.has(name) or name in BUILTINS or name in names.typing_only:
            return
        stars = (absolute(star, module) for star, _ in names.stars)
        others = [self.modules.get(star) for star in stars if self.is_project(star)]
        for item in (module, *filter(None, others)):
            if self.names(item).is_open and not item.is_interactive:
                yield Part(item.name, WHOLE)

    def _is_setting(self, module: Module, name: str) -> bool:
        """Tell whether a name is made only of calls into luisy, such as ``set_working_dir``."""
        names = self.names(module)
        imports = names.imports.get(name, [])
        return (
            bool(imports)
            and all(
                is_plumbing(f"{absolute(item.module, module)}.{item.attribute}") for item in imports
            )
            and all(isinstance(statement, ast.Expr) for statement in names.statements[name])
        )

    def _stars(
        self,
        module: Module,
        name: str,
        attributes: tuple[str, ...],
        found: dict[Target, None],
        seen: set[object],
        *,
        after: int = -1,
    ) -> None:
        for star, position in reversed(self.names(module).stars):
            if position < after:
                continue
            source = absolute(star, module)
            if not self.is_project(source):
                found[self._external(f"{source}.{name}")] = None
                continue
            other = self.modules.get(source)
            if other is None:
                continue
            names = self.names(other)
            if names.exported(name) and (names.has(name) or names.stars):
                before = len(found)
                self._name(other, name, attributes, found, seen)
                if len(found) > before and names.has(name):
                    return

    def _follow(
        self,
        module: Module,
        item: Import,
        attributes: tuple[str, ...],
        found: dict[Target, None],
        seen: set[object],
    ) -> None:
        source = absolute(item.module, module)
        chain = (item.attribute, *attributes) if item.attribute else attributes
        if item.attribute == WHOLE:
            chain = attributes
        self._module(source, chain, found, seen, given=bool(item.attribute))

    def _module(
        self,
        source: str,
        chain: tuple[str, ...],
        found: dict[Target, None],
        seen: set[object],
        *,
        given: bool = False,
    ) -> None:
        """Follow a chain of attributes that starts at a module."""
        while True:
            if not self.is_project(source):
                while chain and not given and self.modules.is_namespace(source):
                    source, chain = f"{source}.{chain[0]}", chain[1:]
                dotted = f"{source}.{chain[0]}" if given and chain else source
                found[self._external(dotted)] = None
                return
            if not chain:
                found[Part(source, WHOLE)] = None
                return
            if (source, chain[0]) in self._asked:  # it stars a module that imports this from it
                return
            module = self.modules.get(source)
            if module is not None and self._bound(module, chain[0]):
                before = len(found)
                self._name(module, chain[0], chain[1:], found, seen)
                if len(found) > before or not self._is_submodule(module, chain[0]):
                    return
            if not self.modules.exists(f"{source}.{chain[0]}"):
                break
            source, chain, given = f"{source}.{chain[0]}", chain[1:], False
        if chain[0] == "__dict__" or not (chain[0].startswith("__") and chain[0].endswith("__")):
            found[Part(source, WHOLE)] = None

    def _is_submodule(self, module: Module, name: str) -> bool:
        """Tell whether a package imports a module of its own: ``from . import name``."""
        return any(
            (absolute(item.module, module), item.attribute) == (module.name, name)
            for item in self.names(module).imports.get(name, ())
        )

    def _bound(self, module: Module, name: str) -> bool:
        names = self.names(module)
        if names.has(name):
            return True
        if not names.stars:
            return False
        found: dict[Target, None] = {}
        self._asked.add((module.name, name))
        try:
            self._stars(module, name, (), found, set())
        finally:
            self._asked.discard((module.name, name))
        return bool(found) and not self.modules.exists(f"{module.name}.{name}")

    def _external(self, dotted: str) -> External:
        return External(dotted, self.modules.kind(dotted.partition(".")[0]))


def is_plumbing(dotted: str) -> bool:
    """Tell whether an import is of luisy's own packages or of luigi, which never count."""
    words = dotted.split(".")
    return words[0] in OWN or (words[0] == "luigi" and words[1:2] != ["contrib"])


def absolute(name: str, module: Module) -> str:
    """Turn the module of an import statement into a dotted name."""
    rest = name.lstrip(".")
    level = len(name) - len(rest)
    if not level:
        return name
    words = module.package.split(".") if module.package else []
    words = words[: len(words) - (level - 1)] if level > 1 else words
    return ".".join([*words, rest] if rest else words)


def labels(
    reference: Reference, targets: Iterable[Target], label: Callable[[str], str]
) -> Iterator[str]:
    """Tell what a reference stands for, as it enters the digest of the part that it is in."""
    if len(set(reference.imports)) > 1:
        order = " then ".join(f"{item.module} {item.attribute}" for item in reference.imports)
        yield f"{reference.name}: {order}"
    for target in targets:
        if isinstance(target, External):
            yield f"{reference.name} = {target.name}"
        else:
            chain = ".".join((reference.name, *reference.attributes))
            yield f"{chain} = {label(target.module)}:{target.name}"
