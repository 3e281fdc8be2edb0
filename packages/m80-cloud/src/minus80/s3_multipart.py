"""Send a large file in parts, several at a time, and take up again what an earlier run left.

Rules. The digests of the file and of its parts are known before (`minus80.part_digests`). A part is
read when its turn comes, and its request is signed with the digest it had before: the server
refuses other bytes. As not every server looks, the upload is completed only if the file system,
too, says that the file is as it was. So a file that changes meanwhile never becomes an object. With
a journal the upload's id is kept on disk before the first part is sent; a later run asks the server
which parts arrived, and sends those that are missing or that no longer are what the file holds (by
the part's checksum, else by the MD5 in the etag). Without a journal an upload that fails is
aborted, so that no parts stay behind. While one run uses a journal, another that sends the same
begins an upload of its own, without one: of two runs in one upload the later would find it gone.

Known limits. At most 10,000 parts, S3's limit: the parts of files above 80 GB grow with the file,
and with them the memory. A server that looks at no digest also takes what a change leaves that
touches neither the file's size nor its time of modification.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from concurrent.futures import as_completed, wait
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import IntegrityError, Unavailable
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance
from luisy_protocol.temporary import replacing

from minus80.part_digests import PartDigests, changed, stamp_of
from minus80.s3_connection import Connection
from minus80.s3_errors import s3_errors
from minus80.s3_quick import Part, checksum
from minus80.s3_signing import sha256_of
from minus80.s3_wire import Section

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef


def send_parts(
    connection: Connection,
    path: Path,
    key: str,
    *,
    digests: PartDigests,
    advance: Advance | None = None,
    journal: Path | None = None,
) -> str:
    """Send a file as one object and return the object's etag.

    Args:
        connection: The bucket.
        path: The file; not empty.
        key: The object.
        digests: The file as it was read.
        advance: Told of the bytes that arrived.
        journal: Where to keep the id of the upload, for a later run to take it up.

    Raises:
        IntegrityError: If the file is not any more as it was; there is no new object then.
    """
    with _alone(journal) as own, s3_errors(f"write {key}", url=connection.url):
        upload = _Upload(connection, path, key, digests=digests, journal=own)
        upload.start()
        try:
            return upload.send(advance or (lambda _: None))
        except BaseException as error:
            upload.leave(error)
            raise


@contextmanager
def _alone(journal: Path | None) -> Iterator[Path | None]:
    """Give the journal, or none if another run uses it."""
    with ExitStack() as held:
        if journal is not None:
            with translated(f"write {journal}"):
                journal.parent.mkdir(parents=True, exist_ok=True)
            try:
                held.enter_context(locked(_lock_of(journal), patience=0))
            except Unavailable:
                journal = None
        yield journal


def _lock_of(journal: Path) -> Path:
    return journal.with_suffix(".lock")


class _Upload:
    def __init__(
        self,
        connection: Connection,
        path: Path,
        key: str,
        *,
        digests: PartDigests,
        journal: Path | None,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._path = path
        self._key = key
        self._digests = digests
        self._journal = journal
        self._id = ""
        self._present: dict[int, Part] = {}

    def start(self) -> None:
        """Take up the upload in the journal, or begin a new one."""
        self._id = self._remembered()
        if self._id:
            try:
                self._present = self._list()
            except self._client.exceptions.NoSuchUpload:
                self._id = ""
        if not self._id:
            self._id = self._client.create_multipart_upload(
                Bucket=self._connection.bucket,
                Key=self._key,
                Metadata={"sha256": self._digests.sha256},
                ChecksumAlgorithm="SHA256",
            )["UploadId"]
            self._remember()

    def send(self, advance: Advance) -> str:
        """Send what is missing, and complete the upload if the file is as it was."""
        numbers = range(1, len(self._digests.parts) + 1)
        futures = [self._connection.parts.submit(self._send_one, n, advance) for n in numbers]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            for future in futures:
                future.cancel()
            wait(futures)  # a part that arrives after the upload is aborted would stay behind
            raise
        with translated(f"read {self._path}"):
            if stamp_of(self._path.stat()) != self._digests.stamp:
                raise changed(self._path, url=self._connection.url)
        done = self._client.complete_multipart_upload(
            Bucket=self._connection.bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": [future.result() for future in futures]},
        )
        self._forget()
        return done["ETag"]

    def leave(self, error: BaseException) -> None:
        """Keep the parts for a later run if there is a journal, else remove them."""
        if self._journal and not isinstance(error, IntegrityError):
            return
        self._forget()
        with suppress(Exception):
            self._client.abort_multipart_upload(
                Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
            )

    def _send_one(self, number: int, advance: Advance) -> CompletedPartTypeDef:
        advance(0)  # may cancel
        part = self._present.get(number)
        if part is None or not self._is_same(part, number):
            part = self._put(number)
        advance(part.size)
        done: CompletedPartTypeDef = {"PartNumber": number, "ETag": part.etag}
        if part.checksum:
            done["ChecksumSHA256"] = part.checksum
        return done

    def _put(self, number: int) -> Part:
        section, sha256 = self._section(number), self._digests.parts[number - 1]
        quick = self._connection.quick
        if quick:
            part = quick.put_part(self._key, section, upload=self._id, number=number, sha256=sha256)
            if part:
                return part
        body = self._read(number)
        if sha256_of(body) != sha256:
            raise changed(self._path, url=self._connection.url)
        answer = self._client.upload_part(
            Bucket=self._connection.bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=number,
            Body=body,
            ChecksumSHA256=checksum(sha256),
        )
        return Part(len(body), answer["ETag"], answer.get("ChecksumSHA256"))

    def _section(self, number: int) -> Section:
        start = (number - 1) * self._digests.part_size
        return Section(self._path, start, min(self._digests.part_size, self._digests.size - start))

    def _read(self, number: int) -> bytes:
        with translated(f"read {self._path}"):
            return self._section(number).read()

    def _is_same(self, part: Part, number: int) -> bool:
        if part.checksum:
            return part.checksum == checksum(self._digests.parts[number - 1])
        md5 = hashlib.md5(self._read(number), usedforsecurity=False)
        return part.etag.strip('"') == md5.hexdigest()

    def _list(self) -> dict[int, Part]:
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
        )
        return {
            part["PartNumber"]: Part(part["Size"], part["ETag"], part.get("ChecksumSHA256"))
            for page in pages
            for part in page.get("Parts", [])
        }

    def _remembered(self) -> str:
        if self._journal is None:
            return ""
        try:
            noted = json.loads(self._journal.read_bytes())
            return str(noted["id"]) if noted["sha256"] == self._digests.sha256 else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _remember(self) -> None:
        if self._journal is not None:
            with translated(f"write {self._journal}"), replacing(self._journal) as temporary:
                temporary.write_text(json.dumps({"id": self._id, "sha256": self._digests.sha256}))

    def _forget(self) -> None:
        if self._journal is not None:
            self._journal.unlink(missing_ok=True)
            with suppress(OSError):  # Windows keeps a file that is open
                _lock_of(self._journal).unlink(missing_ok=True)
