"""What a piece of code takes from its module, and what it changes there.

Rules
-----
- ``a.b.c`` is one reference, to be followed as far as modules go. ``getattr(a, "b")`` is ``a.b``.
- A name that a function imports is a reference to what is imported.
- An assignment to an item or an attribute, a call of a method that changes its object
  (``a.append``), and an assignment in a function that says ``global`` are changes: they need what
  they change, but not what others put into it.
- Annotations that the canonical form drops are not looked at, nor are type-checking branches.
"""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import replace
from typing import NamedTuple

from luisy.hashing.canonical import effective_body, reads_annotations
from luisy.hashing.nodes import (
    Chain,
    Function,
    Import,
    chain_of,
    children,
    container,
    defaults_of,
    imports_of,
    is_type_checking,
    stored_names,
)
from luisy.hashing.scope import Scope, all_arguments

# The methods that change their object: of lists, sets, dicts, deques, and abstract base classes.
MUTATORS = frozenset(
    {"add", "append", "appendleft", "clear", "discard", "extend", "extendleft", "insert", "pop"}
    | {"popitem", "popleft", "register", "remove", "reverse", "rotate", "setdefault", "sort"}
    | {"update", "__setitem__", "__delitem__"}
)
SUBCLASSES = "__subclasses__"
_READERS = frozenset({"pop", "popitem", "popleft", "setdefault"})


class Reference(NamedTuple):
    """A use of a name of the module, or of something that a function imports.

    Attributes:
        name: The name.
        attributes: The chain of attributes behind it.
        imports: If a function imports the name: what it may be.
        method: The method of the class that it stands in; ``@name`` if it is an argument of that
            decorator of a class; else empty.
        is_change: Whether it only changes what the name stands for.
        depth: In how many functions it stands, one in the other.
        is_own: Whether it may be a name of the class body that it stands in.
        line: Where it was seen first.
        call: The call, if this is the function that is called.
    """

    name: str
    attributes: tuple[str, ...] = ()
    imports: tuple[Import, ...] = ()
    method: str = ""
    is_change: bool = False
    depth: int = 0
    is_own: bool = False
    line: int = 0
    call: ast.Call | None = None


_Found = Iterable[Reference]
_Stack = list[tuple[ast.AST, Scope]]


def references(statements: Iterable[ast.stmt]) -> list[Reference]:
    """List what some statements of a module's top level refer to, in a fixed order, each once."""
    found: dict[object, Reference] = {}
    module = Scope("module")
    stack: _Stack = [(node, module) for node in effective_body(statements)]
    stack.reverse()
    while stack:
        node, scope = stack.pop()
        visit = _VISITS.get(type(node))
        if visit is None:
            stack += [(item, scope) for item in reversed(children(node))]
            continue
        for reference in visit(node, scope, stack):
            # What is imported by a computed name depends on what the function is given.
            given = None if reference.call is None else _given(reference.call)
            found.setdefault((*reference[:-2], given), reference)  # from the first line
    return list(found.values())


def _given(call: ast.Call) -> object:
    """Return the first argument of a call if it is a plain string or name, else an empty text."""
    first = call.args[0] if call.args else None
    if isinstance(first, ast.Name):
        return first.id, ""
    return first.value if isinstance(first, ast.Constant) and type(first.value) is str else ""


def _look_up(
    chain: Chain,
    scope: Scope,
    node: ast.AST,
    *,
    is_change: bool = False,
    call: ast.Call | None = None,
) -> Iterator[Reference]:
    """Yield what a name means, if that is outside of the functions here."""
    line = getattr(node, "lineno", 0)
    is_own = scope.kind == "class" and chain[0] in scope.bound
    for imports in scope.find(chain[0]):
        yield Reference(*chain, imports, scope.method, is_change, scope.depth, is_own, line, call)


def _visit_name(node: ast.Name, scope: Scope, _stack: _Stack) -> _Found:
    if isinstance(node.ctx, ast.Load):
        return _look_up((node.id, ()), scope, node)
    if scope.kind == "module":
        return ()
    return _look_up((node.id, ()), scope, node, is_change=scope.declares_global(node.id))


def _visit_attribute(node: ast.Attribute, scope: Scope, stack: _Stack) -> _Found:
    chain = chain_of(node)
    if chain is None:
        stack.append((node.value, scope))
        return ()
    return _look_up(chain, scope, node, is_change=not isinstance(node.ctx, ast.Load))


def _visit_subscript(node: ast.Subscript, scope: Scope, stack: _Stack) -> _Found:
    stack.append((node.slice, scope))
    if isinstance(node.ctx, ast.Load):
        named = _named_module(node)
        if named is not None:
            return [Reference("sys.modules", (), (named,), scope.method, line=node.lineno)]
        stack.append((node.value, scope))
        return ()
    if not isinstance(node.value, ast.Name | ast.Attribute):
        stack.append((node.value, scope))
    match node:
        case ast.Subscript(ast.Call(ast.Name("globals"), []), ast.Constant(str(name))):
            return [Reference(name, (), (), scope.method, True, scope.depth, line=node.lineno)]
    chain = chain_of(container(node))
    return _look_up(chain, scope, node, is_change=True) if chain is not None else ()


def _named_module(node: ast.Subscript) -> Import | None:
    """Read ``sys.modules["a.b"]`` as the module a.b."""
    match node:
        case ast.Subscript(ast.Attribute(ast.Name("sys"), "modules"), ast.Constant(str(name))):
            return Import(name)
    return None


def _visit_call(node: ast.Call, scope: Scope, stack: _Stack) -> _Found:
    arguments: list[ast.AST] = [*node.args, *node.keywords]
    chain = chain_of(node.func)
    taken = _plain_getattr(node)
    if taken is not None:
        arguments.remove(node.args[0])
        yield from _look_up(taken, scope, node)
    stack += [(item, scope) for item in reversed(arguments)]
    asks = isinstance(node.func, ast.Attribute) and node.func.attr == SUBCLASSES
    if asks and (chain is None or not any(_look_up(chain, scope, node))):
        yield Reference(SUBCLASSES, depth=scope.depth, line=node.lineno)
    if chain is None:
        stack.append((node.func, scope))
        return
    method = chain[1][-1] if chain[1] else ""
    if method in MUTATORS:
        yield from _look_up(chain, scope, node, is_change=True, call=node)
    if method not in MUTATORS or method in _READERS:
        yield from _look_up(chain, scope, node, call=node)


def _plain_getattr(node: ast.Call) -> Chain | None:
    """Read ``getattr(a, "b")`` as ``a.b``."""
    match node:
        case ast.Call(func=ast.Name(id="getattr"), args=[of, ast.Constant(value=str(name)), *_]):
            chain = chain_of(of)
            return (chain[0], (*chain[1], name)) if chain else None
    return None


def _visit_function(node: Function, scope: Scope, stack: _Stack) -> _Found:
    around = _type_scope(node, scope, stack)
    inner = around.inner("function", node.name if scope.kind == "class" else "")
    inner.bind(node.body)
    inner.bind_arguments(node.args)
    stack.extend((item, inner) for item in reversed(effective_body(node.body)))
    if reads_annotations(node):
        stack.extend((item, around) for item in _annotations(node))
    stack.extend((item, scope) for item in [*node.decorator_list, *defaults_of(node.args)])
    return ()


def _visit_lambda(node: ast.Lambda, scope: Scope, stack: _Stack) -> _Found:
    inner = scope.inner("function")
    inner.bind([node.body])
    inner.bind_arguments(node.args)
    stack.append((node.body, inner))
    stack.extend((item, scope) for item in defaults_of(node.args))
    return ()


def _visit_class(node: ast.ClassDef, scope: Scope, stack: _Stack) -> _Found:
    around = _type_scope(node, scope, stack)
    inner = around.inner("class")
    inner.bind(node.body)
    stack.extend((item, inner) for item in reversed(effective_body(node.body)))
    stack.extend((item, around) for item in [*node.bases, *node.keywords])
    stack.extend((item, _decorator_scope(item, scope)) for item in node.decorator_list)
    return ()


def _decorator_scope(decorator: ast.expr, scope: Scope) -> Scope:
    """Mark what stands in the decorator of a class, for `requires` hands over tasks there."""
    chain = chain_of(decorator.func) if isinstance(decorator, ast.Call) else None
    if chain is None or scope.kind != "module":
        return scope
    return scope.inner("decorator", "@" + ".".join((chain[0], *chain[1])))


def _visit_comprehension(
    node: ast.ListComp | ast.SetComp | ast.DictComp | ast.GeneratorExp, scope: Scope, stack: _Stack
) -> _Found:
    inner = scope.inner("comprehension")
    for generator in node.generators:
        for item in ast.walk(generator.target):
            inner.bound.update(stored_names(item))
    results = [node.key, node.value] if isinstance(node, ast.DictComp) else [node.elt]
    stack.extend((item, inner) for item in results)
    for index, generator in enumerate(node.generators):
        stack.append((generator.iter, inner if index else scope))
        stack.extend((item, inner) for item in [generator.target, *generator.ifs])
    return ()


def _visit_if(node: ast.If, scope: Scope, stack: _Stack) -> _Found:
    below: list[ast.AST] = list(node.orelse) if is_type_checking(node.test) else children(node)
    stack += [(item, scope) for item in reversed(below)]
    return ()


def _visit_annotated(node: ast.AnnAssign, scope: Scope, stack: _Stack) -> _Found:
    annotations = [node.annotation] if scope.kind == "class" else []
    below = filter(None, (*annotations, node.value, node.target))
    stack += [(item, scope) for annotation in annotations for item in _quoted(annotation)]
    stack += [(item, scope) for item in below]
    return ()


def _quoted(annotation: ast.expr) -> Iterator[ast.AST]:
    """Yield what is quoted in an annotation, for a library may evaluate it."""
    pending: list[ast.AST] = [annotation]
    while pending:
        node = pending.pop()
        match node:
            case ast.Constant(value=str(text)):
                with suppress(SyntaxError, ValueError):
                    yield ast.parse(text.strip(), mode="eval").body
            case ast.Subscript(value=ast.Name("Literal") | ast.Attribute(attr="Literal")):
                continue
            case ast.Subscript(
                value=ast.Name("Annotated") | ast.Attribute(attr="Annotated"),
                slice=ast.Tuple(elts=[kind, *_]),
            ):
                pending.append(kind)
            case _:
                pending += children(node)


def _visit_import(node: ast.Import | ast.ImportFrom, scope: Scope, _stack: _Stack) -> _Found:
    if scope.kind != "module":
        for name, target in imports_of(node):
            line = node.lineno
            yield Reference(name, (), (target,), scope.method, depth=scope.depth, line=line)


def _type_scope(node: Function | ast.ClassDef, scope: Scope, stack: _Stack) -> Scope:
    """Open the scope of the type parameters (Python 3.12), if there are any."""
    parameters: list[ast.AST] = getattr(node, "type_params", [])
    if not parameters:
        return scope
    around = replace(scope.inner("function"), depth=scope.depth)
    around.bound.update(str(getattr(item, "name", "")) for item in parameters)
    stack.extend((item, around) for item in parameters)
    return around


def _annotations(node: Function) -> Iterator[ast.expr]:
    for argument in all_arguments(node.args):
        if argument.annotation is not None:
            yield argument.annotation
    if node.returns is not None:
        yield node.returns


_VISITS: dict[type[ast.AST], Callable[..., _Found]] = {
    ast.Name: _visit_name,
    ast.Attribute: _visit_attribute,
    ast.Subscript: _visit_subscript,
    ast.Call: _visit_call,
    ast.FunctionDef: _visit_function,
    ast.AsyncFunctionDef: _visit_function,
    ast.Lambda: _visit_lambda,
    ast.ClassDef: _visit_class,
    ast.ListComp: _visit_comprehension,
    ast.SetComp: _visit_comprehension,
    ast.DictComp: _visit_comprehension,
    ast.GeneratorExp: _visit_comprehension,
    ast.If: _visit_if,
    ast.AnnAssign: _visit_annotated,
    ast.Import: _visit_import,
    ast.ImportFrom: _visit_import,
}
