"""Which names a piece of code takes from its module, found as Python's scoping finds them.

Rules
-----
- A name belongs to the function that binds it (parameter, assignment, import, loop, ``with``, ``except``,
  walrus, match capture, nested definition, ``del``), unless that function says ``global`` or
  ``nonlocal``; else to an enclosing function; else to the module; else it is a builtin.
- A class body sees its own names, its methods do not. As a name in a class body may be read before it
  is bound there, it counts as the module's name as well.
- A comprehension and a lambda are scopes of their own; the first iterable is outside; a walrus binds outside.
- Defaults, decorators, bases, and kept annotations belong to the scope around the definition.
- ``a.b.c`` is one reference, to be followed as far as modules go. ``getattr(a, "b")`` is ``a.b``.
- A name that a function imports is a reference to what is imported.

Source: the language reference, "Execution model, Naming and binding", and PEP 572 and 695.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from luisy.hashing.canonical import effective_body, is_type_checking, reads_annotations

_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)
MUTATORS = frozenset(
    "add append appendleft clear discard extend extendleft insert pop popitem popleft register remove reverse "
    "rotate setdefault sort update __setitem__ __delitem__".split()
)

_COMPREHENSIONS = (ast.ListComp, ast.SetComp, ast.DictComp, ast.GeneratorExp)


@dataclass(frozen=True, slots=True)
class Import:
    """What an import statement binds a name to.

    Attributes:
        module: The dotted name as written; with leading dots if relative.
        attribute: The name taken from it; empty for the module itself.
    """

    module: str
    attribute: str = ""


@dataclass(frozen=True, slots=True)
class Reference:
    """A use of a name of the module, or of something that a function imports.

    Attributes:
        name: The name.
        attributes: The chain of attributes behind it.
        imports: If a function imports the name: what it may be.
        method: The method of the class that it stands in; ``@name`` if it is an argument of that decorator
            of a class; else empty.
        is_change: Whether what the name stands for is changed here: bound again by a function that says
            ``global``, one of its items or attributes set, or a method called that changes its object.
        depth: In how many functions it stands, one in the other.
        line: Where it was seen first.
        call: The call of which this is the function, if it is one and the function may be dynamic.
    """

    name: str
    attributes: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    method: str = ""
    is_change: bool = False
    depth: int = 0
    line: int = field(default=0, compare=False)
    call: ast.Call | None = field(default=None, compare=False)


@dataclass(slots=True, eq=False)
class _Scope:
    kind: str
    parent: _Scope | None = None
    method: str = ""
    depth: int = 0
    bound: set[str] = field(default_factory=set)
    imports: dict[str, list[Import]] = field(default_factory=dict)
    outer: set[str] = field(default_factory=set)  # declared global


def imports_of(node: ast.Import | ast.ImportFrom) -> Iterator[tuple[str, Import]]:
    """Yield each name that an import statement binds, and to what; ``*`` for a star import."""
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.asname:
                yield alias.asname, Import(alias.name)
            else:
                top_level = alias.name.partition(".")[0]
                yield top_level, Import(top_level)
    else:
        module = "." * node.level + (node.module or "")
        for alias in node.names:
            yield alias.asname or alias.name, Import(module, alias.name)


def chain_of(node: ast.expr) -> tuple[str, tuple[str, ...]] | None:
    """Read ``a.b.c`` as ``("a", ("b", "c"))``; None for anything else."""
    attributes: list[str] = []
    while isinstance(node, ast.Attribute):
        attributes.append(node.attr)
        node = node.value
    if isinstance(node, ast.Name):
        return node.id, tuple(reversed(attributes))
    return None


def stored_names(node: ast.AST) -> Iterator[str]:
    """Yield the names that one node itself binds in the scope it stands in."""
    match node:
        case ast.Name(ctx=ast.Store() | ast.Del()):
            yield node.id
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            yield node.name
        case ast.ExceptHandler(name=str(name)):
            yield name
        case ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
            yield name
        case ast.MatchMapping(rest=str(rest)):
            yield rest
        case _:
            return


def local_nodes(roots: Iterable[ast.AST]) -> Iterator[ast.AST]:
    """Walk what is evaluated in the scope of some nodes, and yield nested definitions as they are.

    Comprehensions are entered, for a walrus in one binds outside; their own targets are not yielded.
    """
    stack = list(roots)
    while stack:
        node = stack.pop()
        yield node
        if isinstance(node, (*_FUNCTIONS, ast.ClassDef)):
            stack.extend(_head(node))
        elif isinstance(node, ast.Lambda):
            stack.extend(_defaults(node.args))
        elif isinstance(node, ast.comprehension):
            stack.append(node.iter)
            stack.extend(node.ifs)
        elif isinstance(node, ast.If) and is_type_checking(node.test):
            stack.extend(node.orelse)
        else:
            stack.extend(ast.iter_child_nodes(node))


def references(statements: Iterable[ast.stmt]) -> list[Reference]:
    """List what some statements of a module's top level refer to, in a fixed order, each once."""
    found: dict[Reference, Reference] = {}
    module = _Scope("module")
    stack: list[tuple[ast.AST, _Scope]] = [(node, module) for node in effective_body(statements)]
    stack.reverse()
    while stack:
        node, scope = stack.pop()
        for reference in _visit(node, scope, stack):
            found.setdefault(reference, reference)
    return list(found.values())


def _visit(
    node: ast.AST, scope: _Scope, stack: list[tuple[ast.AST, _Scope]]
) -> Iterator[Reference]:
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            _enter_function(node, scope, stack)
        case ast.Lambda():
            inner = _function_scope(node.args, [node.body], scope)
            stack.append((node.body, inner))
            stack.extend((item, scope) for item in _defaults(node.args))
        case ast.ClassDef():
            _enter_class(node, scope, stack)
        case ast.ListComp() | ast.SetComp() | ast.DictComp() | ast.GeneratorExp():
            _enter_comprehension(node, scope, stack)
        case ast.If() if is_type_checking(node.test):
            stack.extend((item, scope) for item in reversed(node.orelse))
        case ast.AnnAssign() if scope.kind != "class":
            stack.extend((item, scope) for item in (node.target, node.value) if item)
        case ast.Call():
            yield from _visit_call(node, scope, stack)
        case ast.Subscript(ctx=ast.Store() | ast.Del()):
            yield from _change(node, scope)
            stack.extend([(node.slice, scope), (node.value, scope)])
        case ast.Attribute():
            if not isinstance(node.ctx, ast.Load):
                yield from _change(node, scope)
            chain = chain_of(node)
            if chain is None:
                stack.append((node.value, scope))
            else:
                yield from _look_up(*chain, scope, node)
        case ast.Name():
            if scope.kind != "module" or isinstance(node.ctx, ast.Load):
                yield from _look_up(node.id, (), scope, node)
        case ast.Import() | ast.ImportFrom():
            for name, target in imports_of(node):
                if scope.kind != "module":
                    yield Reference(
                        name, (), (target,), scope.method, depth=scope.depth, line=node.lineno
                    )
        case _:
            stack.extend((item, scope) for item in reversed(list(ast.iter_child_nodes(node))))


def _visit_call(
    node: ast.Call, scope: _Scope, stack: list[tuple[ast.AST, _Scope]]
) -> Iterator[Reference]:
    stack.extend((item, scope) for item in reversed([*node.args, *node.keywords]))
    chain = chain_of(node.func)
    if chain is None:
        stack.append((node.func, scope))
        return
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[of, ast.Constant(value=str(name)), *_]):
            inner = chain_of(of)
            if inner is not None:
                stack.remove((of, scope))
                yield from _look_up(inner[0], (*inner[1], name), scope, node)
    if chain[1][-1:] and chain[1][-1] in MUTATORS:
        yield from _look_up(chain[0], chain[1][:-1], scope, node, is_change=True)
    for reference in _look_up(*chain, scope, node):
        yield replace(reference, call=node)


def _change(node: ast.expr, scope: _Scope) -> Iterator[Reference]:
    """Yield what the assignment to an item or an attribute changes."""
    chain = chain_of(container(node))
    if chain is not None:
        yield from _look_up(*chain, scope, node, is_change=True)


def container(node: ast.expr) -> ast.expr:
    """Strip the items from ``a.b["c"]``, down to the chain that is changed."""
    while isinstance(node, ast.Subscript):
        node = node.value
    return node


def _look_up(
    name: str,
    attributes: tuple[str, ...],
    scope: _Scope,
    node: ast.expr,
    *,
    is_change: bool = False,
) -> Iterator[Reference]:
    """Yield what a name means, if that is outside of the functions here."""
    found = Reference(
        name, attributes, (), scope.method, is_change, scope.depth, getattr(node, "lineno", 0)
    )
    place: _Scope | None = scope
    while place is not None and place.kind != "module":
        if name in place.outer:
            stored = isinstance(node, ast.Name) and not isinstance(node.ctx, ast.Load)
            yield replace(found, is_change=is_change or stored)
            return
        visible = place.kind != "class" or place is scope
        if visible and name in place.imports:
            yield replace(found, imports=tuple(place.imports[name]))
        if visible and place.kind != "class" and (name in place.bound or name in place.imports):
            return
        place = place.parent
    yield found


def _enter_function(
    node: ast.FunctionDef | ast.AsyncFunctionDef,
    scope: _Scope,
    stack: list[tuple[ast.AST, _Scope]],
) -> None:
    around = _type_scope(node, scope, stack)
    inner = _function_scope(node.args, node.body, around)
    inner.method = scope.method or (node.name if scope.kind == "class" else "")
    stack.extend((item, inner) for item in reversed(effective_body(node.body)))
    if reads_annotations(node):
        stack.extend((item, around) for item in _annotations(node))
    stack.extend((item, scope) for item in [*node.decorator_list, *_defaults(node.args)])


def _enter_class(
    node: ast.ClassDef, scope: _Scope, stack: list[tuple[ast.AST, _Scope]]
) -> None:
    around = _type_scope(node, scope, stack)
    inner = _Scope("class", around, method=scope.method, depth=scope.depth)
    _bind(inner, node.body)
    stack.extend((item, inner) for item in reversed(effective_body(node.body)))
    stack.extend((item, around) for item in [*node.bases, *node.keywords])
    for decorator in node.decorator_list:
        stack.append((decorator, _decorator_scope(decorator, scope)))


def _decorator_scope(decorator: ast.expr, scope: _Scope) -> _Scope:
    """Mark what stands in the decorator of a class, for `requires` hands over tasks there."""
    chain = chain_of(decorator.func) if isinstance(decorator, ast.Call) else None
    if chain is None or scope.kind != "module":
        return scope
    return _Scope("decorator", scope, method="@" + ".".join((chain[0], *chain[1])))


def _enter_comprehension(
    node: ast.expr, scope: _Scope, stack: list[tuple[ast.AST, _Scope]]
) -> None:
    assert isinstance(node, _COMPREHENSIONS)  # noqa: S101 - for the type checker
    inner = _Scope("comprehension", scope, method=scope.method, depth=scope.depth)
    for generator in node.generators:
        for item in ast.walk(generator.target):
            inner.bound.update(stored_names(item))
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    stack.extend((item, inner) for item in results)
    for index, generator in enumerate(node.generators):
        stack.append((generator.iter, scope if index == 0 else inner))
        stack.extend((item, inner) for item in [generator.target, *generator.ifs])


def _function_scope(arguments: ast.arguments, body: Iterable[ast.AST], parent: _Scope) -> _Scope:
    scope = _Scope("function", parent, method=parent.method, depth=parent.depth + 1)
    _bind(scope, body)
    scope.bound.update(item.arg for item in _all_arguments(arguments))
    return scope


def _type_scope(
    node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef,
    scope: _Scope,
    stack: list[tuple[ast.AST, _Scope]],
) -> _Scope:
    """Open the scope of the type parameters (Python 3.12), if there are any."""
    parameters: list[ast.AST] = getattr(node, "type_params", [])
    if not parameters:
        return scope
    around = _Scope("function", scope, method=scope.method, depth=scope.depth)
    around.bound.update(str(getattr(item, "name", "")) for item in parameters)
    stack.extend((item, around) for item in parameters)
    return around


def _bind(scope: _Scope, body: Iterable[ast.AST]) -> None:
    """Gather what the body of a function or class binds."""
    nonlocals: set[str] = set()
    for node in local_nodes(body):
        if isinstance(node, ast.Import | ast.ImportFrom):
            for name, target in imports_of(node):
                scope.imports.setdefault(name, []).append(target)
        elif isinstance(node, ast.Global):
            scope.outer.update(node.names)
        elif isinstance(node, ast.Nonlocal):
            nonlocals.update(node.names)
        else:
            scope.bound.update(stored_names(node))
    scope.bound -= scope.outer | nonlocals


def _head(node: ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef) -> Iterator[ast.AST]:
    """Yield what a definition evaluates in the scope around it."""
    yield from node.decorator_list
    if isinstance(node, ast.ClassDef):
        yield from node.bases
        yield from node.keywords
    else:
        yield from _defaults(node.args)


def _defaults(arguments: ast.arguments) -> Iterator[ast.expr]:
    yield from arguments.defaults
    yield from (item for item in arguments.kw_defaults if item is not None)


def _all_arguments(arguments: ast.arguments) -> Iterator[ast.arg]:
    yield from arguments.posonlyargs
    yield from arguments.args
    yield from arguments.kwonlyargs
    yield from (item for item in (arguments.vararg, arguments.kwarg) if item is not None)


def _annotations(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.expr]:
    for argument in _all_arguments(node.args):
        if argument.annotation is not None:
            yield argument.annotation
    if node.returns is not None:
        yield node.returns
