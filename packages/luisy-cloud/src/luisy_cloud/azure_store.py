"""A store in an Azure Blob container, on Microsoft's SDK.

What the SDK does: retries, time limits, and the MD5 that Azure checks for each request. What is
added here: the SHA-256 of the content, taken while it streams, is checked before an upload is
committed and is kept in the blob's metadata, where a listing shows it; its MD5, taken likewise, is
what Azure notes for the blob.

A file of up to 4 MiB is one request either way, and an object of up to 64 MiB is that is read or
written as a whole. What is downloaded, and most small files that are sent, take the quick path
(`luisy_cloud.azure_quick`). Of larger files only `LARGE_AT_ONCE` travel at a time, however many
threads ask; this bounds the memory. They are sent in blocks (`luisy_cloud.azure_blocks`), and
fetched in blocks, `PARALLEL_BLOCKS` of each at a time, that are written as they arrive
(`luisy_cloud.streams`).
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import TYPE_CHECKING, Any

from luisy_protocol import os_errors
from luisy_protocol.digest import digest_bytes
from luisy_protocol.errors import Conflict, NotFound
from luisy_protocol.keys import validate_key, validate_prefix
from luisy_protocol.secret import Secret
from luisy_protocol.store import Advance, Downloaded, ObjectInfo

from luisy_cloud.azure_blocks import BlockSender
from luisy_cloud.azure_client import BLOCK, SINGLE, open_container
from luisy_cloud.azure_errors import translated
from luisy_cloud.azure_quick import Part, open_quick_path
from luisy_cloud.azure_settings import AzureSettings, read_settings
from luisy_cloud.streams import CheckedReader, CheckedWriter, in_order

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties

WHOLE = 64 * 1024 * 1024
LARGE_AT_ONCE = 2
PARALLEL_BLOCKS = 4
SHA256 = "sha256"


def open_azure_store(url: str) -> AzureStore:
    """Open the container that a URL and the settings name; nothing is sent yet.

    The account, the container and the key that were set by `luisy.Config` come before those of the
    environment.

    Args:
        url: ``az://<container>[/<prefix>]``.

    Raises:
        ConfigurationError: If a setting is missing or malformed.
        MissingPackage: If the way in needs azure-identity and it is not installed.
    """
    return AzureStore(read_settings(url, {**os.environ, **_set_in_python()}))


class AzureStore:
    """A `luisy_protocol.store.Store` in a container of Azure Blob storage.

    Args:
        settings: Where it is and how to enter.
    """

    has_compare_and_swap = True

    def __init__(self, settings: AzureSettings) -> None:
        from luisy_cloud.azure_session import AzureSession

        self.url = f"az://{settings.container}/{settings.prefix}".rstrip("/")
        self._prefix = settings.prefix
        session = AzureSession(retries=settings.retries)
        self._container = open_container(settings, session)
        self._whole = open_container(settings, session, single=WHOLE)
        self._quick = open_quick_path(settings, self._container, session, limit=SINGLE)
        self._blocks = BlockSender(self._container, self._quick)
        self._session = session
        self._where = f"the container {settings.container} at {self._endpoint()}"
        self._large = BoundedSemaphore(LARGE_AT_ONCE)

    def __repr__(self) -> str:
        return f"AzureStore({self.url!r})"

    def __reduce__(self) -> tuple[object, ...]:
        # The way in does not travel: another process reads it from its own environment.
        return open_azure_store, (self.url,)

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key."""
        validate_prefix(prefix)
        with translated("list objects", self._where):
            blobs = self._container.list_blobs(
                name_starts_with=self._prefix + prefix, include=["metadata"]
            )
            for blob in blobs:
                if not _is_folder_marker(blob):
                    yield self._info(blob)

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object."""
        name = self._name(key)
        with translated(f"read {key}", self._where):
            return self._info(self._container.get_blob_client(name).get_blob_properties())

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return a small object's content and the etag that belongs to exactly these bytes."""
        name = self._name(key)
        with translated(f"read {key}", self._where):
            stream = self._whole.download_blob(name, decompress=False)
            return stream.readall(), self._info(stream.properties)

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step."""
        try:
            return self._put(key, content, overwrite=not if_absent, **_condition(if_match))
        except NotFound as error:
            if if_match is None or type(error) is not NotFound:
                raise
            raise Conflict(f"{key} in {self.url} was deleted by somebody else") from error

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`; large ones in parallel blocks."""
        name = self._name(key)
        with os_errors.translated(f"write {path}"):
            file = path.open("w+b", buffering=0)
        with file, translated(f"read {key}", self._where):
            first = self._first(name, if_match)
            info = replace(first.info, key=key)
            # A blob that came by other means has no SHA-256, but often Azure's note of its MD5.
            md5 = None if info.sha256 else first.md5
            writer = CheckedWriter(file, key=key, size=info.size, md5=md5, advance=advance)
            if info.size <= SINGLE:
                writer.write(first.content)
            else:
                begun = len(first.content)
                with self._large, closing(self._rest(name, info, writer, begun)) as ends:
                    writer.write(first.content)  # not before: it may be stopped while it waits
                    for end in ends:
                        writer.check(end)
            return Downloaded(info, writer.finish())

    def upload(
        self, path: Path, key: str, *, sha256: str, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file, large ones in parallel blocks; the old object stays until all are there."""
        from azure.storage.blob import ContentSettings

        name = self._name(key)
        with os_errors.translated(f"read {path}"):
            file = path.open("rb")
        with file, translated(f"write {key}", self._where):
            size = os.fstat(file.fileno()).st_size
            reader = CheckedReader(file, size=size, sha256=sha256, advance=advance)
            metadata = {SHA256: sha256}
            if size > SINGLE:
                with self._large:
                    answer = self._blocks.send(name, reader, size=size, metadata=metadata)
            else:
                small = reader.read(size)
                if self._quick:
                    sent = self._quick.put(name, small, sha256=sha256, md5=bytes(reader.md5))
                    if sent:
                        return replace(sent, key=key)
                answer = self._container.get_blob_client(name).upload_blob(
                    small,
                    length=size,
                    overwrite=True,
                    metadata=metadata,
                    content_settings=ContentSettings(content_md5=reader.md5),
                    validate_content=True,
                )
        return ObjectInfo(key, size, _bare(answer["etag"]), answer["last_modified"], sha256)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        name = self._name(key)
        try:
            with translated(f"delete {key}", self._where):
                self._container.delete_blob(name, delete_snapshots="include")
        except NotFound as error:
            if type(error) is not NotFound:
                raise

    def create_container(self) -> None:
        """Make the container; one that is there is fine.

        Raises:
            AccessDenied: If the credentials do not allow it.
        """
        try:
            with translated("create", self._where):
                self._container.create_container()
        except Conflict:
            return

    def close(self) -> None:
        """Release the connections."""
        self._container.close()
        self._whole.close()
        self._session.close()

    def _put(self, key: str, content: bytes, **condition: Any) -> ObjectInfo:
        from azure.storage.blob import ContentSettings

        digest = digest_bytes(content)
        md5 = bytearray(hashlib.md5(content, usedforsecurity=False).digest())
        name = self._name(key)
        with translated(f"write {key}", self._where):
            answer = self._whole.get_blob_client(name).upload_blob(
                content,
                length=len(content),
                metadata={SHA256: digest.sha256},
                content_settings=ContentSettings(content_md5=md5),
                validate_content=True,
                **condition,
            )
        return ObjectInfo(
            key, digest.size, _bare(answer["etag"]), answer["last_modified"], digest.sha256
        )

    def _first(self, name: str, etag: str | None) -> Part:
        """Return the beginning of a blob, or all of a small one."""
        if self._quick and (part := self._quick.get(name, etag=etag)):
            return part
        stream = self._container.download_blob(name, decompress=False, **_condition(etag))
        md5 = stream.properties.content_settings.content_md5
        info = self._info(stream.properties)
        return Part(stream.read(SINGLE), info, bytes(md5) if md5 else None)

    def _rest(
        self, name: str, info: ObjectInfo, writer: CheckedWriter, begun: int
    ) -> Generator[int]:
        """Fetch what comes after the beginning, and yield up to where nothing is missing."""

        def fetch(start: int) -> int:
            end = min(start + BLOCK - start % BLOCK, info.size)
            with closing(self._pieces(name, info, start, end)) as pieces:
                writer.fill(start, end, pieces)
            return end

        # The first block is half here; they lie as those of an upload do.
        starts = [begun, *range(BLOCK, info.size, BLOCK)]
        return in_order(fetch, starts, at_a_time=PARALLEL_BLOCKS)

    def _pieces(self, name: str, info: ObjectInfo, start: int, end: int) -> Generator[bytes]:
        """Yield a part of this version of a blob and no other."""
        if self._quick:
            for piece in self._quick.pieces(name, etag=info.etag, start=start, end=end):
                start += len(piece)
                yield piece
        if start < end:
            condition = _condition(info.etag)
            stream = self._whole.download_blob(
                name, start, end - start, decompress=False, **condition
            )
            yield stream.readall()

    def _name(self, key: str) -> str:
        return self._prefix + validate_key(key)

    def _info(self, blob: BlobProperties) -> ObjectInfo:
        metadata: Mapping[str, str] = blob.metadata or {}
        key = blob.name.removeprefix(self._prefix)
        return ObjectInfo(
            key, blob.size, _bare(blob.etag), blob.last_modified, metadata.get(SHA256)
        )

    def _endpoint(self) -> str:
        return f"{self._container.scheme}://{self._container.primary_hostname}"


def _set_in_python() -> dict[str, str]:
    from luisy.config import Config

    names = ("azure_account_name", "azure_container_name", "azure_storage_key")
    values = {f"LUISY_{name.upper()}": Config().get_param(name) for name in names}
    return {
        name: value.reveal() if isinstance(value, Secret) else str(value)
        for name, value in values.items()
        if value
    }


def _bare(etag: str) -> str:
    """Return an etag as listings show it; the headers of single answers put it in quotes."""
    return etag.strip('"')


def _condition(etag: str | None) -> dict[str, Any]:
    from azure.core import MatchConditions

    if etag is None:
        return {}
    return {"etag": f'"{etag}"', "match_condition": MatchConditions.IfNotModified}


def _is_folder_marker(blob: BlobProperties) -> bool:
    """Tell whether a blob stands for a folder of an account with a hierarchical namespace."""
    metadata: Mapping[str, str] = blob.metadata or {}
    return metadata.get("hdi_isfolder", "").lower() == "true"
