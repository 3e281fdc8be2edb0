"""Tell errors of stdout, in a command, from those of other files."""

from __future__ import annotations

import os
import sys

from luisy_protocol.errors import LuisyError
from luisy_protocol.os_errors import is_full, translate


def full_stdout(error: BaseException) -> LuisyError | None:
    """Return the error in a sentence if stdout has no room, else None."""
    if isinstance(error, OSError) and is_full(error) and leave_stdout():
        return translate(error, "write the output of this command")
    return None


def leave_stdout() -> bool:
    """Tell whether stdout cannot be written; Python then does not try again at its end."""
    try:
        if sys.stdout:  # there is none after `>&-`
            sys.stdout.write("\n")  # to flush may be to write nothing
            sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return True
    return False
