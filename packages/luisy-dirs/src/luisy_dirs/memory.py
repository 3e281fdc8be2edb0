"""What a directory was made of, file by file, so that only what changed is made again.

A text file of the project's private folder, to which lines are only added; the last of an
input counts::

    {"format": "luisy-directory", "version": 1}
    ["9c1e...", "my_module/raw/a.png", "5d7f...", [["a.npy", "e3b0...", 1024]]]

The parts: the code that made the files, the input, its digest, and each file made with digest
and size. A line is written when the files are complete, wherever they are by then: in the staging
folder of a run that died, or in the directory. A torn line counts for nothing. The whole may be
lost at any time: then every file is made again.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from luisy_protocol.os_errors import translated
from luisy_protocol.record import Content
from luisy_protocol.temporary import replacing

_HEADER = '{"format": "luisy-directory", "version": 1}\n'
_WASTE = 1000


class _Entry(NamedTuple):
    code: str
    sha256: str
    made: list[list[Any]]


class Memory:
    """The memory of one directory.

    Args:
        path: The file; it need not exist.
        code: The code that makes files now: what other code made is not known.
    """

    def __init__(self, path: Path, code: str) -> None:
        self._path = path
        self._code = code
        self._known: dict[str, _Entry] = {}
        self._lines = 0
        self._read()

    @property
    def knows_code(self) -> bool:
        """Tell whether anything is known of what this code made."""
        return any(entry.code == self._code for entry in self._known.values())

    def find(self, item: str, sha256: str) -> dict[str, Content] | None:
        """Return what was made from an input of this content, or None if that is not known."""
        known = self._known.get(item)
        if known is None or known.sha256 != sha256 or known.code != self._code:
            return None
        return {name: Content(digest, size) for name, digest, size in known.made}

    def add(self, done: Iterable[tuple[str, str, Mapping[str, Content]]]) -> None:
        """Remember, for some inputs with their digests, what was made of each."""
        lines = []
        for item, sha256, made in done:
            entry = _Entry(self._code, sha256, [[n, c.sha256, c.size] for n, c in made.items()])
            self._known[item] = entry
            lines.append(_line(item, entry))
        if not lines:
            return
        with translated(f"write {self._path}"):
            self._path.parent.mkdir(parents=True, exist_ok=True)
            with self._path.open("a", encoding="utf-8") as file:
                file.write(("" if self._lines else _HEADER) + "".join(lines))
        self._lines += len(lines)

    def tidy(self, items: Iterable[str]) -> None:
        """Forget all but these inputs, when most of the file is outdated."""
        kept = {item: self._known[item] for item in items if item in self._known}
        if self._lines <= 2 * len(kept) + _WASTE:
            return
        with translated(f"write {self._path}"), replacing(self._path) as temporary:
            lines = [_line(item, entry) for item, entry in kept.items()]
            temporary.write_text(_HEADER + "".join(lines), "utf-8")
        self._known, self._lines = kept, len(lines)

    def _read(self) -> None:
        try:
            content = self._path.read_bytes()
        except OSError:
            return
        whole, newline, torn = content.rpartition(b"\n")
        lines = whole.decode("utf-8", "replace").split("\n")
        if lines[0] != _HEADER.rstrip("\n"):
            with suppress(OSError):
                self._path.unlink()
            return
        if torn:
            with suppress(OSError):
                os.truncate(self._path, len(whole + newline))
        self._lines = len(lines) - 1
        for found in _parsed(lines[1:]):
            if type(found) is list and len(found) == 4 and type(found[1]) is str:
                code, item, sha256, made = found
                self._known[item] = _Entry(code, sha256, made)


def _line(item: str, entry: _Entry) -> str:
    return json.dumps([entry.code, item, entry.sha256, entry.made], separators=(",", ":")) + "\n"


def _parsed(lines: list[str]) -> list[Any]:
    with suppress(ValueError):
        found: list[Any] = json.loads(f"[{','.join(lines)}]")
        return found
    each = []
    for line in lines:
        with suppress(ValueError):
            each.append(json.loads(line))
    return each
