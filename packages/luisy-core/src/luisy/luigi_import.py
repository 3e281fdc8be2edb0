"""Import luigi also where no temporary folder can be written, as on a disk that is full.

luigi asks for the name of that folder while it is imported, for an option that nothing here uses.
Python only names a folder in which it has written a file, and raises where there is none: the
command would end before it can say what is wrong.
"""

from __future__ import annotations

import os
import tempfile

try:
    tempfile.gettempdir()
except FileNotFoundError:
    tempfile.tempdir = os.curdir  # any name will do
    try:
        import luigi  # noqa: F401
    finally:
        tempfile.tempdir = None  # whoever needs one looks again
