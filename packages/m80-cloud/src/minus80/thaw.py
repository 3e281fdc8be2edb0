"""Get a version of a dataset: whole and verified, or not at all.

Rules. The new folder is made beside the old one, below ``<basedir>/tmp``. A file that the old
folder has with the right content is copied from there; the others are fetched, verified while they
come, and renamed when they are right. When every file is there the folders are exchanged in one
step. A get that is stopped leaves the old folder as it is, and the next goes on with what has
come, inside large files too.

Nothing that is only here is lost: an old folder that holds contents which are neither in the
version that is got, nor in the one that was put or got last, is set aside below
``<basedir>/replaced``.
"""

from __future__ import annotations

import glob
import logging
import shutil
import time
from collections import deque
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path

from luisy_protocol.digest import digest_bytes, digest_file, list_folder
from luisy_protocol.errors import IntegrityError, LuisyError, NotFound, TransferFailed
from luisy_protocol.file_placement import write_whole
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.progress import TransferProgress
from luisy_protocol.terminal import size_text

from minus80.folders import Folders
from minus80.freeze import WORKERS, memory_path
from minus80.layout import blob_key
from minus80.manifest import File, Manifest, digest
from minus80.packing import expand, expand_file
from minus80.s3_ranges import RANGE
from minus80.s3_store import S3Store
from minus80.snapshot import Memory, Source, backup, fetched, is_database, snapshot, starts_database

_PATIENCE = 0.2
_LOG = logging.getLogger("minus80")


def get_dataset(
    store: S3Store,
    folders: Folders,
    slug: str,
    manifest: Manifest,
    *,
    progress: TransferProgress,
) -> Path:
    """Replace a dataset's folder by the files of a version, and return the folder.

    Args:
        store: The bucket.
        folders: The datasets on this machine.
        slug: The dataset.
        manifest: The files of the version.
        progress: Told of what travels.

    Raises:
        IntegrityError: If a content in the bucket is missing or damaged; the old folder is intact.
        TransferFailed: If several are, or could not be fetched.
        LuisyError: If the disk is too small.
    """
    stage = folders.temporary / f"{slug}.{digest(manifest)[:16]}.get"
    with translated(f"write {folders.temporary}"):
        folders.temporary.mkdir(parents=True, exist_ok=True)
    with locked(folders.temporary / f"{slug}.lock"):
        folder = folders.path(slug)
        memory = Memory(memory_path(folders, slug))
        scratch = folders.temporary / f"{stage.name}.backups"
        shutil.rmtree(scratch, ignore_errors=True)
        local: list[Source] = []
        if folder.is_dir():
            with snapshot(folder, memory, scratch=scratch) as local:
                if _is_same(local, manifest):
                    memory.note(local)
                    return folder
        getter = _Getter(store, stage, manifest, slug)
        getter.get(folder, local, progress)
        sources = getter.sources()
        keep = _set_aside(folders, slug, local, manifest, memory)
        folders.replace(slug, stage, keep=keep)
        memory.note(sources)
        for left in folders.temporary.glob(f"{glob.escape(slug)}.*.get*"):
            shutil.rmtree(left, ignore_errors=True)  # of other versions
    return folder


class _Getter:
    """Fills the folder that becomes the dataset."""

    def __init__(self, store: S3Store, stage: Path, manifest: Manifest, slug: str) -> None:
        self._store = store
        self._stage = stage
        self._parts = stage.with_name(f"{stage.name}.parts")
        self._files = manifest.files
        self._slug = slug
        self._whole: dict[str, Path] = {}
        self._is_database: dict[str, bool] = {}

    def get(self, folder: Path, local: list[Source], progress: TransferProgress) -> None:
        with translated(f"write {self._stage}"):
            self._stage.mkdir(exist_ok=True)
            self._parts.mkdir(exist_ok=True)
            for parent in {file.path.rpartition("/")[0] for file in self._files}:
                (self._stage / parent).mkdir(parents=True, exist_ok=True)
        missing = self._without_present()
        missing = self._without_copied(missing, folder, local)
        first = {file.sha256: file for file in reversed(missing)}
        size = sum(file.size for file in first.values())
        self._check_space(sum(file.size for file in missing))
        if first:
            progress.begin("get", files=len(first), size=size)
            try:
                self._fetch(list(first.values()), progress)
            except TransferFailed as error:
                raise self._explained(error) from error
            finally:
                progress.end()
        for file in missing:
            if first[file.sha256] is not file:
                self._copy(self._path(first[file.sha256]), file)
        with translated(f"clean {self._parts}"):
            shutil.rmtree(self._parts)

    def sources(self) -> list[Source]:
        """Return the files that have come, as they are while nobody else knows them."""
        now = time.time_ns()
        return [self._source(file, now) for file in self._files]

    def _source(self, file: File, now: int) -> Source:
        database = self._is_database.get(file.sha256)
        if database is None:
            database = is_database(self._path(file))
        return fetched(self._stage, file.path, file.sha256, is_database=database, now=now)

    def _without_present(self) -> list[File]:
        """Keep what an earlier get left, remove what does not belong, return what is missing."""
        present = set(list_folder(self._stage))
        missing = []
        for file in self._files:
            path = self._path(file)
            if file.path not in present or digest_file(path).sha256 != file.sha256:
                missing.append(file)
            else:
                present.discard(file.path)
                self._whole[file.sha256] = path
        for name in present:
            (self._stage / name).unlink()
        return missing

    def _without_copied(self, missing: list[File], folder: Path, local: list[Source]) -> list[File]:
        """Copy what the old folder or the new one has, and return what is still missing."""
        here = {source.sha256: source for source in local}
        left = []
        for file in missing:
            if file.sha256 in self._whole:
                self._copy(self._whole[file.sha256], file)
                continue
            source = here.get(file.sha256)
            if source is None or not self._copied(folder, source, file):
                left.append(file)
        return left

    def _copied(self, folder: Path, source: Source, file: File) -> bool:
        """Copy a file, and tell whether the copy has the content it should have."""
        path = self._path(file)
        try:
            if source.is_database:
                backup(folder / source.path, path)
            else:
                self._copy(folder / source.path, file)
        except NotFound:
            return False
        if digest_file(path).sha256 == file.sha256:
            return True
        path.unlink()
        return False

    def _copy(self, source: Path, file: File) -> None:
        path = self._path(file)
        with translated(f"write {path}"):
            shutil.copyfile(source, path)

    def _fetch(self, files: list[File], progress: TransferProgress) -> None:
        failures: dict[str, Exception] = {}
        small = deque(file for file in files if file.size <= RANGE)

        def work() -> None:
            while file := _taken(small):
                try:
                    self._fetch_small(file, progress)
                except LuisyError as error:
                    failures[_key(file)] = error

        with ThreadPoolExecutor(WORKERS, thread_name_prefix="minus80-get") as pool:
            try:
                left = {pool.submit(work) for _ in range(min(WORKERS, len(small)))}
                while left:  # a little at a time, for on Windows Ctrl-C does not end a wait
                    done, left = wait(left, timeout=_PATIENCE, return_when=FIRST_EXCEPTION)
                    for worker in done:
                        worker.result()
            finally:
                small.clear()  # after an error or Ctrl-C nothing more is asked for
        if failures:
            raise TransferFailed(failures)
        for file in files:
            if file.size > RANGE:
                self._fetch_large(file, progress)

    def _fetch_small(self, file: File, progress: TransferProgress) -> None:
        """Fetch a file at once: the folder is not the dataset yet, so it needs no other name."""
        key, path = _key(file), f"{self._stage}/{file.path}"
        content, _ = self._store.read(key)
        if file.gzip:
            content = expand(content, limit=file.size, name=key)
        if digest_bytes(content).sha256 != file.sha256:
            raise IntegrityError(f"{key} is damaged")
        # Without a buffer, which would cost three more calls of the system.
        with translated(f"write {path}"), open(path, "wb", buffering=0) as written:  # noqa: PTH123
            write_whole(written, content)
        self._is_database[file.sha256] = starts_database(content)
        progress.advance(file.size)
        progress.done(key)

    def _fetch_large(self, file: File, progress: TransferProgress) -> None:
        """Fetch a large file so that a later run can go on inside it."""
        key, part = _key(file), self._parts / file.sha256
        journal, whole = self._parts / f"{file.sha256}.json", self._parts / f"{file.sha256}.file"
        try:
            sha256 = self._store.download(
                key, part, journal=journal, advance=progress.advance
            ).sha256
            if file.gzip:
                sha256 = expand_file(part, whole, limit=file.size)
                with translated(f"write {part}"):
                    whole.replace(part)
            if sha256 != file.sha256:
                raise IntegrityError(f"{key} is damaged")
        except LuisyError as error:
            if isinstance(error, IntegrityError):
                journal.unlink(missing_ok=True)  # what has come is of no use
            raise TransferFailed({key: error}) from error
        with translated(f"write {self._path(file)}"):
            part.replace(self._path(file))
        progress.done(key)

    def _path(self, file: File) -> Path:
        # The manifest's paths are valid keys, and there are no links in a folder that is made here.
        return self._stage / file.path

    def _check_space(self, size: int) -> None:
        with translated(f"look at {self._stage}"):
            free = shutil.disk_usage(self._stage).free
        if size > free:
            raise LuisyError(
                f"the disk of {self._stage.parent} is too full for {self._slug}: it needs "
                f"{size_text(size)} and there are {size_text(free)}; free some space, get it again"
            )

    def _explained(self, error: TransferFailed) -> LuisyError:
        """Say which files a damaged or missing content belongs to."""
        for key, reason in error.failures.items():
            if isinstance(reason, IntegrityError | NotFound):
                paths = [file.path for file in self._files if _key(file) == key]
                state = "missing" if isinstance(reason, NotFound) else "damaged"
                return IntegrityError(
                    f"{', '.join(paths)} of {self._slug} is {state} in {self._store.url} ({key}); "
                    "put the dataset again with resend=True from a machine that has it"
                )
        return error


def _key(file: File) -> str:
    return blob_key(file.sha256, gzip=file.gzip)


def _taken(files: deque[File]) -> File | None:
    with suppress(IndexError):
        return files.popleft()
    return None


def _is_same(local: list[Source], manifest: Manifest) -> bool:
    here = {(source.path, source.sha256) for source in local}
    return here == {(file.path, file.sha256) for file in manifest.files}


def _set_aside(
    folders: Folders, slug: str, local: list[Source], manifest: Manifest, memory: Memory
) -> Path | None:
    """Return where the old folder goes if it holds contents that are only here."""
    elsewhere = memory.last() | {file.sha256 for file in manifest.files}
    only_here = [source.path for source in local if source.sha256 not in elsewhere]
    if not only_here:
        return None
    keep = folders.set_aside(slug)
    _LOG.warning(
        "%s had changes that were never put (%s); they are kept in %s",
        slug,
        ", ".join(only_here[:3]) + (", ..." if len(only_here) > 3 else ""),
        keep,
    )
    return keep
