"""Put a dataset: send the contents that the bucket has not, then a manifest, then one more version.

Rules. Every file's content is one object, named by its digest; whatever dataset or version needs
it shares it. What is there already is known from the files of the current version, and where many
are new, from a listing; there is no request for each file to ask. Nothing refers to a content
before it is there, and the history is changed last, in one step: a put that is stopped anywhere
leaves the dataset as it was, and what it sent is found by the next.

Two puts of one dataset at once become two versions, in the order in which they finish. The second
finds the history changed when it wants to change it, and adds its version behind; the first looks
once more after it has finished. So both are told (`ConcurrentPut`).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from itertools import islice
from pathlib import Path

from luisy_protocol.digest import digest_bytes
from luisy_protocol.errors import Conflict, IntegrityError, LuisyError, NotFound
from luisy_protocol.progress import TransferProgress
from luisy_protocol.store import ObjectInfo, Store
from luisy_protocol.transfer import Upload, upload_all

from minus80 import manifest as manifests
from minus80.catalog import Catalog
from minus80.errors import ConcurrentPut
from minus80.folders import Folders
from minus80.history import History, Version
from minus80.layout import BLOBS, blob_key, blob_of, manifest_key
from minus80.manifest import File, Manifest, manifest_of
from minus80.packing import compress_file
from minus80.snapshot import Memory, Source, look, scratch_folder, snapshot
from minus80.under_way import Mark, check_still_marked, marked, others_putting

WORKERS = 16
_FEW = 20
_PAGE = 1000
_FILES_A_PAGE = 250
_SMALL = 8 * 1024 * 1024


def put_dataset(
    store: Store,
    folders: Folders,
    slug: str,
    *,
    tag: str | None,
    compress: bool,
    resend: bool,
    progress: TransferProgress,
) -> Version:
    """Put a dataset's folder as one more version, and return that.

    Args:
        store: The bucket.
        folders: The datasets on this machine.
        slug: The dataset.
        tag: A name for the version.
        compress: Whether to compress contents that are not there yet.
        resend: Send every content again, even what seems to be there.
        progress: Told of what travels.

    Raises:
        DatasetNotFound: If there is no such folder.
        Conflict: If another version has the tag.
        Unavailable: If a clean-up is under way.
    """
    folder = folders.existing(slug)
    memory = Memory(memory_path(folders, slug))
    folders.remove_leftovers()
    _warn_without_conditions(store)
    with marked(store, slug) as mark:
        catalog = Catalog(store)
        seen = catalog.look(slug)
        if tag and tag in seen[0].tags:
            raise Conflict(
                f"the tag '{tag}' is on version {seen[0].tags[tag]} already; take another"
            )
        with snapshot(folder, memory, scratch=folders.temporary / f"{mark.id}.put") as sources:
            sender = _Sender(
                store,
                folder,
                present={} if resend else _present(store, catalog, seen[0], sources),
                compress=compress,
                scratch=folders.temporary / f"{mark.id}.send",
            )
            sent, manifest = sender.send(sources, progress)
        check_still_marked(store, mark)
        text = manifests.encode(manifest)
        digest = digest_bytes(text).sha256
        if resend or all(version.manifest != digest for version in seen[0].versions):
            store.write(manifest_key(digest), text)
        version = _commit(catalog, mark, manifest, digest=digest, seen=seen, tag=tag)
        memory.note(sent)
        _tell(store, catalog, mark, version)
    return version


def memory_path(folders: Folders, slug: str) -> Path:
    """Return where the digests of a dataset's files are remembered."""
    return folders.basedir / "cache" / f"{slug}.json"


def _present(
    store: Store, catalog: Catalog, history: History, sources: list[Source]
) -> dict[str, bool]:
    """Return the digests of contents that are there, and whether each is compressed."""
    present: dict[str, bool] = {}
    if history.current:
        with suppress(IntegrityError):  # a damaged manifest tells nothing
            for file in catalog.manifest(history.current).files:
                present[file.sha256] = file.gzip
    missing = {source.sha256: source.size for source in sources if source.sha256 not in present}
    small = {sha256 for sha256, size in missing.items() if size <= _SMALL}
    if len(small) > _FEW:  # a few are sent faster than looked for
        present.update(_listed(store, small))
    present.update(_found(store, missing.keys() - small))
    return present


def _listed(store: Store, wanted: set[str]) -> dict[str, bool]:
    """Look for contents in a listing, unless that takes longer than to send them."""
    budget = _PAGE * max(1, len(wanted) // _FILES_A_PAGE)
    infos = islice(store.list(BLOBS), budget)
    return {
        sha256: gzip for sha256, gzip in (blob_of(info.key) for info in infos) if sha256 in wanted
    }


def _found(store: Store, wanted: Iterable[str]) -> dict[str, bool]:
    """Ask for each large content: sending it would take much longer."""

    def find(sha256: str) -> tuple[str, bool] | None:
        for gzip in (False, True):
            with suppress(NotFound):
                store.stat(blob_key(sha256, gzip=gzip))
                return sha256, gzip
        return None

    with ThreadPoolExecutor(WORKERS) as pool:
        return dict(found for found in pool.map(find, wanted) if found)


class _Sender:
    """Sends the contents that are not there, and gives the manifest of all."""

    def __init__(
        self, store: Store, folder: Path, *, present: dict[str, bool], compress: bool, scratch: Path
    ) -> None:
        self._store = store
        self._folder = folder
        self._present = present
        self._compress = compress
        self._scratch = scratch

    def send(
        self, sources: list[Source], progress: TransferProgress
    ) -> tuple[list[Source], Manifest]:
        with scratch_folder(self._scratch):
            sources = [self._readable(source) for source in sources]
            missing = {s.sha256: s for s in sources if s.sha256 not in self._present}
            if missing:
                self._send_all(list(missing.values()), progress)
        gzip = {**dict.fromkeys(missing, self._compress), **self._present}
        files = (File(s.path, s.sha256, s.size, gzip[s.sha256]) for s in sources)
        return sources, manifest_of(files)

    def _send_all(self, sources: list[Source], progress: TransferProgress) -> None:
        progress.begin("put", files=len(sources), size=sum(source.size for source in sources))
        try:
            uploads = (self._upload(source) for source in sources)
            upload_all(self._store, uploads, workers=WORKERS, progress=progress, done=self._sent)
        finally:
            progress.end()

    def _readable(self, source: Source) -> Source:
        """Return a source that can be read if it has to be sent."""
        if source.where or not source.is_database or source.sha256 in self._present:
            return source
        return look(self._folder, source.path, self._scratch)

    def _upload(self, source: Source) -> Upload:
        where = source.where or self._folder / source.path
        if not self._compress:
            return Upload(where, blob_key(source.sha256), source.sha256)
        packed = self._scratch / f"{source.sha256}.gz"
        return Upload(packed, blob_key(source.sha256, gzip=True), compress_file(where, packed))

    def _sent(self, upload: Upload, _: ObjectInfo) -> None:
        if upload.path.parent == self._scratch:
            upload.path.unlink()


def _commit(
    catalog: Catalog,
    mark: Mark,
    manifest: Manifest,
    *,
    digest: str,
    seen: tuple[History, str | None],
    tag: str | None,
) -> Version:
    """Add the version to the history, whoever else does so."""
    current = seen[0].current
    version = Version(
        number=0,
        manifest=digest,
        files=len(manifest.files),
        size=manifest.size,
        time=mark.time.isoformat(timespec="seconds"),
        user=mark.user,
        host=mark.host,
        base=current.number if current else 0,
        put=mark.id,
    )

    def edit(history: History) -> History:
        # The answer to an earlier attempt may have been lost, though it succeeded.
        return history if _by_put(history, mark.id) else history.with_version(version, tag=tag)

    committed = _by_put(catalog.change(mark.what, edit, seen=seen), mark.id)
    if committed is None:
        raise LuisyError(f"{mark.what} was removed while it was put; put it again")
    return committed


def _by_put(history: History, put: str) -> Version | None:
    return next((version for version in history.versions if version.put == put), None)


def _tell(store: Store, catalog: Catalog, mark: Mark, version: Version) -> None:
    """Warn if somebody else put the same dataset at the same time."""
    history, _ = catalog.look(mark.what)
    others = [
        f"{other.user} on {other.host} put version {other.number}"
        for other in history.versions
        if other.put != mark.id
        and (
            version.base < other.number < version.number
            or other.base < version.number < other.number
        )
    ]
    others += [f"{who} is putting another version" for who in others_putting(store, mark)]
    if others:
        current = history.current or version
        _warn(
            f"{' and '.join(others)} of {mark.what} at the same time; yours is version "
            f"{version.number}, the current one is {current.number}, and none is lost"
        )


def _warn_without_conditions(store: Store) -> None:
    if not store.has_compare_and_swap:
        _warn(
            f"the server of {store.url} ignores conditional writes: if two people put the same "
            "dataset at the same moment, one version is lost"
        )


def _warn(message: str) -> None:
    warnings.warn(ConcurrentPut(message), stacklevel=5)
