"""Find the modules of a project and parse each once.

Rules
-----
- A module is found as Python would import it, but nothing is executed: what is loaded tells its
  own file, else the finders are asked, one package after the other.
- Where its file lies decides what a module is: *standard library* (never hashed), *installed*
  (below ``site-packages`` or ``dist-packages``: hashed by version), or *project* (anything else,
  so also an editable install or a sibling on ``sys.path``; hashed by source). The top-level
  package of the class that is hashed is always project.
- The label of a module is its path below the folder of its top-level package, with ``/``
  everywhere; a script that is run by path has the label that it would have if it were imported.
- A module is parsed once. What is known is forgotten when a module is loaded anew
  (`importlib.reload`), when another notebook cell ran, or when a file changed that is not loaded
  yet. A file that was edited after it was loaded is refused: it is not what would run.
- ``__main__`` in a notebook or a console is the sequence of the cells that ran, as Python saw
  them.

Limits
------
Extension modules and files without source have no tree. An interactive prompt of plain Python
keeps no source.
"""

from __future__ import annotations

import ast
import importlib.machinery
import importlib.util
import os
import sys
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.errors import ConfigurationError

from luisy.loaded import Loaded, is_edited, noted

# Names that the standard library has, or had, in some supported version only.
_STANDARD = (
    sys.stdlib_module_names
    | {"aifc", "annotationlib", "asynchat", "asyncore", "audioop", "cgi", "cgitb", "chunk", "crypt"}
    | {
        "compression",
        "distutils",
        "imghdr",
        "imp",
        "lib2to3",
        "mailcap",
        "msilib",
        "nis",
        "nntplib",
    }
    | {"ossaudiodev", "pipes", "smtpd", "sndhdr", "spwd", "sunau", "telnetlib", "uu", "xdrlib"}
)
_STANDARD_FOLDER = os.path.dirname(os.path.abspath(os.__file__)) + os.sep  # noqa: PTH100, PTH120
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")


@dataclass(frozen=True, slots=True, eq=False)
class Module:
    """A parsed module.

    Attributes:
        name: Its dotted name; ``__main__`` for a script or a notebook.
        package: The dotted name that its relative imports start from.
        label: Its path for people: ``my_module/util.py``.
        file: Where it was found, for messages only.
        text: Its source, with the newlines of Unix.
        tree: Its syntax tree.
        is_package: Whether it is an ``__init__``.
        is_interactive: Whether it consists of the cells of a notebook.
        cell_ends: For a notebook the index of the last statement of each cell.
    """

    name: str
    package: str
    label: str
    file: str
    text: str
    tree: ast.Module
    is_package: bool = False
    is_interactive: bool = False
    cell_ends: frozenset[int] = frozenset()

    def mentions(self, *words: str) -> bool:
        """Tell whether it may use one of some words, without a walk through its tree."""
        return any(word in self.text for word in words)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a module is: its file, and its folders if it is a package."""

    file: str | None
    folders: tuple[str, ...] | None = None


@dataclass(slots=True, eq=False)
class _Stamp:
    """What changes when a module is loaded anew.

    Attributes:
        token: Its spec, or that of the nearest package above it that is loaded; of a notebook the
            number of its cells.
        file: Where it is.
        is_loaded: Whether it is loaded itself.
        written: When the file was written, as far as it matters.
    """

    token: object
    file: str | None
    is_loaded: bool
    written: tuple[int, int] | None = None

    def __post_init__(self) -> None:
        if self.file and not self.is_loaded:
            self.written = _written(self.file)

    def is_same(self, now: _Stamp) -> bool:
        if not self.is_loaded and now.is_loaded:
            # It was imported since, and that is no change if it was not written in between.
            return self.file is not None and self.written == _written(self.file)
        if self.is_loaded != now.is_loaded:
            return False
        return self.token is now.token or (isinstance(now.token, int) and self.token == now.token)


def _written(file: str) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - called often
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size


class Modules:
    """The modules that were looked at in this process.

    Attributes:
        generation: How often something that is known here was loaded anew; see `refresh`.
    """

    def __init__(self) -> None:
        self.generation = 0
        self._parsed: dict[str, Module | None] = {}
        self._places: dict[str, _Place | None] = {}
        self._kinds: dict[str, str] = {}
        self._stamps: dict[str, _Stamp] = {}
        self._before: dict[str, Module] = {}
        self._read: dict[str, Loaded | None] = {}

    def refresh(self) -> int:
        """Forget everything if a module was loaded anew; return the generation."""
        for name, stamp in self._stamps.items():
            if not stamp.is_same(_stamp(name, self._places.get(name))):
                self._before.update({key: module for key, module in self._parsed.items() if module})
                for known in (self._parsed, self._places, self._kinds, self._stamps):
                    known.clear()
                self.generation += 1
                break
        return self.generation

    def is_current(self, name: str) -> bool:
        """Tell whether a module was not loaded anew since it was parsed."""
        stamp = self._stamps.get(name)
        return stamp is None or stamp.is_same(_stamp(name, self._places.get(name)))

    def get(self, name: str) -> Module | None:
        """Return a module, or None if there is none or it has no source."""
        if name not in self._parsed:
            self._parsed[name] = self._as_loaded(name) if is_edited(name) else self._parse(name)
            self._read[name] = noted(name)
            self._stamps[name] = _stamp(name, self._places.get(name))
        return self._parsed[name]

    def exists(self, name: str) -> bool:
        """Tell whether there is a module or package of that name."""
        return self._place(name) is not None

    def kind(self, top_level: str) -> str:
        """Tell what a name is: ``standard``, ``installed``, ``project`` or ``missing``."""
        if top_level not in self._kinds:
            self._kinds[top_level] = self._find_kind(top_level)
        return self._kinds[top_level]

    def submodules(self, top_level: str) -> list[str]:
        """Name all modules of a package, by its files; of a plain module those beside it."""
        place = self._place(top_level)
        if place is None:
            return []
        if place.folders is None:
            is_project = place.file is not None and self.kind(top_level) == "project"
            beside = Path(place.file).parent.glob("*.py") if is_project and place.file else ()
            return sorted(file.stem for file in beside if file.stem.isidentifier())
        found = {top_level}
        for folder in place.folders:
            for file in Path(folder).rglob("*.py"):
                words = list(file.relative_to(folder).with_suffix("").parts)
                if words[-1] == "__init__":
                    words.pop()
                if all(word.isidentifier() for word in words):
                    found.add(".".join([top_level, *words]))
        return sorted(found)

    def file(self, name: str) -> str | None:
        """Return the file of a module; None for a namespace package or what is built in."""
        place = self._place(name)
        return place.file if place else None

    def is_namespace(self, name: str) -> bool:
        """Tell whether a name is a package without ``__init__``, which distributions may share."""
        place = self._place(name)
        return place is not None and place.file is None and bool(place.folders)

    def site(self, top_level: str) -> Path | None:
        """Return the folder that a top-level package or module lies in."""
        place = self._place(top_level)
        if place is None:
            return None
        if place.folders:
            return Path(place.folders[0]).parent
        return Path(place.file).parent if place.file else None

    def folder(self, name: str) -> Path:
        """Return the folder in which a module's file lies; of a notebook the working directory."""
        file = self.file(name)
        return Path(file).parent if file else Path.cwd()

    def _find_kind(self, top_level: str) -> str:
        if top_level == "__main__":
            return "project"
        place = self._place(top_level)
        if place is None:
            return "standard" if top_level in _STANDARD else "missing"
        location = place.file or next(iter(place.folders or ()), "")
        if any(marker in location for marker in _INSTALLED):
            return "installed"
        if top_level in _STANDARD and (not location or location.startswith(_STANDARD_FOLDER)):
            return "standard"
        return "project" if location else "installed"

    def _place(self, name: str) -> _Place | None:
        if name not in self._places:
            self._places[name] = self._find(name)
        return self._places[name]

    def _find(self, name: str) -> _Place | None:
        loaded = sys.modules.get(name)
        told = getattr(loaded, "__dict__", {})  # not getattr: a module may answer to any name
        file, folders = told.get("__file__"), told.get("__path__")
        if file is not None or folders is not None:
            return _Place(file, tuple(folders) if folders is not None else None)
        if loaded is not None:
            return _Place(None)
        parent, _, _ = name.rpartition(".")
        above = self._place(parent) if parent else None
        if parent and (above is None or above.folders is None):
            return None
        spec = _ask_finders(name, above.folders if above else None)
        if spec is None:
            return None
        below = spec.submodule_search_locations
        return _Place(
            spec.origin if spec.has_location else None, None if below is None else tuple(below)
        )

    def _parse(self, name: str) -> Module | None:
        if name == "__main__":
            cells = _cells()
            if cells is not None:
                return _notebook(cells)
        place = self._place(name)
        if place is None or place.file is None or not place.file.endswith((".py", ".pyw")):
            return None
        try:
            text = importlib.util.decode_source(Path(place.file).read_bytes())
        except (OSError, UnicodeDecodeError, SyntaxError):
            return None
        before = self._before.get(name)
        if before is not None and (before.file, before.text) == (place.file, text):
            return before
        tree = parse(text)
        if tree is None:
            return None
        is_package = place.folders is not None
        if name == "__main__":
            dotted = _imported_name(Path(place.file))
            package = (
                getattr(sys.modules["__main__"], "__package__", None) or dotted.rpartition(".")[0]
            )
        else:
            dotted = name
            package = name if is_package else name.rpartition(".")[0]
        label = dotted.replace(".", "/") + ("/__init__.py" if is_package else ".py")
        return Module(name, package, label, place.file, text, tree, is_package)

    def _as_loaded(self, name: str) -> Module:
        """Return a module that was edited since it was loaded, if it was parsed before that."""
        before = self._before.get(name)
        if before is None or self._read.get(name) != noted(name):
            raise ConfigurationError(
                f"{self.file(name)} was changed after it was imported, so its code is not the code "
                "that would run: reload it (importlib.reload), and what imports it, or start anew"
            )
        return before


def parse(text: str) -> ast.Module | None:
    """Parse source without the warnings of its compilation; None if it is not Python."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return ast.parse(text)
        except (SyntaxError, ValueError):
            return None


def _stamp(name: str, place: _Place | None) -> _Stamp:
    if name == "__main__":
        cells = _cells()
        if cells is not None:
            return _Stamp(len(cells), None, is_loaded=True)
    words = name
    while words:
        spec = getattr(sys.modules.get(words), "__spec__", None)
        if spec is not None or name in sys.modules:
            break
        words = words.rpartition(".")[0]
    else:
        spec = None
    return _Stamp(spec, place.file if place else None, is_loaded=name in sys.modules)


def _ask_finders(name: str, folders: Sequence[str] | None) -> importlib.machinery.ModuleSpec | None:
    for finder in sys.meta_path:
        try:
            spec = finder.find_spec(name, folders)
        except (ImportError, AttributeError, ValueError):
            continue
        if spec is not None:
            return spec
    return None


def _cells() -> Sequence[str] | None:
    """Return the cells of a notebook, if ``__main__`` is one: IPython keeps them in ``In``."""
    main = vars(sys.modules.get("__main__", sys))
    cells = main.get("In")
    if isinstance(cells, list) and "get_ipython" in main and main.get("__file__") is None:
        return cells
    return None


def _notebook(cells: Sequence[str]) -> Module:
    body: list[ast.stmt] = []
    lines: list[str] = []
    ends: set[int] = set()
    for cell in cells:
        tree = parse(_without_magic(cell))
        if tree is None or not tree.body:
            continue
        for node in tree.body:
            ast.increment_lineno(node, len(lines))
        body += tree.body
        ends.add(len(body) - 1)
        lines += cell.splitlines()
    tree = ast.Module(body=body, type_ignores=[])
    return Module(
        "__main__", "", "__main__", "a notebook cell", "\n".join(lines), tree,
        is_interactive=True, cell_ends=frozenset(ends),
    )  # fmt: skip


def _without_magic(cell: str) -> str:
    """Return what a cell magic such as ``%%time`` executes, as far as it executes its cell."""
    tree = parse(cell) if "run_cell_magic" in cell else None
    match tree.body if tree is not None else []:
        case [ast.Expr(ast.Call(ast.Attribute(attr="run_cell_magic"), [name, _, code]))]:
            if isinstance(name, ast.Constant) and name.value in {"time", "capture", "prun"}:
                return str(code.value) if isinstance(code, ast.Constant) else cell
    return cell


def _imported_name(script: Path) -> str:
    words = [script.stem]
    folder = script.resolve().parent
    while (folder / "__init__.py").is_file():
        words.insert(0, folder.name)
        folder = folder.parent
    return ".".join(words)
