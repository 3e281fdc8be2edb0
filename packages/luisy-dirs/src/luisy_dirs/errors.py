"""Every error of luisy-dirs.

Below `luisy_protocol.errors.LuisyError`::

    LuisyError
    ├── FileFailed                  one file of a directory could not be read or made
    └── ConfigurationError
        └── NameClash               two files of a directory would have one name
"""

from __future__ import annotations

import traceback
from pathlib import Path
from types import TracebackType

from luisy_protocol.errors import ConfigurationError, LuisyError

_HERE = str(Path(__file__).parent)


class FileFailed(LuisyError):
    """One file of a directory could not be read or made.

    Attributes:
        path: The file that was being read.
    """

    def __init__(self, path: str, message: str) -> None:
        super().__init__(message)
        self.path = path

    def __reduce__(self) -> tuple[type[FileFailed], tuple[str, str]]:
        return type(self), (self.path, str(self))


class NameClash(ConfigurationError):
    """Two files of one directory would have the same name, at least on some file system."""


def cause_text(error: BaseException) -> str:
    """Return an error in one line: its type and what it says."""
    said = " ".join(str(error).split())
    return f"{type(error).__name__}: {said}" if said else type(error).__name__


def trace_text(error: BaseException) -> str:
    """Return the traceback of an error, from the user's own code on."""
    trace = _own(error.__traceback__)
    return "".join(traceback.format_exception(type(error), error, trace)).rstrip()


def _own(trace: TracebackType | None) -> TracebackType | None:
    while trace and trace.tb_next and trace.tb_frame.f_code.co_filename.startswith(_HERE):
        trace = trace.tb_next
    return trace
