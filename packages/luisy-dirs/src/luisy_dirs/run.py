"""The `run` of a directory task: make what must be made, keep what may stay, swap it in.

What was made of an input file may stay when the memory knows it, from the same content and the same
code, and the files are there unchanged: in the old directory, which lies aside while the task runs,
or in the staging folder of a run that died. Everything else is made. Only when all is there, or
what failed may be skipped, the directory is put in place.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from luisy.aside import Aside, leftovers, outdated
from luisy.config import Config
from luisy.made import Made
from luisy.session import advance, fingerprints, former_records, noted
from luisy.workspace import Workspace
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.keys import validate_key
from luisy_protocol.record import Content

from luisy_dirs.errors import FileFailed
from luisy_dirs.files import load
from luisy_dirs.making import Job, Result
from luisy_dirs.memory import Memory
from luisy_dirs.names import Names, folded
from luisy_dirs.provenance import provenance
from luisy_dirs.sources import Item, Look, Source, code_of, items, sources
from luisy_dirs.staging import Staging
from luisy_dirs.workers import luigi_workers, make_all


@dataclass(frozen=True, slots=True)
class Manner:
    """How the files of a directory are made.

    Attributes:
        workers: How many processes make them; None for as many as luigi's worker has.
        executor: Where to make them instead.
        is_lenient: Whether files that fail are skipped.
    """

    workers: int | None = None
    executor: Executor | Callable[[], Executor] | None = None
    is_lenient: bool = False

    def __reduce__(self) -> tuple[type[Manner], tuple[()]]:
        # A class of a notebook travels with this; where it arrives nobody opens another executor.
        return Manner, ()


def run(task: Any, manner: Manner) -> Made:
    """Make the directory of a task.

    Raises:
        FileFailed: If a file fails, or all do, and is not to be skipped.
        NameClash, InvalidKey: If the files could not all have their names.
        ConfigurationError: If the task requires no directory, or its output is somewhere else.
    """
    if not task.key:
        raise ConfigurationError(f"{task} must have its output below the working directory")
    task.output().check_own()
    workspace = Workspace(Path(Config().working_dir))
    is_called = "run" not in vars(task)  # a run wraps it, and settles when the record is written
    own = Aside(workspace)
    own.put([task.key])  # nobody has set it aside before: this is a call, or a process has died
    try:
        made = _Making(task, manner, workspace).make()
    except BaseException:
        if is_called:
            own.restore()
        raise
    if is_called:
        made.settle()  # first: what can no longer be undone needs nothing that lies aside
        for left in leftovers(workspace, task.key.partition("/")[0]):
            left.discard([task.key])
    return made


@dataclass(slots=True)
class _Making:
    """One making of a directory.

    Attributes:
        kept: The files of the old directory that stay.
        resumed: The files that a run before has made and that count.
        made: The files that this run makes.
        skipped: What went wrong with each input file that is skipped.
    """

    task: Any
    manner: Manner
    workspace: Workspace
    kept: dict[str, Content] = field(default_factory=dict)
    resumed: dict[str, Content] = field(default_factory=dict)
    made: dict[str, Content] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    _names: Names = field(default_factory=Names)
    _reserved: set[str] = field(default_factory=set)

    def make(self) -> Made:
        """Make the directory, put it in place, and tell of it."""
        key, workspace = self.task.key, self.workspace
        project = key.partition("/")[0]
        known = fingerprints(self.task, workspace, project)
        look = Look(known, noted(self.task))
        found = sources(self.task)
        wanted = list(items(found, look))
        memory = Memory(_memory_path(workspace, key), code_of(self.task, found, look))
        if not memory.knows_code:
            memory.add(provenance(self.task, found, look, former_records(self.task)))
        old = outdated(workspace, key)
        staging = Staging(Path(workspace.path(key)))
        if old:
            staging.undo(old)
        staging.prepare()
        there = known.files(workspace.path(key), at=str(old)) if old else {}
        to_make = list(self._sort_out(wanted, memory, there, staging))
        self._check_names(to_make)
        self._make(to_make, memory, staging)
        new = self.resumed | self.made
        memory.tidy(item.key for item in wanted)
        if self.skipped:
            self.task.logger.warning("%s: %s", self.task, _skipped_text(self.skipped))
        # Last: nothing may fail between this and the record.
        staging.swap(old, there, keep=self.kept.keys(), made=new.keys())
        return Made(
            files=self.kept | new,
            written=new,
            skipped=self.skipped,
            undo=lambda: staging.undo(old) if old else None,
            settle=staging.remove,
        )

    def _sort_out(
        self,
        wanted: Sequence[Item],
        memory: Memory,
        there: Mapping[str, Content],
        staging: Staging,
    ) -> Iterator[Item]:
        """Find what may stay; yield the items to be made."""
        left = set(staging.left())
        useful: list[tuple[str, str]] = []
        for item in wanted:
            made = memory.find(item.key, item.sha256)
            if made is None:
                yield item
                continue
            places: list[dict[str, Content]] = []
            for name, content in made.items():
                if name in left and staging.holds(name, content):
                    places.append(self.resumed)
                elif there.get(name) == content:
                    places.append(self.kept)
                else:
                    yield item
                    break
            else:
                for place, (name, content) in zip(places, made.items(), strict=True):
                    place[name] = content
                    useful.append((name, item.key))
        self._names.add_all(useful)
        staging.drop(left - {name for name, _ in useful})

    def _check_names(self, to_make: Sequence[Item]) -> None:
        """Check the names that are known before the files are made."""
        if inspect.isgeneratorfunction(type(self.task).process):
            return
        suffix, key = self.task.output().suffix, self.task.key
        found = sources(self.task)
        names: dict[str, list[Item]] = {}
        for item in to_make:
            name = item.made_as(suffix)
            validate_key(f"{key}/{name}")
            names.setdefault(folded(name), []).append(item)
        for rivals in names.values():
            name = rivals[0].made_as(suffix)
            if len(rivals) > 1 or self._names.has(name):
                # A reader may leave out all but one: a description beside an image.
                for item in rivals:
                    if _has_content(found[item.source], item):
                        self._names.add_safe(item.made_as(suffix), item.key)
                        self._reserved.add(item.key)

    def _make(self, to_make: Sequence[Item], memory: Memory, staging: Staging) -> None:
        if not to_make:
            return
        workers, executor = self.manner.workers, self.manner.executor
        if workers is None and executor is None:
            workers = luigi_workers()
        stopped = threading.Event()
        failure: Result | None = None
        done = 0
        advance(self.task, done, len(to_make))
        for results in make_all(
            self._job(staging), to_make, workers=workers, executor=executor, stopped=stopped
        ):
            good = [result for result in results if not result.problem]
            memory.add((made.item.key, made.item.sha256, made.made) for made in good)
            for result in results:
                failure = failure or self._take(result, staging)
            if failure:
                stopped.set()
            done += len(results)
            advance(self.task, done, len(to_make))
        if failure:
            raise self._error(failure)
        if self.skipped and not (self.kept or self.resumed or self.made):
            raise self._all_failed()

    def _job(self, staging: Staging) -> Job:
        return Job(
            type(self.task),
            self.task.param_kwargs,
            str(self.workspace.folder),
            os.path.join(staging.made, ""),  # noqa: PTH118 - paths are text here
        )

    def _take(self, result: Result, staging: Staging) -> Result | None:
        """Count one result; return it if it ends the run."""
        item = result.item
        if result.problem:
            if result.is_misuse or not self.manner.is_lenient:
                return result
            self.skipped[item.key] = result.problem
            return None
        try:
            for name in result.made if item.key not in self._reserved else ():
                self._names.add_safe(name, item.key)
        except ConfigurationError as error:
            staging.drop(result.made)
            return result._replace(problem=str(error), is_misuse=True)
        self.made.update(result.made)
        return None

    def _error(self, failure: Result) -> Exception:
        if failure.is_misuse:
            return ConfigurationError(f"{self._name()}: {failure.problem}")
        return FileFailed(
            failure.item.key,
            f"{self._name()} failed on {failure.item.key}: {failure.problem}\n{failure.trace}",
        )

    def _all_failed(self) -> FileFailed:
        key, problem = next(iter(self.skipped.items()))
        return FileFailed(key, f"{self._name()} failed on every file, first on {key}: {problem}")

    def _name(self) -> str:
        return f"{type(self.task).__name__}.process"


def _memory_path(workspace: Workspace, key: str) -> Path:
    project, _, name = key.partition("/")
    digest = hashlib.sha256(key.encode()).hexdigest()[:16]
    readable = name.replace("/", "-").encode()[:80].decode(errors="ignore")
    return workspace.private(project) / "directories" / f"{readable}-{digest}"


def _has_content(source: Source, item: Item) -> bool:
    try:
        return load(source.target.load_one, source.path_of(item.name)) is not None
    except FileFailed:  # it will fail again when its turn comes, and be reported then
        return False


def _skipped_text(skipped: Mapping[str, str]) -> str:
    """Say how many files were skipped, and why the first was."""
    key, problem = next(iter(skipped.items()))
    more = f" and {len(skipped) - 1:,} more" if len(skipped) > 1 else ""
    return f"skipped {key} ({problem}){more}"
