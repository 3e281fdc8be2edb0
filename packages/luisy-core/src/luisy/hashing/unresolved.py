"""What code hashing cannot follow, told to people.

Rules
-----
- Code that is found by a value is told with what counts instead, which may be more than it needs.
- A file of the project that the code itself finds counts to nobody: by ``__file__``,
  ``importlib.resources`` and the like, as ``exec(open(...).read())``, or as a
  script that is started (``runpy.run_path``, ``subprocess.run([sys.executable, "tool.py"])``).
  Such a line is told, unless the part that it is in, or one by which that was reached, declares
  files (`luisy.reads_files`).

Limits
------
Which files these are is not looked at: one declaration silences all of what is reached by it. A
started script is seen if its name or ``sys.executable`` is written in the call, and of several
calls of one function in a method that are given lists only the first is looked at. Reading by a
path relative to the working directory is taken for an input, not for a file of the project.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from dataclasses import dataclass

from luisy.hashing.computed import external_names
from luisy.hashing.nodes import chain_of
from luisy.hashing.references import Reference
from luisy.hashing.resolve import Resolver, Target
from luisy.hashing.source import Module

_MANY = 3  # more modules than that are counted, not named
_READERS = frozenset({"runpy.run_path", "inspect.getfile", "inspect.getsourcefile"})
_FINDERS = (
    "importlib.resources.", "importlib_resources.", "pkg_resources.resource_", "pkgutil.get_data"
)  # fmt: skip
_STARTERS = ("subprocess.", "os.system", "os.popen", "os.spawn", "os.exec", "asyncio.create_sub")
_SCRIPTS = (".py", ".sh", ".R", ".r", ".jl", ".pl", ".sql")
_WORDS = (
    "__file__", "resources", "get_data", "run_path", "getfile", "getsourcefile",
    "exec", "subprocess", "system", "popen", "spawn",
)  # fmt: skip


@dataclass(frozen=True, slots=True, order=True)
class Unresolved:
    """Code that cannot be followed, so that more counts than it may need, or a file does not.

    Attributes:
        file: The module, by its path in the project.
        line: The line.
        expression: The code.
        taken: What counts instead.
    """

    file: str
    line: int
    expression: str
    taken: str


def whole_modules(module: Module, use: Reference, whole: list[str]) -> Unresolved:
    """Tell that whole modules count for a use."""
    shown = whole if len(whole) < _MANY else [f"{whole[0]} and {len(whole) - 1} other modules"]
    return Unresolved(module.label, use.line, _expression(use), f"all of {' and '.join(shown)}")


def without_source(module_name: str) -> Unresolved:
    """Tell that a module is known by its file only."""
    return Unresolved(module_name.replace(".", "/"), 0, "a module without source", "its file")


def undeclared_file(module: Module, use: Reference) -> Unresolved:
    """Tell that a file counts only if it is declared."""
    hint = "nothing (declare the file with luisy.reads_files)"
    return Unresolved(module.label, use.line, _expression(use), hint)


def may_find_files(module: Module) -> bool:
    """Tell whether a module may find files of the project, by its words only."""
    return module.mentions(*_WORDS)


def finds_file(resolver: Resolver, use: Reference, targets: Iterable[Target]) -> bool:
    """Tell whether a use finds, executes or starts a file of the project.

    Args:
        resolver: To tell whose files are found.
        use: A name that is used.
        targets: What the name stands for.
    """
    if not targets:
        is_place = (use.name, *use.attributes)[-1] == "__file__"
        return is_place or (use.name == "exec" and use.call is not None and _opens(use.call))
    call = use.call
    return call is not None and any(
        name in _READERS
        or (name.startswith(_FINDERS) and _may_be_own(resolver, call))
        or (name.startswith(_STARTERS) and _starts_script(call))
        for name in external_names(use, targets)
    )


def _expression(use: Reference) -> str:
    return ast.unparse(use.call) if use.call else ".".join((use.name, *use.attributes))


def _opens(call: ast.Call) -> bool:
    """Tell whether what is executed is read from a file."""
    chains = (chain_of(item.func) for item in ast.walk(call) if isinstance(item, ast.Call))
    methods = {item.attr for item in ast.walk(call) if isinstance(item, ast.Attribute)}
    return ("open", ()) in chains or bool(methods & {"open", "read_text", "read_bytes"})


def _may_be_own(resolver: Resolver, call: ast.Call) -> bool:
    """Tell whether the package that a call names by a plain string is not a library."""
    match call.args[:1]:
        case [ast.Constant(value=str(package))]:
            return resolver.is_project(package)
    return True


def _starts_script(call: ast.Call) -> bool:
    """Tell whether a call that starts a process names Python itself, or a script."""
    for node in ast.walk(call):
        match node:
            case ast.Attribute(attr="executable"):
                return True
            case ast.Constant(value=str(text)) if any(
                word.endswith(_SCRIPTS) for word in text.split()
            ):
                return True
    return False
