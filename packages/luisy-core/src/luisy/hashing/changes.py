"""What is changed when a statement at the top level of a module calls, decorates or derives.

Rules
-----
- A statement counts for a name that it changes: an item or an attribute is set, a method is called
  on it, it is handed to a function (see `luisy.hashing.touches`), also by another name (``a = b``).
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
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from luisy.hashing.graph import Graph
from luisy.hashing.mutation import changes, changes_first, methods_named, own_calls
from luisy.hashing.nodes import DEFINITIONS, FUNCTIONS, chain_of
from luisy.hashing.references import MUTATORS, SUBCLASSES, Reference
from luisy.hashing.resolve import WHOLE, External, Part, is_plumbing
from luisy.hashing.source import Module
from luisy.hashing.touches import Touch

_SETTERS = MUTATORS | {"set"}
_REGISTERS = ("add", "append", "register")
_DEPTH = {"call": 1, "decorator": 1, "factory": 2, "base": 1}


@dataclass(frozen=True, slots=True)
class Changes:
    """Finds which parts a top-level statement changes."""

    graph: Graph

    def by_touch(self, module: Module, touch: Touch) -> Iterator[Part]:
        """Yield what a side effect of a module changes, or may change."""
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
                if chain is not None and changes(definition, name, 1):
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
                for body in methods_named(self.graph.node(owner).statements, name)
            ]
            has_source = has_source or bool(bodies)
            if any(changes_first(body, limit) for body in bodies):
                return True
            called = {item for body in bodies for item in own_calls(body)} - seen
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
            hooks = list(methods_named(self.graph.node(owner).statements, "__init_subclass__"))
            if hooks and any(changes_first(hook, 1) for hook in hooks):
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
        hooks = [*methods_named(statements, "__new__"), *methods_named(statements, "__init__")]
        if any(changes_first(hook, 1) for hook in hooks):
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


def library_part(target: External) -> Part:
    """Return what stands for all of a library, to be changed."""
    return Part("", target.top_level)
