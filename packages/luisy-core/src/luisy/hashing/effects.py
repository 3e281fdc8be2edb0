"""What changes a name from outside of it: registers, plug-ins, settings of other modules.

Rules
-----
- Looked at are the modules that are executed when the modules of the reached parts are imported:
  their imports at the top level, with the packages above, and so on, as far as they are project
  code. A module that imports others by computed names (``pkgutil.iter_modules``) executes all
  below its package.
- A statement at the top level of one of them counts for a name that it changes: an item or an
  attribute is set, a method is called on it, it is handed to a function (see
  `luisy.hashing.names`).
- It counts as well for what a function changes that it calls, or by which it is decorated. For
  ``@register`` the changes in the body of ``register`` count, for ``@register(...)`` also those
  of the function in it; those further inside happen when the decorated function is called (a
  cache), and do not.
- What is given to a function counts if that changes the argument.
- What is set in, or called on, another library counts for all that uses this library
  (``pandas.set_option``, ``numpy.random.seed``, ``os.environ["A"] = "1"``); logging does not.
- ``@app.register`` counts for ``app`` if the method changes its object, or, where its code is not
  of the project, if its name begins like ``add``, ``append`` or ``register``.
- A subclass counts for its base, and for what that changes, if the base has an
  ``__init_subclass__`` or a metaclass that changes something. Tasks are left out: they all derive
  from one class.
- ``Base.__subclasses__()`` reaches all subclasses; where only the run knows which class is asked
  (``cls.__subclasses__()``), those of all classes that are reached.

Limits
------
What a function does that is neither reached nor called at the top level of a module is not known,
nor what a lambda or a function three levels deep registers as a decorator, nor ``setattr(module,
name, value)`` on a module that was an argument. The order in which functions are registered, and in
which modules are imported, does not count, though the last to set a value wins: say it in the code
(``sorted``, a list).
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from luisy.hashing.names import Touch
from luisy.hashing.nodes import (
    DEFINITIONS,
    FUNCTIONS,
    Function,
    chain_of,
    container,
    local_nodes,
)
from luisy.hashing.references import MUTATORS, SUBCLASSES, Reference
from luisy.hashing.resolve import WHOLE, External, Part, absolute, is_plumbing
from luisy.hashing.source import Module

if TYPE_CHECKING:
    from luisy.hashing.graph import Graph

_SETTERS = MUTATORS | {"set"}
_REGISTERS = ("add", "append", "register")
_SETATTR = (("setattr", ()), ("delattr", ()))
_DEPTH = {"call": 1, "decorator": 1, "factory": 2, "base": 1}


@dataclass(slots=True)
class Effects:
    """Finds which parts change which others."""

    graph: Graph
    _imports: dict[Module, frozenset[str]] = field(default_factory=dict)
    _of_module: dict[Module, dict[Part, set[Part]]] = field(default_factory=dict)
    _closed: dict[frozenset[str], frozenset[Module]] = field(default_factory=dict)
    _merged: dict[frozenset[Module], dict[Part, list[Part]]] = field(default_factory=dict)

    def on(self, modules: Iterable[str]) -> dict[Part, list[Part]]:
        """Return which parts change a part, when some modules are imported."""
        start = frozenset(modules)
        executed = self._closed.get(start)
        if executed is None:
            executed = self._closed[start] = frozenset(self._executed(start))
        known = self._merged.get(executed)
        if known is None:
            merged: dict[Part, set[Part]] = {}
            for module in executed:
                for target, causes in self._changes(module).items():
                    merged.setdefault(target, set()).update(causes)
            known = {target: sorted(causes) for target, causes in merged.items()}
            self._merged[executed] = known
        return known

    def _executed(self, names: Iterable[str]) -> set[Module]:
        resolver = self.graph.resolver
        pending = [package for name in names for package in _with_packages(name)]
        seen: set[str] = set()
        found: set[Module] = set()
        while pending:
            name = pending.pop()
            if name in seen or not resolver.is_project(name):
                continue
            seen.add(name)
            module = resolver.modules.get(name)
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
        names = self.graph.resolver.names(module)
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
                yield from self.graph.resolver.modules.submodules(package)
                return

    def _changes(self, module: Module) -> dict[Part, set[Part]]:
        known = self._of_module.get(module)
        if known is None:
            known = self._of_module[module] = {}
            for touch in self.graph.resolver.names(module).touches:
                cause = Part(module.name, touch.owner)
                for target in self._changed_by(module, touch):
                    if target != cause:
                        known.setdefault(target, set()).add(cause)
        return known

    def _changed_by(self, module: Module, touch: Touch) -> Iterator[Part]:
        name, attributes = touch.chain
        targets = self.graph.resolver.resolve(module, Reference(name, attributes))
        parts = [target for target in targets if isinstance(target, Part) and target.name != WHOLE]
        if touch.kind == "change":
            yield from self._with_aliased(parts)
            for target in targets:
                if isinstance(target, External) and not is_plumbing(target.name):
                    yield library_part(target)
            return
        for part in parts:
            if touch.kind == "metaclass":
                if not self.graph.is_task(Part(module.name, touch.owner)):
                    yield from self._changed_by_metaclass(part)
            elif touch.kind == "base":
                yield Part(part.module, f"{part.name}.{SUBCLASSES}")
                yield from self._changed_by_deriving(part)
            elif self._is_method(part, attributes):
                if self._method_changes(part, attributes[-1], _DEPTH[touch.kind]):
                    yield part
                yield from self._changed_by_method(part, attributes[-1], _DEPTH[touch.kind])
            else:
                if self._method_changes(part, "__call__", _DEPTH[touch.kind]):
                    yield part
                yield from self._changed_by_calling(part, _DEPTH[touch.kind])
                yield from self._changed_arguments(module, part, touch)

    def _changed_arguments(self, module: Module, function: Part, touch: Touch) -> Iterator[Part]:
        """Yield what is given to a function that changes it."""
        for definition in self.graph.node(function).statements if touch.given else ():
            if not isinstance(definition, FUNCTIONS):
                continue
            names = [item.arg for item in (*definition.args.posonlyargs, *definition.args.args)]
            for name, chain in zip(names, touch.given, strict=False):
                if chain is not None and _changes(definition, name, 1):
                    targets = self.graph.resolver.resolve(module, Reference(*chain))
                    yield from (item for item in targets if isinstance(item, Part))

    def _with_aliased(self, parts: Iterable[Part]) -> list[Part]:
        """Return some parts and what they are other names for (``a = b``)."""
        found: dict[Part, None] = {}
        pending = list(parts)
        while pending:
            part = pending.pop()
            if part in found or part.name == WHOLE:
                continue
            found[part] = None
            node = self.graph.node(part)
            for statement in node.statements:
                value = statement.value if isinstance(statement, ast.Assign) else None
                chain = chain_of(value) if value is not None else None
                if chain is not None and node.module is not None:
                    targets = self.graph.resolver.resolve(node.module, Reference(*chain))
                    pending += [item for item in targets if isinstance(item, Part)]
        return list(found)

    def _changed_by_method(self, part: Part, method: str, depth: int) -> Iterator[Part]:
        """Yield what a method changes beside its object."""
        for owner in self._classes_of(part):
            for target, use in self.graph.node(owner).edges:
                if not isinstance(target, Part) or use.method != method or use.depth > depth:
                    continue
                if use.is_change:
                    yield target
                elif use.call is not None:
                    yield from self._changed_by_calling(target, 1)

    def _is_method(self, part: Part, attributes: tuple[str, ...]) -> bool:
        """Tell whether a chain ends in a method of the part, rather than in the part itself."""
        return bool(attributes) and attributes[-1] != part.name

    def _method_changes(self, part: Part, method: str, depth: int) -> bool:
        """Tell whether a method changes its object, by itself or by other methods of it."""
        owners = list(self._classes_of(part))
        seen = {method}
        pending = [(method, depth)]
        has_source = method == "__call__"
        while pending:
            name, limit = pending.pop()
            bodies = [
                body
                for owner in owners
                for body in _methods(self.graph.node(owner).statements, name)
            ]
            has_source = has_source or bool(bodies)
            if any(_changes_first(body, limit) for body in bodies):
                return True
            called = {item for body in bodies for item in _own_calls(body)} - seen
            seen |= called
            pending += [(item, 1) for item in called]
        return not has_source and (method in _SETTERS or method.startswith(_REGISTERS))

    def _classes_of(self, part: Part) -> Iterator[Part]:
        """Yield the classes that a part is or is an instance of, with their bases."""
        node = self.graph.node(part)
        pending: list[Part] = [part]
        for statement in node.statements:
            value = getattr(statement, "value", None)
            chain = chain_of(value.func) if isinstance(value, ast.Call) else None
            if chain is not None and node.module is not None:
                found = self.graph.resolver.resolve(node.module, Reference(*chain))
                pending += [item for item in found if isinstance(item, Part)]
        yield from self.graph.with_bases(pending)

    def _changed_by_deriving(self, base: Part) -> Iterator[Part]:
        if self.graph.is_task(base):
            return
        for owner in self.graph.with_bases([base]):
            hooks = list(_methods(self.graph.node(owner).statements, "__init_subclass__"))
            if hooks and any(_changes_first(hook, 1) for hook in hooks):
                yield from self.graph.with_bases([base])
            if hooks:
                yield from self._changed_by_calling(owner, 1)
            for metaclass in self._metaclasses(owner):
                yield from self._changed_by_metaclass(metaclass)
                yield owner

    def _metaclasses(self, owner: Part) -> Iterator[Part]:
        node = self.graph.node(owner)
        for statement in node.statements:
            for keyword in statement.keywords if isinstance(statement, ast.ClassDef) else ():
                chain = chain_of(keyword.value) if keyword.arg == "metaclass" else None
                if chain is not None and node.module is not None:
                    found = self.graph.resolver.resolve(node.module, Reference(*chain))
                    yield from (item for item in found if isinstance(item, Part))

    def _changed_by_metaclass(self, metaclass: Part) -> Iterator[Part]:
        yield from self._changed_by_calling(metaclass, 1)
        statements = self.graph.node(metaclass).statements
        hooks = [*_methods(statements, "__new__"), *_methods(statements, "__init__")]
        if any(_changes_first(hook, 1) for hook in hooks):
            yield metaclass

    def _changed_by_calling(self, function: Part, depth: int) -> set[Part]:
        """Return what a function changes when it is called, by itself or by what it calls."""
        changed: set[Part] = set()
        seen = {function}
        pending = [(function, depth)]
        while pending:
            part, limit = pending.pop()
            node = self.graph.node(part)
            is_alias = not any(isinstance(item, DEFINITIONS) for item in node.statements)
            for target, use in node.edges:
                if not isinstance(target, Part) or use.depth > limit:
                    continue
                if use.is_change:
                    changed.add(target)
                if (use.call is not None or is_alias) and target not in seen:
                    seen.add(target)
                    pending.append((target, 1))
        return changed


def _with_packages(dotted: str) -> Iterator[str]:
    words = dotted.split(".")
    for count in range(1, len(words) + 1):
        yield ".".join(words[:count])


def _methods(statements: Iterable[ast.stmt], name: str) -> Iterator[Function]:
    for statement in statements:
        for item in statement.body if isinstance(statement, ast.ClassDef) else ():
            if isinstance(item, FUNCTIONS) and item.name == name:
                yield item


def library_part(target: External) -> Part:
    """Return what stands for all of a library, to be changed."""
    return Part("", target.top_level)


def _first(method: Function) -> str:
    arguments = [*method.args.posonlyargs, *method.args.args]
    return arguments[0].arg if arguments else ""


def _own_calls(method: Function) -> Iterator[str]:
    """Name the methods that a method calls on its first argument, in nested functions too."""
    for node in ast.walk(method):
        chain = chain_of(node.func) if isinstance(node, ast.Call) else None
        if chain is not None and chain[0] == _first(method) and len(chain[1]) == 1:
            yield chain[1][0]


def _changes_first(method: Function, depth: int) -> bool:
    """Tell whether a method changes its first argument, down to a depth of functions."""
    return _changes(method, _first(method), depth)


def _changes(function: Function, name: str, depth: int) -> bool:
    """Tell whether a function changes what a name of it stands for."""
    pending = [(function, 1)]
    while pending:
        function, level = pending.pop()
        for node in local_nodes(function.body):
            if isinstance(node, FUNCTIONS) and level < depth:
                pending.append((node, level + 1))
            changed: ast.expr | None = None
            if isinstance(node, ast.Subscript | ast.Attribute) and not isinstance(
                node.ctx, ast.Load
            ):
                changed = container(node)
            elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                changed = container(node.func.value) if node.func.attr in MUTATORS else None
            elif isinstance(node, ast.Call) and chain_of(node.func) in _SETATTR and node.args:
                changed = node.args[0]
            chain = chain_of(changed) if changed is not None else None
            if chain is not None and chain[0] == name:
                return True
    return False
