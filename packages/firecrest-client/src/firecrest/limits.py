"""How large a file the server takes and gives directly, by its own settings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

from firecrest.types import Parameters

MIB = 1 << 20
UNKNOWN = 5 * MIB
# Servers measure the whole form: the file, two long names and what is between them.
FORM = 8 << 10


@dataclass(frozen=True, slots=True)
class DirectLimits:
    """The largest files for direct transfers.

    Attributes:
        upload: In bytes, towards the machine; less than the limit by the size of a form.
        download: In bytes, from the machine. Servers encode a file within the same limit, so it is
            less; a server that allows more is asked for less than it could give, not for too much.
    """

    upload: int
    download: int

    @classmethod
    def of(cls, parameters: Parameters) -> Self:
        """Read the limits from the server's parameters."""
        told = {p["name"]: p["value"] for p in parameters.get("utilities", [])}
        try:
            limit = int(float(told["UTILITIES_MAX_FILE_SIZE"]) * MIB)
        except (KeyError, ValueError):
            limit = UNKNOWN
        return cls(limit - FORM, limit * 7 // 10)
