"""Move many files at once between a folder and a store.

Rules. At most `workers` files travel at a time and twice as many are looked ahead, however long the
iterable is. A download goes to a temporary name beside its target, its digest is taken while it
streams, and only when it is the expected one the file is renamed; the target is never half there.
What a dead run left under temporary names is removed from each folder that a download writes to.
There is no retry here: the SDK of the store has its own. Files are not forced to the disk; a loss
of power is met by the digests in the records.

`done` is called in the caller's thread, once for each finished file, in the order they finish. A
caller that notes it there never repeats a finished file after a crash. The error of a file (any
`LuisyError`) is collected, and the others go on; at the end all are raised as one `TransferFailed`.
Any other exception, Ctrl-C, or one out of `done`, `progress` or the iterable, stops the batch: what
travels is cancelled at its next chunk, its temporary file is removed, and the exception passes.

The caller begins and ends `progress`: it alone knows how many files and bytes there are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Event, Lock
from typing import Protocol, TypeVar

from luisy_protocol.errors import IntegrityError, LuisyError, TransferFailed
from luisy_protocol.os_errors import translated
from luisy_protocol.progress import Silent, TransferProgress
from luisy_protocol.store import Advance, Downloaded, ObjectInfo, Store
from luisy_protocol.temporary import remove_leftovers, replacing

WORKERS = 8


@dataclass(frozen=True, slots=True)
class Download:
    """One object to be fetched.

    Attributes:
        key: The object.
        path: Where it goes; folders are made. A file that is there is replaced at the end.
        sha256: The digest it must have, if known.
        size: The size it must have, if known.
        etag: The etag it must still have, if known.
    """

    key: str
    path: Path
    sha256: str | None = None
    size: int | None = None
    etag: str | None = None


@dataclass(frozen=True, slots=True)
class Upload:
    """One file to be sent.

    Attributes:
        path: The file.
        key: The object it becomes.
        sha256: The digest that its bytes must have.
    """

    path: Path
    key: str
    sha256: str


class _HasKey(Protocol):
    @property
    def key(self) -> str: ...


_Item = TypeVar("_Item", bound=_HasKey)
_Result = TypeVar("_Result")


class _Cancelled(BaseException):
    """Raised inside a store to stop what travels; like Ctrl-C, not an error to be handled there."""


def download_all(
    store: Store,
    downloads: Iterable[Download],
    *,
    workers: int = WORKERS,
    progress: TransferProgress | None = None,
    done: Callable[[Download, Downloaded], None] | None = None,
) -> None:
    """Fetch objects in parallel; each is verified, then renamed into place, then reported.

    Args:
        store: Where the objects are.
        downloads: What to fetch; consumed as needed.
        workers: How many travel at a time.
        progress: Told of the bytes and files. The caller begins and ends it.
        done: Told of each file that is in place, in the caller's thread.

    Raises:
        TransferFailed: With the error of each key that failed; nothing of it is under its final
            name.
    """
    folders = _Folders()

    def fetch(item: Download, advance: Advance) -> Downloaded:
        with translated(f"write {item.path}"):
            folders.prepare(item.path.parent)
        with replacing(item.path) as temporary:
            found = store.download(item.key, temporary, if_match=item.etag, advance=advance)
            _verify(store, item, found)
        return found

    _run(fetch, downloads, workers=workers, progress=progress, done=done)


def upload_all(
    store: Store,
    uploads: Iterable[Upload],
    *,
    workers: int = WORKERS,
    progress: TransferProgress | None = None,
    done: Callable[[Upload, ObjectInfo], None] | None = None,
) -> None:
    """Send files in parallel; each is whole in the store before it is reported.

    Args:
        store: Where the objects go.
        uploads: What to send; consumed as needed.
        workers: How many travel at a time.
        progress: Told of the bytes and files. The caller begins and ends it.
        done: Told of each object that is there, in the caller's thread.

    Raises:
        TransferFailed: With the error of each key that failed; an old object of that key is
            unchanged.
    """

    def send(item: Upload, advance: Advance) -> ObjectInfo:
        return store.upload(item.path, item.key, sha256=item.sha256, advance=advance)

    _run(send, uploads, workers=workers, progress=progress, done=done)


class _Folders:
    """The folders that this batch writes to: each is made and swept once."""

    def __init__(self) -> None:
        self._ready: set[Path] = set()
        self._lock = Lock()

    def prepare(self, folder: Path) -> None:
        with self._lock:  # until it is made: the others write to it as soon as it is ready
            if folder in self._ready:
                return
            folder.mkdir(parents=True, exist_ok=True)
            remove_leftovers(folder)
            self._ready.add(folder)


def _verify(store: Store, item: Download, found: Downloaded) -> None:
    if item.size is not None and found.info.size != item.size:
        raise IntegrityError(
            f"{item.key} in {store.url} has {found.info.size:,} bytes and should have {item.size:,}"
        )
    if item.sha256 is not None and found.sha256 != item.sha256:
        raise IntegrityError(
            f"{item.key} in {store.url} has the digest {found.sha256[:12]}... and should have "
            f"{item.sha256[:12]}...: it was replaced or damaged there; upload it again"
        )


class _Counter:
    """Passes one file's progress on, takes it back when the file fails, and stops it on request."""

    def __init__(self, progress: TransferProgress, stop: Event) -> None:
        self._progress = progress
        self._stop = stop
        self._moved = 0

    def advance(self, size: int) -> None:
        if self._stop.is_set():
            raise _Cancelled
        self._moved += size
        self._progress.advance(size)

    def take_back(self) -> None:
        if self._moved:
            self._progress.advance(-self._moved)


def _run(
    move: Callable[[_Item, Advance], _Result],
    items: Iterable[_Item],
    *,
    workers: int,
    progress: TransferProgress | None,
    done: Callable[[_Item, _Result], None] | None,
) -> None:
    shown = progress or Silent()
    stop = Event()
    failures: dict[str, Exception] = {}

    def work(item: _Item) -> _Result:
        counter = _Counter(shown, stop)
        try:
            counter.advance(0)  # nothing starts after a stop
            return move(item, counter.advance)
        except BaseException:
            counter.take_back()
            raise

    def settle(item: _Item, future: Future[_Result]) -> None:
        try:
            result = future.result()
        except LuisyError as error:
            failures[item.key] = error
            return
        shown.done(item.key)
        if done:
            done(item, result)

    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="luisy-transfer") as pool:
        try:
            _feed(pool, work, items, ahead=2 * max(1, workers), settle=settle)
        except BaseException:
            stop.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if failures:
        raise TransferFailed(failures)


def _feed(
    pool: ThreadPoolExecutor,
    work: Callable[[_Item], _Result],
    items: Iterable[_Item],
    *,
    ahead: int,
    settle: Callable[[_Item, Future[_Result]], None],
) -> None:
    """Keep the pool busy from an iterable of any length, and settle each future as it finishes."""
    remaining = iter(items)
    pending: dict[Future[_Result], _Item] = {}
    while True:
        for item in islice(remaining, ahead - len(pending)):
            pending[pool.submit(work, item)] = item
        if not pending:
            return
        finished, _ = wait(pending, return_when=FIRST_COMPLETED)
        for future in finished:
            settle(pending.pop(future), future)
