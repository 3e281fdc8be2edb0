"""Make the files of one chunk of input files, in whatever process or on whatever machine.

A `Job` says all that is needed, in plain values, so that it travels anywhere that sees the same
files. What comes back are names and digests: the files themselves are written where they belong.
"""

from __future__ import annotations

import errno
import inspect
import os
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import luigi
from luisy.config import Config
from luisy_protocol.errors import ConfigurationError, LuisyError
from luisy_protocol.keys import validate_key
from luisy_protocol.os_errors import is_full, translate
from luisy_protocol.record import Content

from luisy_dirs.errors import FileFailed, NameClash, cause_text, trace_text
from luisy_dirs.files import content_of, load, path_of
from luisy_dirs.names import Names
from luisy_dirs.sources import Item, sources
from luisy_dirs.targets import DirectoryTarget, write_one


class Result(NamedTuple):
    """What became of one input file.

    Attributes:
        item: The input file.
        made: The files made of it, by name.
        problem: What went wrong, in one line; empty if nothing did.
        trace: The traceback, from the user's own code on.
        is_misuse: Whether what went wrong would go wrong with any content.
    """

    item: Item
    made: Mapping[str, Content]
    problem: str = ""
    trace: str = ""
    is_misuse: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """What makes the files of a directory.

    Attributes:
        task_class: The class of the task.
        parameters: The parameters of the instance, serialised.
        working_dir: The working directory.
        folder: Where the files are made.
    """

    task_class: type[luigi.Task]
    parameters: Mapping[str, Any]
    working_dir: str
    folder: str


class _NoRoom(LuisyError):
    """The disk that the files are written to is full."""


class Maker:
    """Makes the files of a job.

    Args:
        job: The job.
    """

    def __init__(self, job: Job) -> None:
        _work_in(job.working_dir)
        task: Any = job.task_class
        self._task = task(**job.parameters)
        self._target: DirectoryTarget = self._task.output()
        self._sources = sources(self._task)
        self._folder = job.folder
        self._key = self._task.key

    def make(self, items: Sequence[Item]) -> tuple[list[Result], float]:
        """Make the files of some input files; return the results and the seconds it took.

        Raises:
            LuisyError: If there is no room for them.
        """
        began = time.perf_counter()
        results = [self._make_one(item) for item in items]
        return results, time.perf_counter() - began

    def _make_one(self, item: Item) -> Result:
        written: list[str] = []
        try:
            made = dict(self._write(item, written))
        except Exception as error:
            # Half of what is made of a file is worth nothing, and must not become an output.
            for path in written:
                Path(path).unlink(missing_ok=True)
            if isinstance(error, _NoRoom):  # nothing is wrong with the file
                raise
            return _failure(item, error)
        return Result(item, made)

    def _write(self, item: Item, written: list[str]) -> Iterator[tuple[str, Content]]:
        source = self._sources[item.source]
        path = source.path_of(item.name)
        content = load(source.target.load_one, path)
        if content is None:
            return
        names = Names()
        for name, made in self._made(item, self._task.process(path, content)):
            names.add(name, item.name)
            validate_key(f"{self._key}/{name}")
            place = path_of(self._folder, name)
            if os.path.lexists(place):
                raise NameClash(f"{item.name} and another file would both become the file {name}")
            written.append(place)
            self._write_one(made, place)
            yield name, content_of(place)

    def _write_one(self, made: Any, place: str) -> None:
        try:
            write_one(self._target.writer, made, place)
        except OSError as error:
            if is_full(error) and error.errno != errno.EFBIG:  # which is about this one file
                told = translate(error, f"make {self._target.path}")
                raise _NoRoom(str(told)) from error
            raise

    def _made(self, item: Item, result: Any) -> Iterator[tuple[str, Any]]:
        if inspect.isgenerator(result):
            for made in result:
                yield self._named(made)
        elif result is not None:
            yield item.made_as(self._target.suffix), result

    def _named(self, made: object) -> tuple[str, Any]:
        if not (isinstance(made, tuple) and len(made) == 2 and isinstance(made[0], str)):
            raise ConfigurationError(
                f"{type(self._task).__name__}.process yielded {type(made).__name__}, "
                "not a name and an object"
            )
        return self._target.named(made[0]), made[1]


def _work_in(folder: str) -> None:
    """Set the working directory of a process that has another one, or none."""
    with suppress(ConfigurationError):
        if Config().working_dir == folder:
            return
    Config().update({"working_dir": folder})


def _failure(item: Item, error: Exception) -> Result:
    if isinstance(error, ConfigurationError):
        return Result(item, {}, str(error), is_misuse=True)
    cause = error.__cause__ if isinstance(error, FileFailed) and error.__cause__ else error
    return Result(item, {}, cause_text(cause), trace_text(cause))
