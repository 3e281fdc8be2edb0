"""Look after a bucket: verify what is there, remove datasets, free what nobody needs.

Rules. Removing a dataset removes its history, in one step; contents are shared, so they stay until
a clean-up. A clean-up stands back while somebody puts something, and nobody can begin to put while
it works (`minus80.under_way`). It deletes the manifests that no version refers to, the contents
that no manifest refers to, and what uploads left that were never finished within a week: parts, and
digests that no raw file refers to (`minus80.s3_multipart`). If any history or manifest cannot be
read it deletes nothing.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from luisy_protocol.errors import IntegrityError, LuisyError, NotFound
from luisy_protocol.progress import TransferProgress
from luisy_protocol.store import ObjectInfo

from minus80.catalog import Catalog
from minus80.history import Version
from minus80.layout import (
    BLOBS,
    DATASETS,
    DIGESTS,
    MANIFESTS,
    OLD_DATASETS,
    OURS,
    RAW,
    blob_key,
    blob_of,
    dataset_key,
    dataset_slug,
    manifest_key,
)
from minus80.packing import expanded
from minus80.s3_connection import PART
from minus80.s3_store import S3Store, Unfinished
from minus80.under_way import CLEANING, marked, renew

_BATCH = 1000
_WORKERS = 8
_UNFINISHED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Cleaned:
    """What a clean-up deleted, or would delete.

    Attributes:
        objects: How many objects.
        size: The sum of their sizes in bytes.
        uploads: How many unfinished uploads.
    """

    objects: int
    size: int
    uploads: int


@dataclass(frozen=True, slots=True)
class Verified:
    """What a verification found.

    Attributes:
        contents: How many contents were read.
        size: The sum of their sizes in bytes.
        problems: What is wrong, one sentence each.
    """

    contents: int
    size: int
    problems: tuple[str, ...]


def remove_dataset(store: S3Store, slug: str) -> None:
    """Remove a dataset with all its versions; also what the old engine stored under its name.

    Raises:
        DatasetNotFound: If there is none; the message has the nearest names.
    """
    keys = (dataset_key(slug), OLD_DATASETS + slug)
    found = [key for key in keys if any(info.key == key for info in store.list(key))]
    if not found:
        raise Catalog(store).not_found(slug)
    for key in found:
        store.delete(key)


def remove_everything(store: S3Store) -> int:
    """Remove all datasets and raw files, and return how many objects that were."""
    keys = [info.key for prefix in (OURS, OLD_DATASETS, RAW) for info in store.list(prefix)]
    store.delete_many(keys)
    return len(keys)


def clean(store: S3Store, *, dry_run: bool, given_up: timedelta = _UNFINISHED) -> Cleaned:
    """Delete what no version of any dataset needs.

    Args:
        store: The bucket.
        dry_run: Only tell what would be deleted.
        given_up: How long ago an upload began that nobody will finish any more.

    Raises:
        Unavailable: If somebody is putting something, or cleaning up.
        IntegrityError: If a history or manifest cannot be read; nothing was deleted.
    """
    with marked(store, CLEANING) as mark:
        renewed, old = mark.began, mark.time - given_up

        def stay() -> None:
            nonlocal renewed
            renewed = renew(store, mark, renewed=renewed)

        garbage = _garbage(store)
        uploads = _unfinished(store, before=old)
        if not dry_run:
            for upload in uploads:  # first: then none of them can need an old digest any more
                store.abandon(upload)
        garbage += _digests(store, before=old, stay=stay)
        if not dry_run:
            for start in range(0, len(garbage), _BATCH):
                stay()
                store.delete_many([info.key for info in garbage[start : start + _BATCH]])
    return Cleaned(len(garbage), sum(info.size for info in garbage), len(uploads))


def verify(store: S3Store, slugs: list[str], *, progress: TransferProgress) -> Verified:
    """Read every content of some datasets' versions and compare it with its digest.

    Args:
        store: The bucket.
        slugs: The datasets.
        progress: Told of what was read.
    """
    problems: list[str] = []
    users: dict[str, str] = {}
    sizes: dict[str, int] = {}
    catalog = Catalog(store)
    for slug in slugs:
        for version in _versions(catalog, slug, problems):
            try:
                manifest = catalog.manifest(version)
            except LuisyError as error:
                problems.append(f"version {version.number} of {slug}: {error}")
                continue
            for file in manifest.files:
                key = blob_key(file.sha256, gzip=file.gzip)
                users.setdefault(key, f"{file.path} of {slug} (version {version.number})")
                sizes[key] = file.size
    progress.begin("verify", files=len(users), size=sum(sizes.values()))
    try:
        with ThreadPoolExecutor(_WORKERS) as pool:
            for key, problem in pool.map(lambda key: (key, _problem(store, key)), users):
                progress.advance(sizes[key])
                progress.done(key)
                if problem:
                    problems.append(f"{users[key]} is {problem}: {key}")
    finally:
        progress.end()
    return Verified(len(users), sum(sizes.values()), tuple(problems))


def _versions(catalog: Catalog, slug: str, problems: list[str]) -> tuple[Version, ...]:
    try:
        return catalog.look(slug)[0].versions
    except LuisyError as error:
        problems.append(f"{slug}: {error}")
        return ()


def _problem(store: S3Store, key: str) -> str:
    """Return what is wrong with a content, or nothing."""
    sha256, gzip = blob_of(key)
    digest, chunks = hashlib.sha256(), store.chunks(key)
    try:
        for chunk in expanded(chunks, name=key) if gzip else chunks:
            digest.update(chunk)
    except NotFound:
        return "missing"
    except IntegrityError:
        return "damaged"
    except LuisyError as error:
        return f"not readable ({error})"
    return "" if digest.hexdigest() == sha256 else "damaged"


def _garbage(store: S3Store) -> list[ObjectInfo]:
    catalog = Catalog(store)
    slugs = [slug for info in store.list(DATASETS) if (slug := dataset_slug(info.key))]
    needed: set[str] = set()
    for slug in slugs:
        for version in catalog.look(slug)[0].versions:
            if manifest_key(version.manifest) not in needed:
                needed.add(manifest_key(version.manifest))
                files = catalog.manifest(version).files
                needed.update(blob_key(file.sha256, gzip=file.gzip) for file in files)
    found = (info for prefix in (MANIFESTS, BLOBS) for info in store.list(prefix))
    return [info for info in found if info.key not in needed]


def _digests(store: S3Store, *, before: datetime, stay: Callable[[], None]) -> list[ObjectInfo]:
    """Return the digests that no raw file refers to, and none that has just been noted."""
    old = [info for info in store.list(DIGESTS) if info.modified and info.modified < before]
    if not old:
        return []
    large = [info.key for info in store.list(RAW) if info.size > PART]
    needed = set()
    with ThreadPoolExecutor(_WORKERS) as pool:
        for noted in pool.map(store.where_noted, large):
            needed.add(noted)
            stay()
    return [info for info in old if info.key not in needed]


def _unfinished(store: S3Store, *, before: datetime) -> list[Unfinished]:
    ours = (BLOBS, RAW)
    return [
        upload
        for upload in store.unfinished()
        if upload.key.startswith(ours) and upload.began < before
    ]
