"""Keep the source of every part of the code that made an output, once, by its digest.

It lies in ``<working_dir>/<project>/.luisy/code/<digest>`` and is written when an output is made
or fetched, so that `luisy explain` can show later what has changed. It may be removed at any time:
then there is nothing to compare with, and everything else works as before.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import LuisyError
from luisy_protocol.temporary import replacing

if TYPE_CHECKING:
    from luisy.hashing import CodeHash

_DIGEST = re.compile(r"[0-9a-f]{16,64}")


@dataclass(frozen=True, slots=True)
class CodeStore:
    """The sources of one project.

    Attributes:
        folder: Where they are.
    """

    folder: Path

    def keep(self, codes: Iterable[CodeHash]) -> None:
        """Keep the sources of some classes; what cannot be written is not kept."""
        with suppress(OSError, LuisyError):
            self.folder.mkdir(parents=True, exist_ok=True)
            for code in codes:
                for part, digest in code.parts.items():
                    # The digest of a library is its version: there is no source to keep.
                    if _DIGEST.fullmatch(digest) and not (self.folder / digest).exists():
                        self._write(digest, code.sources.get(part, ""))

    def source(self, digest: str) -> str | None:
        """Return the source of a part, or None if it is not kept."""
        if not _DIGEST.fullmatch(digest):
            return None
        try:
            return (self.folder / digest).read_text("utf-8")
        except (OSError, UnicodeDecodeError):
            return None

    def _write(self, digest: str, source: str) -> None:
        with replacing(self.folder / digest) as temporary:
            temporary.write_text(source, "utf-8")
