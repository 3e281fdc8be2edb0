"""Names that other packages add to `luisy` and `luisy.decorators`.

The entry-point group is ``luisy.extensions``; an entry point's name is the name that is added.
An extension is looked up when it is first asked for, and kept. Nothing is imported before.
"""

from __future__ import annotations

import sys
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import Any

from luisy_protocol.errors import MissingPackage

GROUP = "luisy.extensions"
_KNOWN = {"directory_output": "luisy-dirs", "make_directory_output": "luisy-dirs"}


def load(name: str, *, module: str) -> Any:
    """Return the object that an installed package registered, and add it to the module.

    Args:
        name: The name asked for.
        module: The module in which it was looked up.

    Raises:
        MissingPackage: If the name is known and its package is not installed.
        AttributeError: If nobody registered it.
    """
    entry_point = None if name.startswith("_") else installed().get(name)
    if entry_point is None:
        if name in _KNOWN:
            raise MissingPackage(
                f"{module}.{name} needs another package: pip install {_KNOWN[name]}"
            )
        raise AttributeError(f"module '{module}' has no attribute '{name}'")
    extension = entry_point.load()
    setattr(sys.modules[module], name, extension)
    return extension


@cache
def installed() -> dict[str, EntryPoint]:
    """Return the entry points of the group by name."""
    return {entry_point.name: entry_point for entry_point in entry_points(group=GROUP)}
