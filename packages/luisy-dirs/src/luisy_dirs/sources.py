"""The input files of a directory task: which there are, what is in them, and what reads them.

Of the tasks that are required, those whose output is a directory of this package give the files,
one directory after the other. All others are inputs of every file: when one of them changes, every
file is made again.

The code that makes a file is that of the task's class, with its significant parameters, and the
reader of the directory it comes from. The rest of the code of a required task does not count: what
it made does, and is looked at. A reader that is a plain function of the same project counts alone;
any other (a lambda, a partial, a library's) counts with the class that it was given to.
"""

from __future__ import annotations

import hashlib
import inspect
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from luisy.fingerprints import Fingerprint, Fingerprints
from luisy.hashing import hash_class
from luisy_protocol.errors import ConfigurationError, NotFound
from luisy_protocol.record import Content

from luisy_dirs.files import Read, path_of
from luisy_dirs.targets import DirectoryTarget, SourceTarget


class Item(NamedTuple):
    """One input file.

    Attributes:
        source: The position of its directory among the task's sources.
        name: Its name below the directory.
        key: Its name among all input files.
        sha256: The digest of its content.
    """

    source: int
    name: str
    key: str
    sha256: str

    def made_as(self, suffix: str) -> str:
        """Return the name of the one file that is made of it."""
        return made_as(self.name, suffix)


@dataclass(frozen=True, slots=True)
class Source:
    """A required directory.

    Attributes:
        key: The key of the output; its path if it is not below the working directory.
        target: The directory.
        maker: The task whose output it is.
    """

    key: str
    target: SourceTarget | DirectoryTarget
    maker: Any

    def path_of(self, name: str) -> str:
        """Return the path of a file."""
        return path_of(os.path.join(self.target.path, ""), name)  # noqa: PTH118


def made_as(name: str, suffix: str) -> str:
    """Return the name of the one file that is made of the input file of a name."""
    return os.path.splitext(name)[0] + suffix if suffix else name  # noqa: PTH122


def sources(task: Any) -> list[Source]:
    """Return the directories that a task requires.

    Raises:
        ConfigurationError: If it requires none.
    """
    found = [
        Source(required.key or target.path, target, required)
        for required in task.requirements()
        if isinstance(target := required.output(), SourceTarget | DirectoryTarget)
    ]
    if not found:
        raise ConfigurationError(
            f"{type(task).__name__} requires no directory whose files it could process; require a "
            "task with make_directory_output or directory_output, or define run"
        )
    return found


@dataclass(frozen=True, slots=True)
class Look:
    """What is in the outputs that a task requires.

    Attributes:
        known: The digests that are known.
        noted: What the outputs were like when the run of the task began, by key.
    """

    known: Fingerprints
    noted: Mapping[str, Fingerprint]

    def at(self, key: str, path: str, *, is_folder: bool) -> Fingerprint | None:
        """Return what is in an output, or None if it is not there."""
        return self.noted.get(key) or self.known.of(path.rstrip(os.sep), is_folder=is_folder)


def items(found: Sequence[Source], look: Look) -> Iterator[Item]:
    """Yield the input files, in order.

    Raises:
        NotFound: If a directory is not there, or empty though a person should have filled it.
    """
    for position, source in enumerate(found):
        contents = _contents(source, look)
        count = 0
        for name, content in contents.items():
            if source.target.selects(name):
                count += 1
                yield Item(position, name, f"{source.key}/{name}", content.sha256)
        if not count and isinstance(source.target, SourceTarget):
            source.target.read()


def code_of(task: Any, found: Sequence[Source], look: Look) -> str:
    """Return the digest of everything but the input file that a file is made from."""
    described = {
        "task": hash_class(type(task)).digest,
        "parameters": sorted(task.significant_parameters().items()),
        "readers": [[source.key, _reader_digest(source)] for source in found],
        "others": sorted(others_of(task, found, look).items()),
    }
    return hashlib.sha256(json.dumps(described).encode()).hexdigest()[:32]


def _contents(source: Source, look: Look) -> Mapping[str, Content]:
    seen = look.at(source.key, source.target.path, is_folder=True)
    if seen is None or seen.files is None:
        source.target.files()  # says what is missing
        raise NotFound(f"there is no directory {source.target.path}")
    return seen.files


def others_of(task: Any, found: Sequence[Source], look: Look) -> dict[str, str]:
    """Return the digest of each input of every file, by key."""
    directories = {source.maker for source in found}
    others = {}
    for required in task.requirements():
        key = getattr(required, "key", "")
        if required not in directories and key:
            path = required.output().path
            seen = look.at(key, path, is_folder=Path(path).is_dir())
            others[key] = seen.content.sha256 if seen else ""
    return others


def _reader_digest(source: Source) -> str:
    reader, owner = source.target.reader, type(source.maker)
    if not _counts_alone(reader, owner):
        return hash_class(owner).digest
    # The hash of a class that has the name of the function, where it is defined, is the function's.
    place = {"__module__": reader.__module__, "__qualname__": reader.__qualname__}
    return hash_class(type(reader.__name__, (), place)).digest


def _counts_alone(reader: Read, owner: type) -> bool:
    return (
        inspect.isfunction(reader)
        and reader.__qualname__.isidentifier()
        and reader.__module__.partition(".")[0] == owner.__module__.partition(".")[0]
    )
