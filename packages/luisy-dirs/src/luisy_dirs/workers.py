"""Spread the input files of a directory over processes, or over any executor.

Input files travel in chunks of about a quarter of a second of work, so that small files cost little
more than their work. Only so many chunks are under way that nobody waits, whatever the number of
files. The results come in the order in which the chunks are done.
"""

from __future__ import annotations

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    wait,
)
from contextlib import contextmanager
from functools import lru_cache
from itertools import islice
from typing import Any

from luisy_protocol.errors import ConfigurationError, LuisyError

from luisy_dirs.making import Job, Maker, Result
from luisy_dirs.sources import Item

Chunk = tuple[list[Result], float]
Submit = Callable[[Sequence[Item]], "Future[Chunk]"]

_CHUNK_SECONDS = 0.25
_CHUNK_ITEMS = 2000
_UNKNOWN_SIZE = 32


def make_all(
    job: Job,
    items: Sequence[Item],
    *,
    workers: int | None,
    executor: Executor | Callable[[], Executor] | None,
    stopped: threading.Event,
) -> Iterator[list[Result]]:
    """Make the files of all items; yield the results of each chunk.

    Args:
        job: What makes them.
        items: The input files.
        workers: How many processes; with an executor, how many it has, if that is not known.
        executor: Where to make them instead of in processes here, or what opens such a place.
        stopped: When it is set, only what is under way is finished.

    Raises:
        ConfigurationError: If the job cannot travel to the executor.
        LuisyError: If a process died.
    """
    sizes = _Sizes(stopped)
    if executor is None and (workers is None or min(workers, len(items)) <= 1):
        maker = Maker(job)
        for chunk in sizes.cut(items):
            results, seconds = maker.make(chunk)
            sizes.learn(len(chunk), seconds)
            yield results
        return
    with _submitter(job, workers, executor) as (submit, ahead):
        try:
            yield from _feed(submit, items, sizes, ahead)
        except BrokenExecutor as error:
            raise LuisyError(
                "a process that made files died, perhaps for lack of memory; use fewer workers"
            ) from error


class _Sizes:
    """How many items a chunk has: at first one, then as many as fill its time."""

    def __init__(self, stopped: threading.Event) -> None:
        self._size = 1
        self._stopped = stopped

    def cut(self, items: Sequence[Item]) -> Iterator[Sequence[Item]]:
        at = 0
        while at < len(items) and not self._stopped.is_set():
            chunk = items[at : at + self._size]
            at += len(chunk)
            yield chunk

    def learn(self, count: int, seconds: float) -> None:
        fitting = int(count * _CHUNK_SECONDS / max(seconds, 1e-6))
        self._size = max(1, min(fitting, 4 * self._size, _CHUNK_ITEMS))


def _feed(
    submit: Submit, items: Sequence[Item], sizes: _Sizes, ahead: int
) -> Iterator[list[Result]]:
    chunks = sizes.cut(items)
    pending: dict[Future[Chunk], int] = {}
    while True:
        for chunk in islice(chunks, ahead - len(pending)):
            pending[submit(chunk)] = len(chunk)
        if not pending:
            return
        finished, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in finished:
            count = pending.pop(future)
            results, seconds = future.result()
            sizes.learn(count, seconds)
            yield results


@contextmanager
def _submitter(
    job: Job, workers: int | None, executor: Executor | Callable[[], Executor] | None
) -> Iterator[tuple[Submit, int]]:
    """Give what submits a chunk, and how many chunks may be under way."""
    if executor is None:
        pool = _process_pool(job, workers or 1)
        try:
            yield lambda items: pool.submit(_make_here, items), 2 * (workers or 1)
        except BaseException:
            # Whoever pressed Ctrl-C does not want to wait for what is under way.
            for process in list((pool._processes or {}).values()):
                process.terminate()
            raise
        finally:
            pool.shutdown(cancel_futures=True)
        return
    opened = executor if isinstance(executor, Executor) else executor()
    known = workers or getattr(opened, "_max_workers", None) or _UNKNOWN_SIZE
    packed = _packed(job)
    try:
        yield lambda items: opened.submit(_make_anywhere, packed, items), 2 * int(known)
    finally:
        if opened is not executor:
            opened.shutdown()


def _process_pool(job: Job, workers: int) -> ProcessPoolExecutor:
    # A forked process has every class of this one, also those of a script or a notebook.
    method = "fork" if sys.platform == "linux" else "spawn"
    return ProcessPoolExecutor(
        workers,
        mp_context=multiprocessing.get_context(method),
        initializer=_begin,
        initargs=(job if method == "fork" else _packed(job), os.getpid()),
    )


_maker: Maker | None = None


def _begin(given: Job | bytes, parent: int) -> None:
    """Prepare a process of the pool: it ends with its parent, who alone hears of Ctrl-C."""
    global _maker  # noqa: PLW0603 - a pool hands its processes nothing else
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _maker = Maker(given) if isinstance(given, Job) else _maker_of(given)


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(0.5)
    os._exit(1)


def _make_here(items: Sequence[Item]) -> Chunk:
    if _maker is None:
        raise RuntimeError("the pool's initializer did not run")
    return _maker.make(items)


def _make_anywhere(job: bytes, items: Sequence[Item]) -> Chunk:
    return _maker_of(job).make(items)


@lru_cache(maxsize=8)
def _maker_of(job: bytes) -> Maker:
    return Maker(pickle.loads(job))  # noqa: S301 - sent by the process that runs the task


def _packed(job: Job) -> bytes:
    """Pickle a job; a class that no other process could import travels with its code."""
    if job.task_class.__module__ != "__main__" and "<locals>" not in job.task_class.__qualname__:
        return pickle.dumps(job)
    try:
        import cloudpickle
    except ImportError as error:
        raise ConfigurationError(
            f"{job.task_class.__name__} is defined in a script, a notebook or a function, where no "
            "other process finds it: move it into a module, or pip install luisy-dirs[cluster]"
        ) from error
    try:
        packed: bytes = cloudpickle.dumps(job)
    except (TypeError, pickle.PicklingError) as error:
        raise ConfigurationError(
            f"{job.task_class.__name__} cannot be sent to another process: {error}; "
            "move it into a module"
        ) from error
    return packed


def luigi_workers() -> int:
    """Return how many processes the luigi worker that runs this task has; 1 outside of a run.

    luigi does not tell its tasks. But its worker is on the stack, also of the process it forked.
    """
    from luigi.worker import Worker

    frame: Any = sys._getframe(1)
    while frame is not None:
        caller = frame.f_locals.get("self") if "self" in frame.f_code.co_varnames else None
        if isinstance(caller, Worker):
            return max(1, int(caller.worker_processes))
        frame = frame.f_back
    return 1
