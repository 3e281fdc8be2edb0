"""Which distribution an import belongs to, and which version of it counts.

Rules
-----
- The line of the requirements file decides, if one is given and names the distribution with
  anything more than its name. A pin (``pandas==2.2.3``) counts as that version, so that writing
  down the installed versions makes nothing outdated; anything else (a range, an address) counts
  as it is written, spaces aside. Included files (``-r``, ``-c``) are read; comments, options and
  hashes do not count.
- Else the installed version counts, and ``not installed`` for what is not there.
- luisy's own packages never count, nor does luigi (``luigi.contrib`` does): it schedules, and
  what it hands to a task enters the hash as parameters and requirements.
- The distribution of an import is the one that installed its files, found from their folder: by
  name first, then by the lists of installed files.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

from luisy_protocol.errors import ConfigurationError

from luisy.hashing.source import Modules

NOT_INSTALLED = "not installed"
_LINE = re.compile(r"^([A-Za-z0-9][A-Za-z0-9._-]*)\s*(\[[^\]]*\])?\s*(.*)$")


def normalise(name: str) -> str:
    """Write the name of a distribution in the one way that compares."""
    return re.sub(r"[-_.]+", "-", name).lower()


class Libraries:
    """The versions of distributions, under one requirements file."""

    def __init__(self, modules: Modules, requirements: Path | None) -> None:
        self._modules = modules
        self._requirements = read_requirements(requirements) if requirements else {}
        self._known: dict[str, tuple[tuple[str, str], ...]] = {}

    def of(self, dotted: str) -> tuple[tuple[str, str], ...]:
        """Return the distributions that an import reaches, each with the version that counts."""
        top_level = dotted.partition(".")[0]
        key = dotted if self._modules.is_namespace(top_level) else top_level
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = tuple(self._find(key))
        return known

    def _find(self, dotted: str) -> Iterator[tuple[str, str]]:
        installed = _distribution(dotted, self._modules)
        name, version = installed or (dotted.partition(".")[0], NOT_INSTALLED)
        name = normalise(name)
        yield name, self._requirements.get(name) or version


def read_requirements(path: Path) -> dict[str, str]:
    """Read what a requirements file says about each distribution.

    Raises:
        ConfigurationError: The file, or one that it includes, cannot be read.
    """
    found: dict[str, set[str]] = {}
    for line in _lines(path, set()):
        match = _LINE.match(line)
        if match is None:
            continue
        name, extras, rest = match.groups()
        value = _version(extras or "", re.split(r"\s--\w", rest)[0])
        if value:
            found.setdefault(normalise(name), set()).add(value)
    return {name: " or ".join(sorted(values)) for name, values in found.items()}


def _version(extras: str, rest: str) -> str:
    specifier, _, marker = rest.partition(";")
    specifier = re.sub(r"\s+", "", specifier).strip("()")
    parts = sorted(filter(None, specifier.split(","))) if "@" not in specifier else [specifier]
    text = ",".join(parts)
    if len(parts) == 1 and text.startswith("==") and "*" not in text:
        text = text.lstrip("=")
    chosen = ",".join(sorted(re.sub(r"[\[\]\s]", " ", extras).replace(",", " ").split()))
    words = [
        text,
        f"[{chosen}]" if chosen and text else "",
        f"; {' '.join(marker.split())}" if marker.strip() else "",
    ]
    return " ".join(filter(None, words))


def _lines(path: Path, seen: set[Path]) -> Iterator[str]:
    path = Path(os.path.normpath(path))  # a/../b.txt is b.txt
    if path in seen:
        return
    seen.add(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(
            f"the requirements file {path} cannot be read ({error}); correct --requirements-path "
            "or LUISY_REQUIREMENTS_PATH"
        ) from error
    for raw in re.sub(r"\\\r?\n", " ", text).splitlines():
        line = re.sub(r"(^|\s)#.*$", "", raw).strip()
        included = re.match(r"(?:-r|-c|--requirement|--constraint)[ =]*(.+)$", line)
        if included:
            yield from _lines(path.parent / included.group(1).strip(), seen)
        elif line and not line.startswith("-"):
            yield line


def _distribution(dotted: str, modules: Modules) -> tuple[str, str] | None:
    """Find the name and version of the distribution that installed a module."""
    folder = modules.site(dotted.partition(".")[0])
    if folder is None:
        return None
    path = dotted.replace(".", "/")
    names = sorted(entry.name for entry in folder.iterdir())
    candidates = [name for name in names if name.endswith((".dist-info", ".egg-info"))]
    top_level = dotted.partition(".")[0]
    candidates.sort(key=lambda entry: normalise(entry.partition("-")[0]) != normalise(top_level))
    while path:
        for entry in candidates:
            if _installs(folder / entry, path):
                return _metadata(folder / entry)
        path = path.rpartition("/")[0]
    return None


def _installs(info: Path, path: str) -> bool:
    for name in ("RECORD", "SOURCES.txt"):
        try:
            listing = b"\n" + (info / name).read_bytes().replace(b"\\", b"/")
        except OSError:
            continue
        wanted = path.encode()
        return any(
            mark + wanted + end in listing
            for mark in (b"\n", b"\nsrc/")
            for end in (b"/", b".py", b".")
        )
    try:
        words = (info / "top_level.txt").read_text(encoding="utf-8").split()
    except OSError:
        return False
    return path in words


def _metadata(info: Path) -> tuple[str, str] | None:
    metadata = importlib.import_module("importlib.metadata")
    found = metadata.Distribution.at(info)
    return (found.metadata["Name"], found.version) if found.metadata["Name"] else None


def requirements_path() -> Path | None:
    """Return the requirements file that luisy is configured with, if any."""
    config = sys.modules.get("luisy.config")
    if config is not None:
        path = config.Config().requirements_path
    else:
        path = os.environ.get("LUISY_REQUIREMENTS_PATH")
    return Path(path) if path else None
