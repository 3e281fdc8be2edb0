"""`CloudData`: datasets and raw files of this machine, in a bucket and back."""

from __future__ import annotations

import sys
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import ConfigurationError, NotFound
from luisy_protocol.progress import Silent, TransferProgress

from minus80.folders import Folders
from minus80.history import History
from minus80.listing import Listing
from minus80.names import slug_of, split_slug, valid_dtype, valid_name
from minus80.settings import Settings, load_settings

if TYPE_CHECKING:
    from minus80.s3_store import S3Store
    from minus80.upkeep import Cleaned, Verified


class CloudData:
    """The datasets and raw files in the bucket of the settings.

    Nothing is sent before the first method is called.

    Args:
        settings: The settings; by default those of ``~/.minus80.conf`` and the environment.
        progress: Told of what travels; silent by default.

    Raises:
        ConfigurationError: If a setting is wrong.
    """

    def __init__(
        self, settings: Settings | None = None, *, progress: TransferProgress | None = None
    ) -> None:
        self.settings = settings or load_settings()
        self._progress = progress or Silent()
        self._folders = Folders(self.settings.basedir)

    def __repr__(self) -> str:
        return f"CloudData({self.url!r})"

    @property
    def url(self) -> str:
        """The bucket, without any secret."""
        server = self.settings.cloud.endpoint
        return f"s3://{self.settings.cloud.bucket}" + (f" at {server}" if server else "")

    def list(
        self,
        name: str | None = None,
        dtype: str | None = None,
        raw: bool = False,
    ) -> Listing:
        """Return what is in the cloud: a mapping from dtypes to names that prints as a list.

        Args:
            name: Only what begins with this.
            dtype: Only this dtype.
            raw: Raw files instead of datasets.

        Raises:
            LuisyError: If the bucket cannot be read.
        """
        from minus80.catalog import Catalog
        from minus80.raw import raw_files

        if dtype is not None:
            valid_dtype(dtype)
        if raw:
            pairs = raw_files(self._store, dtype=dtype)
        else:
            slugs = Catalog(self._store).slugs(dtype=dtype)
            pairs = [pair for slug in slugs if (pair := split_slug(slug))]
        return Listing.of((pair for pair in pairs if pair[1].startswith(name or "")), raw=raw)

    def put(
        self,
        name: str | Path,
        dtype: str,
        raw: bool = False,
        compress: bool = False,
        *,
        tag: str | None = None,
        resend: bool = False,
    ) -> None:
        """Store a dataset as one more version, or a raw file.

        Only what is not there yet is sent.

        Args:
            name: The dataset's name; with `raw` a file.
            dtype: The dataset's type; with `raw` any word for what the file is.
            raw: Whether `name` is a file.
            compress: Store contents compressed; with `raw`, as ``<file name>.gz``.
            tag: A name for the version.
            resend: Send everything, even what seems to be there.

        Raises:
            DatasetNotFound: If there is no such dataset on this machine.
            Conflict: If another version has the tag.
            LuisyError: If something cannot be read or sent; the bucket is as it was.

        Warns:
            ConcurrentPut: If somebody else put the same dataset at the same time.
        """
        from minus80.freeze import put_dataset
        from minus80.raw import put_raw

        if raw:
            if tag is not None:
                raise ConfigurationError("a raw file has no versions, so it cannot have a tag")
            put_raw(
                self._store,
                self._folders,
                Path(name).expanduser(),
                dtype,
                compress=compress,
                resend=resend,
                progress=self._progress,
            )
            return
        if tag is not None:
            valid_name(tag, what="tag")
        put_dataset(
            self._store,
            self._folders,
            slug_of(_text(name), dtype),
            tag=tag,
            compress=compress,
            resend=resend,
            progress=self._progress,
        )

    def get(
        self,
        name: str,
        dtype: str,
        raw: bool = False,
        output: str | Path | None = None,
        *,
        version: int | None = None,
        tag: str | None = None,
    ) -> None:
        """Fetch a dataset into its folder on this machine, or a raw file; whole, or not at all.

        Changes of the dataset here that were never put are set aside, not lost.

        Args:
            name: The dataset's name; with `raw` the file's.
            dtype: Its type.
            raw: Whether to fetch a raw file.
            output: With `raw`, the file or folder to write; the current folder by default.
            version: The number of an older version.
            tag: The tag of a version.

        Raises:
            DatasetNotFound: If there is none; the message has the nearest names.
            IntegrityError: If what is stored is damaged; what is here is as it was.
            LuisyError: If it cannot be fetched or written.
        """
        from minus80.catalog import Catalog
        from minus80.old_engine import get_old_dataset
        from minus80.raw import get_raw
        from minus80.thaw import get_dataset

        chosen = version is not None or tag is not None
        if raw:
            if chosen:
                raise ConfigurationError("a raw file has no versions; leave version and tag out")
            path = Path(output).expanduser() if output is not None else None
            get_raw(self._store, name, dtype, output=path, progress=self._progress)
            return
        if output is not None:
            raise ConfigurationError("output is for raw files; a dataset goes to its own folder")
        if version is not None and tag is not None:
            raise ConfigurationError("give a version or a tag, not both")
        slug, catalog = slug_of(name, dtype), Catalog(self._store)
        history, _ = catalog.look(slug)
        found = history.find(version, tag=tag) if history.versions else None
        if found is not None:
            manifest = catalog.manifest(found)
            get_dataset(self._store, self._folders, slug, manifest, progress=self._progress)
            return
        try:
            if chosen:
                raise catalog.not_found(slug)
            get_old_dataset(self._store, self._folders, slug, progress=self._progress)
        except NotFound as error:
            raise catalog.not_found(slug) from error

    def push(
        self, dtype: str, name: str, tag: str | None = None, *, compress: bool = False
    ) -> None:
        """Store a dataset; `put` with the dtype first.

        Args:
            dtype: The dataset's type.
            name: Its name.
            tag: A name for the version.
            compress: Store contents compressed.
        """
        self.put(name, dtype, compress=compress, tag=tag)

    def pull(
        self, dtype: str, name: str, tag: str | None = None, *, version: int | None = None
    ) -> None:
        """Fetch a dataset; `get` with the dtype first.

        Args:
            dtype: The dataset's type.
            name: Its name.
            tag: The tag of a version.
            version: The number of a version.
        """
        self.get(name, dtype, version=version, tag=tag)

    def history(self, name: str, dtype: str) -> History:
        """Return the versions and tags of a dataset, the oldest first.

        Args:
            name: Its name.
            dtype: Its type.

        Raises:
            DatasetNotFound: If there is none. What the old engine stored has no history.
        """
        from minus80.catalog import Catalog

        return Catalog(self._store).existing(slug_of(name, dtype))

    def tag(self, name: str, dtype: str, tag: str, *, version: int | None = None) -> None:
        """Give a name to a version of a dataset.

        Args:
            name: The dataset's name.
            dtype: Its type.
            tag: The tag.
            version: The number of the version; the current one by default.

        Raises:
            Conflict: If another version has the tag.
            DatasetNotFound: If there is no such dataset or version.
        """
        from minus80.catalog import Catalog

        valid_name(tag, what="tag")
        slug, catalog = slug_of(name, dtype), Catalog(self._store)

        def edit(history: History) -> History:
            found = history.find(version)
            if found is None:
                raise catalog.not_found(slug)
            return history.with_tag(tag, found.number)

        catalog.change(slug, edit)

    def remove(self, name: str, dtype: str, raw: bool = False) -> None:
        """Remove a dataset with all its versions, or a raw file, from the cloud.

        The space of a dataset's contents is freed by `clean`.

        Args:
            name: Its name.
            dtype: Its type.
            raw: Whether it is a raw file.

        Raises:
            DatasetNotFound: If there is none; the message has the nearest names.
        """
        from minus80.raw import remove_raw
        from minus80.upkeep import remove_dataset

        if raw:
            remove_raw(self._store, name, dtype)
        else:
            remove_dataset(self._store, slug_of(name, dtype))

    def nuke(self, *, yes: bool = False) -> None:
        """Remove all datasets and raw files from the cloud, for good.

        Args:
            yes: Do not ask.

        Raises:
            ConfigurationError: If there is nobody to ask.
        """
        from minus80.upkeep import remove_everything

        if not yes:
            if not sys.stdin.isatty():
                raise ConfigurationError("nobody is there to be asked; say nuke(yes=True)")
            answer = input(f"Remove all datasets and raw files from {self.url} for good? [y/N] ")
            if answer.strip().lower() not in {"y", "yes"}:
                return
        remove_everything(self._store)

    def clean(self, *, dry_run: bool = False) -> Cleaned:
        """Free the space of contents that no version of any dataset needs.

        Args:
            dry_run: Only tell what would be deleted.

        Raises:
            Unavailable: If somebody is putting a dataset at this moment.
        """
        from minus80.upkeep import clean

        return clean(self._store, dry_run=dry_run)

    def verify(self, name: str | None = None, dtype: str | None = None) -> Verified:
        """Read all versions of a dataset, or of all, and compare every byte with its digest.

        Args:
            name: The dataset's name; all by default.
            dtype: Its type.

        Raises:
            DatasetNotFound: If there is none.
        """
        from minus80.catalog import Catalog
        from minus80.upkeep import verify

        if name is not None and dtype is not None:
            self.history(name, dtype)
            slugs = [slug_of(name, dtype)]
        elif name is not None:
            raise ConfigurationError("give the dtype too, or neither to verify all")
        else:
            slugs = Catalog(self._store).slugs(dtype=dtype)
        return verify(self._store, slugs, progress=self._progress)

    def close(self) -> None:
        """Release connections."""
        store = self.__dict__.pop("_store", None)
        if store is not None:
            store.close()

    @cached_property
    def _store(self) -> S3Store:
        from minus80.s3_store import S3Store

        return S3Store(self.settings.cloud, uploads=self.settings.basedir / "tmp" / "uploads")


def _text(name: str | Path) -> str:
    if not isinstance(name, str):
        raise ConfigurationError(
            f"{name!r} is a path; a dataset has a name (use raw=True for a file)"
        )
    return name
