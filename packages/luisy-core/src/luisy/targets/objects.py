"""Targets of plain Python objects."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

from luisy.targets.local import LocalTarget


class PickleTarget(LocalTarget):
    """Any object that pickle can keep; `kwargs` go to `pickle.dump`."""

    file_ending = "pkl"
    requires_pandas = False

    def load(self, path: Path) -> Any:
        """Read the object."""
        with path.open("rb") as file:
            return pickle.load(file)  # noqa: S301 - the user's own output; the README warns

    def dump(self, obj: Any, path: Path) -> None:
        """Write the object."""
        with path.open("wb") as file:
            pickle.dump(obj, file, **self.kwargs)


class JSONTarget(LocalTarget):
    """Any value that JSON knows; `kwargs` go to `json.dump`."""

    file_ending = "json"
    requires_pandas = False

    def load(self, path: Path) -> Any:
        """Read the value."""
        with path.open(encoding="utf-8") as file:
            return json.load(file)

    def dump(self, obj: Any, path: Path) -> None:
        """Write the value, indented."""
        with path.open("w", encoding="utf-8") as file:
            json.dump(obj, file, **{"indent": 4, "separators": (",", ": "), **self.kwargs})
