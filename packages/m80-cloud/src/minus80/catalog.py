"""The datasets in a bucket: find one, and change its history so that nobody's version is lost."""

from __future__ import annotations

from collections.abc import Callable

from luisy_protocol.digest import digest_bytes
from luisy_protocol.errors import Conflict, IntegrityError, NotFound
from luisy_protocol.store import Store

from minus80 import history as histories
from minus80 import manifest as manifests
from minus80.errors import DatasetNotFound
from minus80.history import History, Version
from minus80.layout import DATASETS, OLD_DATASETS, dataset_key, dataset_slug, manifest_key
from minus80.manifest import Manifest
from minus80.names import nearest, split_slug

_ATTEMPTS = 50
_REPAIR = "put the dataset again with resend=True from a machine that has it"


class Catalog:
    """The datasets in a bucket.

    Args:
        store: The bucket.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def slugs(self, *, dtype: str | None = None) -> list[str]:
        """Return the slugs of all datasets, those of the old engine too: one listing for each."""
        prefix = f"{dtype}." if dtype else ""
        found = {dataset_slug(info.key) for info in self._store.list(DATASETS + prefix)}
        old = self._store.list(OLD_DATASETS + prefix)
        found |= {info.key.removeprefix(OLD_DATASETS) for info in old}
        return sorted(slug for slug in found if slug is not None and split_slug(slug))

    def look(self, slug: str) -> tuple[History, str | None]:
        """Return a dataset's history and its etag; an empty one and None if there is no dataset."""
        key = dataset_key(slug)
        try:
            text, info = self._store.read(key)
        except NotFound:
            return History(), None
        return histories.decode(text, name=f"{key} in {self._store.url}"), info.etag

    def existing(self, slug: str) -> History:
        """Return a dataset's history; an empty one if only the old engine stored the dataset.

        Raises:
            DatasetNotFound: If there is none; the message has the nearest names.
        """
        history, _ = self.look(slug)
        old = OLD_DATASETS + slug
        if not history.versions and all(info.key != old for info in self._store.list(old)):
            raise self.not_found(slug)
        return history

    def manifest(self, version: Version) -> Manifest:
        """Return the files of a version.

        Raises:
            IntegrityError: If the manifest is missing, damaged or malicious.
        """
        key = manifest_key(version.manifest)
        name = f"{key} in {self._store.url}"
        try:
            text, _ = self._store.read(key)
        except NotFound as error:
            raise IntegrityError(f"{name} is missing; {_REPAIR}") from error
        manifest = manifests.decode(text, name=name)
        if digest_bytes(text).sha256 != version.manifest:
            raise IntegrityError(
                f"{name} is damaged: its digest is not the one in its name; {_REPAIR}"
            )
        return manifest

    def change(
        self,
        slug: str,
        edit: Callable[[History], History],
        *,
        seen: tuple[History, str | None] | None = None,
    ) -> History:
        """Change a history by compare-and-swap, again and again until nobody wrote in between.

        Args:
            slug: The dataset.
            edit: Returns the new history for the one that is there; the same one to leave it.
            seen: What `look` returned a moment ago, to save a request.

        Raises:
            Conflict: If others write all the time.
        """
        for _ in range(_ATTEMPTS):
            history, etag = seen or self.look(slug)
            edited = edit(history)
            if edited is history:
                return history
            try:
                self._write(slug, edited, etag)
            except Conflict:
                seen = None
            else:
                return edited
        raise Conflict(f"others keep changing {slug} in {self._store.url}; try again later")

    def not_found(self, slug: str) -> DatasetNotFound:
        """Return the error for a dataset that is not there, with the nearest names."""
        dtype, name = split_slug(slug) or ("", slug)
        near = nearest(slug, self.slugs())
        return DatasetNotFound(f"there is no {dtype} '{name}' in {self._store.url}{near}")

    def _write(self, slug: str, history: History, etag: str | None) -> None:
        key, text = dataset_key(slug), histories.encode(history)
        if not self._store.has_compare_and_swap:
            self._store.write(key, text)  # the caller was warned when the put began
        elif etag is None:
            self._store.write(key, text, if_absent=True)
        else:
            self._store.write(key, text, if_match=etag)
