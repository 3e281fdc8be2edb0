"""Which modules of the project are executed when some are imported.

These are their imports at the top level, with the packages above, and so on, as far as they are
project code. A module that imports others by computed names (``pkgutil.iter_modules``) executes
all below its package.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from luisy.hashing.resolve import Resolver, absolute
from luisy.hashing.source import Module


@dataclass(frozen=True, slots=True)
class Executed:
    """Follows the imports of modules, each once."""

    resolver: Resolver
    _imports: dict[Module, frozenset[str]] = field(default_factory=dict)
    _closed: dict[frozenset[str], frozenset[Module]] = field(default_factory=dict)

    def by(self, names: Iterable[str]) -> frozenset[Module]:
        """Return the modules that are executed when some are imported, these included."""
        start = frozenset(names)
        known = self._closed.get(start)
        if known is None:
            known = self._closed[start] = frozenset(self._find(start))
        return known

    def _find(self, names: Iterable[str]) -> set[Module]:
        pending = [package for name in names for package in _with_packages(name)]
        seen: set[str] = set()
        found: set[Module] = set()
        while pending:
            name = pending.pop()
            if name in seen or not self.resolver.is_project(name):
                continue
            seen.add(name)
            module = self.resolver.modules.get(name)
            if module is not None:
                found.add(module)
                pending.extend(self._imported(module))
        return found

    def _imported(self, module: Module) -> frozenset[str]:
        known = self._imports.get(module)
        if known is None:
            known = self._imports[module] = frozenset(self._find_imported(module))
        return known

    def _find_imported(self, module: Module) -> Iterator[str]:
        names = self.resolver.names(module)
        for star, _ in names.stars:
            yield from _with_packages(absolute(star, module))
        for items in names.imports.values():
            for item in items:
                source = absolute(item.module, module)
                yield from _with_packages(source)
                if item.attribute:
                    yield f"{source}.{item.attribute}"
        for dotted in names.plain_imports:
            yield from _with_packages(dotted)
        for touch in names.touches:
            if touch.kind == "call" and touch.chain[-1][-1:] == ("import_module",):
                package = module.package or module.name
                yield from self.resolver.modules.submodules(package)
                return


def _with_packages(dotted: str) -> Iterator[str]:
    words = dotted.split(".")
    for count in range(1, len(words) + 1):
        yield ".".join(words[:count])
