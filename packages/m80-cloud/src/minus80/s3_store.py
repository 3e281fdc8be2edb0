"""The store ``s3://bucket/prefix``: any S3 server, by boto3.

Known limits. Some servers accept conditional writes and ignore them. Amazon does not; of any other
the store finds out, once, with a small object of its own before the first conditional write, and
says honestly that such a server has no compare-and-swap. The digest of what is sent is noted in its
metadata, or, if it was not known before, in an object of its own that `stat` looks into
(`minus80.s3_multipart`); a listing does not tell it.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from threading import RLock
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import unquote, urlsplit

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    InvalidKey,
    NotFound,
    NotSupported,
)
from luisy_protocol.keys import validate_key, validate_prefix
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance, Downloaded, ObjectInfo

from minus80.errors import BucketMissing
from minus80.layout import DIGESTS
from minus80.s3_connection import PART, Connection
from minus80.s3_errors import s3_errors
from minus80.s3_multipart import NOTED, SHA256, changed, send_parts
from minus80.s3_quick import checksum
from minus80.s3_ranges import begin, fetch, stream
from minus80.s3_signing import sha256_of
from minus80.settings import Cloud, load_settings

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import HeadObjectOutputTypeDef, PutObjectOutputTypeDef

_Result = TypeVar("_Result")
_BATCH = 1000


@dataclass(frozen=True, slots=True)
class Unfinished:
    """An upload in parts that was begun and is not complete."""

    key: str
    id: str
    began: datetime


def open_s3_store(url: str) -> S3Store:
    """Return the store of an ``s3://bucket/prefix`` URL (entry point in ``luisy.stores``).

    The server and the keys come from the settings of minus80 (`minus80.settings`), the bucket from
    the URL.

    Raises:
        ConfigurationError: If the URL names no bucket, or a setting is wrong.
    """
    split = urlsplit(url)
    if split.scheme != "s3" or not split.netloc or split.query or split.fragment:
        raise ConfigurationError(f"{url} is not the URL of a bucket, as in s3://bucket/prefix")
    settings = load_settings(create=False).with_bucket(split.netloc)
    prefix = unquote(split.path).strip("/")
    return S3Store(settings.cloud, prefix=validate_key(prefix) if prefix else "")


class S3Store:
    """A bucket, or what is below a prefix in it.

    A bucket that does not exist is empty, and made by the first write.

    Args:
        cloud: The server, the bucket and the credentials.
        prefix: The folder in the bucket; the whole bucket if empty.
        uploads: A folder in which uploads of large files are remembered until they are complete,
            so that a later run goes on where one was stopped.
    """

    def __init__(self, cloud: Cloud, *, prefix: str = "", uploads: Path | None = None) -> None:
        self.connection = Connection(cloud)
        self.url = f"s3://{cloud.bucket}/{prefix}".rstrip("/")
        self._bucket = cloud.bucket
        self._root = f"{prefix}/" if prefix else ""
        self._uploads = uploads
        self._lock = RLock()
        self._compares: bool | None = None if cloud.endpoint else True

    def __repr__(self) -> str:
        return f"S3Store({self.url!r})"

    def __reduce__(self) -> tuple[Callable[[str], S3Store], tuple[str]]:
        # Keys do not travel; the other process reads its own settings.
        return open_s3_store, (self.url,)

    @property
    def has_compare_and_swap(self) -> bool:
        """Whether the server honours conditional writes; asks it once if it is not Amazon."""
        with self._lock:
            if self._compares is None:
                self._compares = self._creating(self._probe)
            return self._compares

    def list(self, prefix: str = "") -> Iterator[ObjectInfo]:
        """Yield every object whose key starts with `prefix`, sorted by key."""
        validate_prefix(prefix)
        with s3_errors(f"list {prefix or 'it'}", url=self.url):
            pages = self.connection.client.get_paginator("list_objects_v2").paginate(
                Bucket=self._bucket, Prefix=self._root + prefix
            )
            try:
                for page in pages:
                    for found in page.get("Contents", []):
                        key = found["Key"].removeprefix(self._root)
                        with suppress(InvalidKey):  # what other tools make, such as "folder/"
                            validate_key(key)
                            yield ObjectInfo(
                                key, found["Size"], found["ETag"], found["LastModified"]
                            )
            except self.connection.client.exceptions.NoSuchBucket:
                return

    def stat(self, key: str) -> ObjectInfo:
        """Tell about one object.

        Raises:
            NotFound: If there is no such object.
        """
        found = self._head(key)
        metadata = _lower(found["Metadata"])
        sha256, noted = metadata.get(SHA256), metadata.get(NOTED)
        if sha256 is None and noted is not None:
            sha256 = self._noted(noted)
        return ObjectInfo(key, found["ContentLength"], found["ETag"], found["LastModified"], sha256)

    def where_noted(self, key: str) -> str | None:
        """Return the key of the object that another's digest is in, if there is such a one."""
        with suppress(NotFound):
            noted = _lower(self._head(key)["Metadata"]).get(NOTED)
            return noted and noted.removeprefix(self._root)
        return None

    def read(self, key: str) -> tuple[bytes, ObjectInfo]:
        """Return a small object's content and its etag.

        Raises:
            NotFound: If there is no such object.
        """
        name = self._name(key)
        answer = begin(self.connection, name)
        body = answer.body
        if answer.size > len(body):
            with s3_errors(f"read {key}", url=self.url):
                found = self.connection.client.get_object(
                    Bucket=self._bucket, Key=name, IfMatch=answer.etag
                )
                with closing(found["Body"]) as stream:
                    body = stream.read()
        if len(body) != answer.size:
            raise IntegrityError(f"{key} in {self.url} came incomplete; try again")
        return body, ObjectInfo(key, answer.size, answer.etag, answer.modified, answer.sha256)

    def write(
        self, key: str, content: bytes, *, if_match: str | None = None, if_absent: bool = False
    ) -> ObjectInfo:
        """Replace a small object in one step.

        Raises:
            Conflict: If a condition does not hold; nothing was written.
            NotSupported: If a condition was given to a server that ignores conditions.
        """
        name, sha256 = self._name(key), sha256_of(content)
        if (if_match is not None or if_absent) and not self.has_compare_and_swap:
            raise NotSupported(
                f"the server of {self.url} ignores conditional writes; two people writing at once "
                "would lose one's work; use a server that has them, such as Amazon S3 or MinIO"
            )
        etag = self._creating(
            lambda: self._put(name, content, sha256, if_match=if_match, if_absent=if_absent)
        )
        return ObjectInfo(key, len(content), etag, sha256=sha256)

    def download(
        self,
        key: str,
        path: Path,
        *,
        if_match: str | None = None,
        advance: Advance | None = None,
        journal: Path | None = None,
    ) -> Downloaded:
        """Write an object's content to `path`.

        Args:
            key: The object.
            path: The file.
            if_match: The etag it must still have.
            advance: Told of the bytes written.
            journal: A file beside it, by which a later run goes on where this one was stopped.

        Raises:
            NotFound: If there is no such object.
            Conflict: If it no longer has the etag `if_match`, or changed while it was read.
        """
        answer, sha256 = fetch(
            self.connection,
            self._name(key),
            Path(path),
            if_match=if_match,
            advance=advance,
            journal=journal,
        )
        info = ObjectInfo(key, answer.size, answer.etag, answer.modified, answer.sha256)
        return Downloaded(info, sha256)

    def upload(
        self, path: Path, key: str, *, sha256: str | None, advance: Advance | None = None
    ) -> ObjectInfo:
        """Send a file and return what is there.

        Args:
            path: The file.
            key: The object.
            sha256: The digest it must have. If it is not known, what is read is what is sent.
            advance: Told of the bytes that arrived.

        Raises:
            IntegrityError: If the bytes sent do not have the digest `sha256`.
        """
        name, path = self._name(key), Path(path)
        with translated(f"read {path}"):
            size = path.stat().st_size
            content = path.read_bytes() if size <= PART else None
        if content is None:
            source = sha256 or path.absolute()
            journal = sha256_of(f"{self.url} {key} {source}".encode())
            sent = self._creating(
                lambda: send_parts(
                    self.connection,
                    path,
                    name,
                    sha256=sha256,
                    notes=self._root + DIGESTS,
                    advance=advance,
                    journal=self._uploads / f"{journal}.json" if self._uploads else None,
                )
            )
            return ObjectInfo(key, sent.size, sent.etag, sha256=sent.sha256)
        found = sha256_of(content)
        if found != (sha256 or found):
            raise changed(path, url=self.url)
        if advance:
            advance(0)  # may cancel
        etag = self._creating(lambda: self._put(name, content, found))
        if advance:
            advance(len(content))
        return ObjectInfo(key, len(content), etag, sha256=found)

    def delete(self, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        name = self._name(key)
        with suppress(NotFound), s3_errors(f"delete {key}", url=self.url):
            self.connection.client.delete_object(Bucket=self._bucket, Key=name)

    def delete_many(self, keys: Iterable[str]) -> None:
        """Remove objects, a thousand with each request.

        Raises:
            LuisyError: If some could not be removed; the message tells the first.
        """
        names = [self._name(key) for key in keys]
        for start in range(0, len(names), _BATCH):
            batch = names[start : start + _BATCH]
            with s3_errors(f"delete {len(batch)} objects", url=self.url):
                answer = self.connection.client.delete_objects(
                    Bucket=self._bucket,
                    Delete={"Objects": [{"Key": name} for name in batch], "Quiet": True},
                )
            for failed in answer.get("Errors", []):
                raise NotSupported(
                    f"cannot delete {failed.get('Key')} in {self.url}: {failed.get('Message')}"
                )

    def chunks(self, key: str) -> Iterator[bytes]:
        """Yield an object's content in order, a few megabytes at a time.

        Raises:
            NotFound: If there is no such object.
            IntegrityError: If it comes incomplete.
        """
        return stream(self.connection, self._name(key))

    def unfinished(self) -> Iterator[Unfinished]:
        """Yield the uploads in parts that were begun and are not complete."""
        with s3_errors("list uploads", url=self.url):
            pages = self.connection.client.get_paginator("list_multipart_uploads").paginate(
                Bucket=self._bucket, Prefix=self._root
            )
            for page in pages:
                for found in page.get("Uploads", []):
                    key = found["Key"].removeprefix(self._root)
                    yield Unfinished(key, found["UploadId"], found["Initiated"])

    def abandon(self, upload: Unfinished) -> None:
        """Delete the parts of an unfinished upload; one that is gone is fine."""
        with suppress(NotFound), s3_errors(f"delete parts of {upload.key}", url=self.url):
            self.connection.client.abort_multipart_upload(
                Bucket=self._bucket, Key=self._name(upload.key), UploadId=upload.id
            )

    def close(self) -> None:
        """Release connections and threads."""
        self.connection.close()

    def _head(self, key: str) -> HeadObjectOutputTypeDef:
        name = self._name(key)
        with s3_errors(f"look at {key}", url=self.url):
            return self.connection.client.head_object(Bucket=self._bucket, Key=name)

    def _noted(self, name: str) -> str | None:
        """Return the digest in an object of its own; None if somebody took that away."""
        with suppress(NotFound):
            return begin(self.connection, name).body.decode("ascii", "replace")
        return None

    def _name(self, key: str) -> str:
        return validate_key(self._root + validate_key(key))

    def _put(
        self,
        name: str,
        content: bytes,
        sha256: str,
        *,
        if_match: str | None = None,
        if_absent: bool = False,
    ) -> str:
        quick = self.connection.quick
        if quick and if_match is None and not if_absent:
            etag = quick.put(name, content, sha256=sha256)
            if etag is not None:
                return etag
        try:
            return self._put_by_boto3(name, content, sha256, if_match, if_absent)["ETag"]
        except BucketMissing:
            raise
        except NotFound as error:  # Amazon's answer to a condition on what is not there
            raise Conflict(f"{name} in {self.url} was deleted in between; try again") from error

    def _put_by_boto3(
        self, name: str, content: bytes, sha256: str, if_match: str | None, if_absent: bool
    ) -> PutObjectOutputTypeDef:
        condition: dict[str, str] = {}
        if if_match is not None:
            condition["IfMatch"] = if_match
        if if_absent:
            condition["IfNoneMatch"] = "*"
        with s3_errors(f"write {name}", url=self.url):
            return self.connection.client.put_object(
                Bucket=self._bucket,
                Key=name,
                Body=content,
                ChecksumSHA256=checksum(sha256),
                Metadata={SHA256: sha256},
                **condition,  # type: ignore[arg-type] # only conditions
            )

    def _probe(self) -> bool:
        """Write an object twice on the condition that it is not there; once is right."""
        name = f"{self._root}.luisy-probe-{secrets.token_hex(8)}"
        try:
            self._put(name, b"", sha256_of(b""), if_absent=True)
            self._put(name, b"", sha256_of(b""), if_absent=True)
        except (Conflict, NotSupported) as error:
            return isinstance(error, Conflict)
        finally:
            with suppress(NotFound), s3_errors("clean up", url=self.url):
                self.connection.client.delete_object(Bucket=self._bucket, Key=name)
        return False

    def _creating(self, action: Callable[[], _Result]) -> _Result:
        """Do a write, and once more after making the bucket if that is missing."""
        try:
            return action()
        except BucketMissing:
            self.connection.create_bucket()
            return action()


def _lower(metadata: Mapping[str, str]) -> dict[str, str]:
    """Return metadata with the names as they were given; some servers change their capitals."""
    return {name.lower(): value for name, value in metadata.items()}
