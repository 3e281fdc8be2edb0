"""What each name of a module's top level is made of.

Rules
-----
- A name is made of every statement of the top level that binds it (definition, assignment,
  augmented and annotated assignment, unpacking, ``for``, ``with``, ``except``, walrus, match
  capture, ``del``) and of every one that may change what it is bound to: an assignment to an item
  or an attribute of it, a call of a method of it as a statement, a call as a statement that is
  given it and that is not a builtin.
- A class body is executed as well: what it calls or sets counts under the name of the class.
- ``globals()["a"] = ...`` binds ``a``. Where the name is computed (``globals().update``, ``exec``),
  the statement counts for all data of the module.
- Imports at the top level are not code: they are followed.
- Where a name that is bound or changed more than once is read in between, it counts how often it
  was before; where imports and other bindings of one name follow each other, their order counts.
- In an ``if`` or ``match`` only the branches that concern the name stay, with their conditions.
  In a loop, a ``with`` or a ``try`` everything but the definitions of other names stays, for each
  statement may decide whether the next one is executed.
- ``if TYPE_CHECKING`` is never entered; ``if __name__ == "__main__"`` only if the module is
  ``__main__``.
- In a notebook the last definition wins: what a later plain binding replaces is dropped. The last
  expression of a cell is shown to a person and counts only if it calls a method that is known to
  change its object.
"""

from __future__ import annotations

import ast
import builtins
from collections.abc import Iterable, Iterator, Set
from dataclasses import dataclass, field
from typing import TypeVar

from luisy.hashing.canonical import effective_body
from luisy.hashing.nodes import (
    DEFINITIONS,
    Chain,
    Function,
    Import,
    below_definition,
    calls_in,
    chain_of,
    executed_nodes,
    imports_of,
    is_type_checking,
    local_nodes,
    root_of,
    stored_names,
)
from luisy.hashing.references import MUTATORS
from luisy.hashing.source import Module

_COMPOUND = (
    ast.If,
    ast.For,
    ast.AsyncFor,
    ast.While,
    ast.With,
    ast.AsyncWith,
    ast.Try,
    ast.TryStar,
    ast.Match,
)
# With what `site` adds, and what only some versions or systems have.
BUILTINS = frozenset(dir(builtins)) | {
    "PythonFinalizationError", "WindowsError", "copyright", "credits", "exit", "help", "license",
    "quit",
}  # fmt: skip

_OPENERS = ("exec", "globals", "vars", "locals", "modules")

_Node = TypeVar("_Node", bound=ast.AST)


@dataclass(frozen=True, slots=True)
class Touch:
    """Something in a top-level statement that may change what another name is bound to.

    Attributes:
        owner: The name of this module under which the statement counts.
        chain: What is changed, or the function that may change something.
        kind: ``change`` of the chain itself; ``call`` of the chain; ``decorator``, or ``factory``
            of one, which is handed the owner; ``base``, from which the owner derives, or its
            ``metaclass``.
        given: What a call is given by position, as far as it has a name.
    """

    owner: str
    chain: Chain
    kind: str
    given: tuple[Chain | None, ...] = ()


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happens to a name at the top level of its module.

    Attributes:
        position: Which statement of the module.
        kind: ``bind``, ``touch``, or what is imported.
    """

    position: int
    kind: str

    @property
    def binds(self) -> bool:
        """Tell whether it gives the name a new meaning."""
        return self.kind != "touch"


@dataclass(frozen=True, slots=True, eq=False)
class Names:
    """The index of a module's top level.

    Attributes:
        statements: What each name is made of, in the order of execution.
        imports: What each imported name may be.
        plain_imports: The dotted names of ``import a.b`` statements.
        stars: The modules of star imports, as written, and the position of each.
        exports: ``__all__`` if it is a plain list of strings, else None.
        touches: The side effects of the module's import.
        events: What happens to each name, in the order of execution.
        early: For each name what it reads that is bound or changed again later, and after how many
            events it does.
        typing_only: The names that are bound for type checking.
        is_open: Whether something here may bind names that cannot be read.
    """

    statements: dict[str, list[ast.stmt]] = field(default_factory=dict)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    plain_imports: list[str] = field(default_factory=list)
    stars: list[tuple[str, int]] = field(default_factory=list)
    touches: list[Touch] = field(default_factory=list)
    exports: frozenset[str] | None = None
    events: dict[str, list[Event]] = field(default_factory=dict)
    early: dict[str, set[tuple[str, int]]] = field(default_factory=dict)
    typing_only: frozenset[str] = frozenset()
    is_open: bool = False

    def has(self, name: str) -> bool:
        """Tell whether the module itself binds a name."""
        return name in self.statements or name in self.imports

    def exported(self, name: str) -> bool:
        """Tell whether a star import takes a name."""
        if self.exports is not None:
            return name in self.exports
        return not name.startswith("_") or "__all__" in self.statements

    def last_bound(self, name: str) -> int:
        """Return the position of the last binding of a name, -1 if there is none."""
        return max(
            (event.position for event in self.events.get(name, ()) if event.binds), default=-1
        )

    def rebindings(self, name: str) -> list[str]:
        """List the bindings of a name in their order, if imports are among them and it matters."""
        bindings = [event for event in self.events.get(name, ()) if event.binds]
        kinds = [event.kind for event in bindings]
        if len({event.position for event in bindings}) < 2 or len(set(kinds)) < 2:
            return []
        return kinds


def index(module: Module) -> Names:
    """Build the index of a module."""
    names = Names(
        exports=_exports(module),
        typing_only=_typing_only(module),
        is_open=_mentions(module, *_OPENERS) and any(map(_opens, ast.walk(module.tree))),
    )
    body = list(module.tree.body)
    executed = [
        (position, statement)
        for position, original in enumerate(body)
        for statement in _executed(original, module)
    ]
    data = _data_names(statement for _, statement in executed)
    for position, statement in executed:
        shown = module.is_interactive and position in module.cell_ends
        _index_statement(statement, names, data, position, shown=shown)
    for name in _declared_global(module):
        names.statements.setdefault(name, [])
    if module.is_interactive:
        for name, statements in names.statements.items():
            names.statements[name] = _last_binding(name, statements)
        for events in names.events.values():
            del events[:-1]
    else:
        for position, statement in executed:
            _index_early(statement, names, data, position)
    return names


def prune(statement: ast.stmt, name: str, data: Set[str]) -> ast.stmt | None:
    """Cut a compound statement down to what concerns a name; None if nothing does."""
    if name not in _concerned(statement, data):
        return None
    if isinstance(statement, ast.If):
        body = _prune_all(statement.body, name, data)
        orelse = _prune_all(statement.orelse, name, data)
        return _copy(statement, body=body or [ast.Pass()], orelse=orelse)
    if isinstance(statement, ast.Match):
        cases = [
            _copy(case, body=_prune_all(case.body, name, data) or [ast.Pass()])
            for case in statement.cases
        ]
        return _copy(statement, cases=cases)
    if isinstance(statement, _COMPOUND):
        return _without_definitions(statement, name)
    return statement


def _executed(statement: ast.stmt, module: Module) -> list[ast.stmt]:
    if isinstance(statement, ast.If) and _is_main_test(statement.test):
        branch = statement.body if module.name == "__main__" else statement.orelse
        return effective_body(branch)
    return effective_body([statement])


def _is_main_test(test: ast.expr) -> bool:
    match test:
        case ast.Compare(left=left, ops=[ast.Eq()], comparators=[right]):
            sides = (left, right)
            return any(
                isinstance(side, ast.Name) and side.id == "__name__" for side in sides
            ) and any(isinstance(side, ast.Constant) and side.value == "__main__" for side in sides)
    return False


def _data_names(statements: Iterable[ast.stmt]) -> set[str]:
    """Name what is bound to data, not by a definition or an import."""
    return {
        name
        for node in local_nodes(statements)
        if not isinstance(node, DEFINITIONS)
        for name in stored_names(node)
    }


def _index_statement(
    statement: ast.stmt, names: Names, data: Set[str], position: int, *, shown: bool
) -> None:
    if isinstance(statement, ast.Import | ast.ImportFrom):
        _index_import(statement, names, position)
        return
    touches = _touches(statement, data, shown=shown)
    names.touches.extend(touches)
    bound = {name for node in local_nodes([statement]) for name in stored_names(node)}
    concerned = bound | {touch.owner for touch in touches}
    for node in local_nodes([statement]):
        if isinstance(node, ast.Import | ast.ImportFrom):
            _index_import(node, names, position)
            concerned |= {name for name, _ in imports_of(node) if name != "*"}
    for name in concerned:
        kept = prune(statement, name, data) if isinstance(statement, _COMPOUND) else statement
        if kept is not None:
            names.statements.setdefault(name, []).append(kept)
            event = Event(position, "bind" if name in bound else "touch")
            names.events.setdefault(name, []).append(event)


def _index_import(node: ast.Import | ast.ImportFrom, names: Names, position: int) -> None:
    if isinstance(node, ast.Import):
        names.plain_imports.extend(alias.name for alias in node.names)
    for name, target in imports_of(node):
        if name == "*":
            names.stars.append((target.module, position))
        else:
            names.imports.setdefault(name, []).append(target)
            event = Event(position, f"import {target.module} {target.attribute}")
            names.events.setdefault(name, []).append(event)


def _index_early(statement: ast.stmt, names: Names, data: Set[str], position: int) -> None:
    """Note what a statement reads before all has happened to it."""
    early = {
        (node.id, sum(event.position < position for event in names.events[node.id]))
        for node in executed_nodes([statement])
        if isinstance(node, ast.Name)
        and isinstance(node.ctx, ast.Load)
        and node.id in names.events
        and names.events[node.id][-1].position > position
    }
    if early:
        for owner in _concerned(statement, data):
            names.early.setdefault(owner, set()).update(item for item in early if item[0] != owner)


def _declared_global(module: Module) -> Iterator[str]:
    """Yield the names that functions declare ``global``, for they may be bound nowhere else."""
    for node in ast.walk(module.tree) if _mentions(module, "global") else ():
        if isinstance(node, ast.Global):
            yield from node.names


def _mentions(module: Module, *words: str) -> bool:
    """Tell whether a module may use a word, without a walk through its tree."""
    return any(word in module.text for word in words)


def _opens(node: ast.AST) -> bool:
    match node:
        case ast.Call(func=ast.Name(id="exec")) | ast.Attribute(ast.Name("sys"), "modules"):
            return True
        case ast.Call():
            return _is_namespace(node)
    return False


def _typing_only(module: Module) -> frozenset[str]:
    """Name what is bound for type checking."""
    found: set[str] = set()
    for node in local_nodes(module.tree.body) if _mentions(module, "TYPE_CHECKING") else ():
        if isinstance(node, ast.If) and is_type_checking(node.test):
            for inner in local_nodes(node.body):
                found.update(stored_names(inner))
                if isinstance(inner, ast.Import | ast.ImportFrom):
                    found.update(name for name, _ in imports_of(inner))
    return frozenset(found)


def _touches(statement: ast.stmt, data: Set[str], *, shown: bool) -> list[Touch]:
    """List the side effects of a statement on what it does not bind."""
    found: list[Touch] = []
    counted: set[int] = set()  # the calls that were looked at with the statement around them
    for node in local_nodes([statement]):
        match node:
            case ast.Subscript(ctx=ast.Store() | ast.Del()):
                found += _touch_of_namespace(node, data)
                found += _touch_of_target(node)
            case ast.Attribute(ctx=ast.Store() | ast.Del()):
                found += _touch_of_target(node)
            case ast.AugAssign(target=ast.Name(id=name)):
                found.append(Touch(name, (name, ()), "change"))
            case ast.Expr(value=value):
                counted.update(id(call) for call in calls_in([value]))
                found += _touches_of_expression(value, data, shown=shown)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                counted.update(
                    id(call) for item in below_definition(node) for call in calls_in([item])
                )
                found += _touches_of_definition(node, node.name)
            case ast.Assign(value=value) | ast.AnnAssign(value=ast.expr() as value):
                calls = list(calls_in([value]))
                counted.update(map(id, calls))
                found += [_touch_of_call(name, call) for call in calls for name in _bound_by(node)]
            case ast.Call() if id(node) not in counted and chain_of(node.func):
                found.append(_touch_of_call("", node))
    return [touch for touch in found if not _is_harmless(touch.chain)]


def _touch_of_target(node: ast.Subscript | ast.Attribute) -> Iterator[Touch]:
    chain = root_of(node)
    if chain is not None:
        yield Touch(chain[0], chain, "change")


def _touch_of_call(owner: str, call: ast.Call) -> Touch:
    chain = root_of(call.func) or ("", ())
    given = tuple(map(chain_of, call.args))
    return Touch(owner or f"{'.'.join((chain[0], *chain[1]))}()", chain, "call", given)


def _touch_of_namespace(node: ast.Subscript, data: Set[str]) -> Iterator[Touch]:
    """Yield what ``globals()["a"] = ...`` binds; if the name is computed, all data may be bound."""
    if _is_namespace(node.value):
        yield from (Touch(name, (name, ()), "change") for name in _named(node.slice, data))


def _named(name: ast.expr, data: Set[str]) -> Set[str]:
    """Read the name that a plain string says; if it is computed, it may be any of the data."""
    match name:
        case ast.Constant(value=str(text)):
            return {text}
    return data


def _is_namespace(node: ast.expr) -> bool:
    """Tell whether an expression is ``globals()`` or the like, or ``sys.modules[__name__]``."""
    match node:
        case ast.Call(func=ast.Name(id="globals" | "vars" | "locals"), args=[]):
            return True
        case ast.Subscript(value=ast.Attribute(attr="modules"), slice=ast.Name(id="__name__")):
            return True
    return False


def _touches_of_definition(node: Function | ast.ClassDef, owner: str) -> Iterator[Touch]:
    for decorator in node.decorator_list:
        is_factory = isinstance(decorator, ast.Call)
        chain = chain_of(decorator.func if isinstance(decorator, ast.Call) else decorator)
        if chain is not None:
            yield Touch(owner, chain, "factory" if is_factory else "decorator")
    if not isinstance(node, ast.ClassDef):
        return
    metaclasses = [keyword.value for keyword in node.keywords if keyword.arg == "metaclass"]
    for kind, values in (("base", node.bases), ("metaclass", metaclasses)):
        for chain in filter(None, map(chain_of, values)):
            yield Touch(owner, chain, kind)
    own = {name for item in local_nodes(node.body) for name in stored_names(item)}
    yield from (touch for touch in _touches_of_body(node, owner) if touch.chain[0] not in own)


def _touches_of_body(node: ast.ClassDef, owner: str) -> Iterator[Touch]:
    """Yield what the body of a class changes when it is executed."""
    for item in local_nodes(node.body):
        match item:
            case (
                ast.Subscript(ctx=ast.Store() | ast.Del())
                | ast.Attribute(ctx=ast.Store() | ast.Del())
            ):
                chain = root_of(item)
                if chain is not None:
                    yield Touch(owner, chain, "change")
            case ast.Call():
                yield _touch_of_call(owner, item)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield from _touches_of_definition(item, owner)


def _touches_of_expression(value: ast.expr, data: Set[str], *, shown: bool) -> Iterator[Touch]:
    """Yield what a statement changes that is only an expression.

    It counts under what it changes, and under ``function()`` for what the function may change.
    """
    for call in calls_in([value]):
        chain = root_of(call.func)
        if chain is None or _is_harmless(chain):
            continue
        is_plain = chain_of(call.func) is not None
        method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
        if shown and method not in MUTATORS:
            continue
        yield from _touches_of_namespace_call(call, data)
        if not is_plain:
            # What a function returned is changed, and no object that a class just made.
            if isinstance(call.func, ast.Attribute) and not (chain[0], *chain[1])[-1][:1].isupper():
                yield Touch(chain[0], chain, "change")
            continue
        yield _touch_of_call("", call)
        if chain[1]:
            yield Touch(chain[0], (chain[0], chain[1][:-1]), "change")
        if chain[0] in {"setattr", "delattr"} and call.args:
            yield from _touch_of_setattr(call)
        if chain[0] in BUILTINS and chain[0] not in data:
            continue
        for argument in [*call.args, *(keyword.value for keyword in call.keywords)]:
            given = chain_of(argument)
            if given is not None and given[0] in data:
                yield Touch(given[0], given, "change")


def _touches_of_namespace_call(call: ast.Call, data: Set[str]) -> Iterator[Touch]:
    """Yield what ``globals().update(a=1)``, ``exec(text)`` and the like may bind."""
    names: Set[str] = frozenset()
    match call:
        case ast.Call(func=ast.Attribute(value=space)) if _is_namespace(space):
            names = data
        case ast.Call(func=ast.Name(id="exec"), args=[_, *spaces]) if all(
            map(_is_namespace, spaces)
        ):
            names = data
        case ast.Call(func=ast.Name(id="setattr"), args=[space, name, _]) if _is_namespace(space):
            names = _named(name, data)
    yield from (Touch(name, (name, ()), "change") for name in names)


def _touch_of_setattr(call: ast.Call) -> Iterator[Touch]:
    """Yield what ``setattr(a, "b", value)`` changes: ``a.b``, or ``a`` if the name is computed."""
    chain = chain_of(call.args[0])
    if chain is None:
        return
    yield Touch(chain[0], chain, "change")
    match call.args[1:2]:
        case [ast.Constant(value=str(name))]:
            yield Touch(chain[0], (chain[0], (*chain[1], name)), "change")


def _is_harmless(chain: Chain) -> bool:
    """Tell whether what is changed or called goes into no result: logs, the search path."""
    return chain[0] == "logging" or (chain[0] == "sys" and chain[1][:1] in {("path",), ("exit",)})


def _bound_by(statement: ast.stmt) -> list[str]:
    return sorted({name for node in local_nodes([statement]) for name in stored_names(node)})


def _concerned(statement: ast.stmt, data: Set[str]) -> set[str]:
    """Name what a statement binds, imports or may change."""
    names = {touch.owner for touch in _touches(statement, data, shown=False)}
    for node in local_nodes([statement]):
        names.update(stored_names(node))
        if isinstance(node, ast.Import | ast.ImportFrom):
            names.update(name for name, _ in imports_of(node))
    return names


def _prune_all(body: Iterable[ast.stmt], name: str, data: Set[str]) -> list[ast.stmt]:
    kept = (prune(statement, name, data) for statement in effective_body(body))
    return [statement for statement in kept if statement is not None]


def _without_definitions(statement: _Node, name: str) -> _Node:
    """Drop the definitions of other names, at any depth."""
    changed: dict[str, object] = {}
    for attribute in ("body", "orelse", "finalbody", "handlers", "cases"):
        items = getattr(statement, attribute, None)
        if not items:
            continue
        kept = [
            _without_definitions(item, name) if not isinstance(item, DEFINITIONS) else item
            for item in items
            if not isinstance(item, DEFINITIONS) or item.name == name
        ]
        changed[attribute] = kept or ([ast.Pass()] if attribute == "body" else [])
    return _copy(statement, **changed) if changed else statement


def _copy(node: _Node, **changed: object) -> _Node:
    fields = {name: getattr(node, name, None) for name in node._fields}
    return ast.copy_location(type(node)(**{**fields, **changed}), node)


def _last_binding(name: str, statements: list[ast.stmt]) -> list[ast.stmt]:
    """Drop what a later plain binding of the name replaces."""
    for position in range(len(statements) - 1, -1, -1):
        statement = statements[position]
        if isinstance(statement, DEFINITIONS):
            return statements[position:]
        if isinstance(statement, ast.Assign | ast.AnnAssign):
            plain = name in {
                item.id
                for item in ast.walk(statement)
                if isinstance(item, ast.Name) and isinstance(item.ctx, ast.Store)
            }
            reads = any(
                isinstance(item, ast.Name) and item.id == name and isinstance(item.ctx, ast.Load)
                for item in ast.walk(statement)
            )
            if plain and not reads:
                return statements[position:]
    return statements


def _exports(module: Module) -> frozenset[str] | None:
    """Read ``__all__`` if it is set once, to a plain list of strings, and never touched again."""
    if not _mentions(module, "__all__"):
        return None
    tree = module.tree
    if sum(isinstance(node, ast.Name) and node.id == "__all__" for node in ast.walk(tree)) > 1:
        return None
    values = [
        statement
        for statement in tree.body
        if "__all__" in {name for node in local_nodes([statement]) for name in stored_names(node)}
    ]
    match values:
        case [ast.Assign(value=ast.List(elts=items) | ast.Tuple(elts=items))]:
            if all(isinstance(item, ast.Constant) for item in items):
                return frozenset(
                    str(item.value) for item in items if isinstance(item, ast.Constant)
                )
    return None
