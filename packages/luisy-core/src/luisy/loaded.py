"""Know when a module's file is no longer what was loaded from it.

Code is hashed from its source, and the source that is on disk when somebody asks is not the one
that runs if it was edited after the import: a notebook would record the result of the old code
under the new. So the state of the files is noted when task classes are made, which is when their
modules are loaded, and those they import just were.

Python knows bytecode by the second in which its source was written, and by the length: a file that
is edited twice within one second, from 1.02 to 1.03, may run as it was before. So the bytecode of a
file that was written a moment ago is removed once it is loaded, and a file that is younger than its
bytecode of the same second counts as edited.

Known limit: a name that was imported with ``from`` stays as it was when its module alone is
reloaded; nothing tells.
"""

from __future__ import annotations

import os
import sys
import time
from contextlib import suppress
from dataclasses import dataclass

_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_STANDARD = os.path.dirname(os.__file__) + os.sep  # noqa: PTH120 - costs nothing
_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Loaded:
    """A module as it was loaded.

    Attributes:
        spec: What a reload replaces.
        file: Its file.
        state: The time and size of the file then; None if something else was loaded.
    """

    spec: object
    file: str
    state: tuple[int, int] | None


_loaded: dict[str, Loaded] = {}
_looked_at: set[str] = set()


def note(name: str) -> None:
    """Note the files of a module that is being loaded, and of all that were loaded before it."""
    _note(name)
    if not sys.modules.keys() <= _looked_at:
        for other in sys.modules.keys() - _looked_at:
            _note(other)


def noted(name: str) -> Loaded | None:
    """Return what is known of a module as it is loaded now."""
    known = _loaded.get(name)
    is_same = known and getattr(sys.modules.get(name), "__spec__", None) is known.spec
    return known if is_same else None


def is_edited(name: str) -> bool:
    """Tell whether the file of a loaded module was changed after it was loaded."""
    known = noted(name)
    return known is not None and _state(known.file) != known.state


def _note(name: str) -> None:
    _looked_at.add(name)
    told = getattr(sys.modules.get(name), "__dict__", {})  # a module may answer to any name
    file = told.get("__file__")
    if not isinstance(file, str) or file.startswith(_STANDARD):
        return
    if not any(marker in file for marker in _INSTALLED):
        spec, state = told.get("__spec__"), _state(file)
        is_stale = state and _is_stale(state[0], getattr(spec, "cached", None))
        _loaded[name] = Loaded(spec, file, None if is_stale else state)


def _is_stale(written: int, bytecode: str | None) -> bool:
    """Tell whether a module's bytecode is older than its file, though Python takes it for its own.

    Bytecode that may be taken so from now on is removed, for the next process.
    """
    is_recent = time.time_ns() - written < 2 * _SECOND
    made = _state(bytecode) if bytecode else None
    is_stale = made is not None and made[0] < written and made[0] // _SECOND == written // _SECOND
    if bytecode and (is_recent or is_stale):
        with suppress(OSError):
            os.unlink(bytecode)  # noqa: PTH108 - as above
    return is_stale


def _state(file: str) -> tuple[int, int] | None:
    try:
        status = os.stat(file)  # noqa: PTH116 - called for every task class
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size
