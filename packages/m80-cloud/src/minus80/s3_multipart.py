"""Send a large file in parts, several at a time, and take up again what an earlier run left.

Rules. One thread reads the parts in order and takes the digest of exactly the bytes that are sent;
a few others send them. Only when the whole digest is the expected one the upload is completed, so
a file that changes meanwhile never becomes an object. With a journal the upload's id is kept on
disk before the first part is sent; a later run asks the server which parts arrived, and sends
those that are missing or that no longer are what the file holds (by CRC32, else by the MD5 in the
etag). Without a journal an upload that fails is aborted, so that no parts stay behind.

Known limits. At most 10,000 parts, S3's limit: the parts of files above 80 GB grow with the file,
and with them the memory.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import zlib
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from luisy_protocol.errors import IntegrityError
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance
from luisy_protocol.temporary import replacing

from minus80.s3_connection import Connection
from minus80.s3_errors import s3_errors

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

PART = 8 * 1024 * 1024
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class _Sent:
    """A part that the server has."""

    size: int
    etag: str
    crc32: str | None


def send_parts(
    connection: Connection,
    path: Path,
    key: str,
    *,
    sha256: str,
    advance: Advance | None = None,
    journal: Path | None = None,
) -> str:
    """Send a file as one object and return the object's etag.

    Args:
        connection: The bucket.
        path: The file; not empty.
        key: The object.
        sha256: The digest the file must have.
        advance: Told of the bytes that arrived.
        journal: Where to keep the id of the upload, for a later run to take it up.

    Raises:
        IntegrityError: If the file does not have that digest; there is no new object then.
    """
    upload = _Upload(connection, key, sha256=sha256, journal=journal)
    with s3_errors(f"write {key}", url=connection.url):
        upload.start()
        try:
            return upload.send(path, advance or (lambda _: None))
        except BaseException as error:
            upload.leave(error)
            raise


class _Upload:
    def __init__(
        self, connection: Connection, key: str, *, sha256: str, journal: Path | None
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._key = key
        self._sha256 = sha256
        self._journal = journal
        self._id = ""
        self._present: dict[int, _Sent] = {}
        # Without TLS the signature covers each body, so that the server checks it anyway.
        self._has_checksums = connection.client.meta.endpoint_url.startswith("https:")

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
                Metadata={"sha256": self._sha256},
                **({"ChecksumAlgorithm": "CRC32"} if self._has_checksums else {}),  # type: ignore[arg-type] # one option
            )["UploadId"]
            self._remember()

    def send(self, path: Path, advance: Advance) -> str:
        """Send what is missing, and complete the upload if the digest is right."""
        with translated(f"read {path}"):
            file = path.open("rb")
        with file:
            size = os.fstat(file.fileno()).st_size
            part_size = max(PART, -(-size // _MOST_PARTS // PART) * PART)
            digest = hashlib.sha256()
            futures: list[Future[CompletedPartTypeDef]] = []
            try:
                reader = _reader(file, part_size, path)
                self._send_each(reader, digest.update, futures, advance=advance)
                parts = [future.result() for future in futures]
            except BaseException:
                for future in futures:
                    future.cancel()
                raise
        if digest.hexdigest() != self._sha256:
            raise IntegrityError(
                f"{path} does not have the digest it had before it was sent to "
                f"{self._connection.url}; did it change meanwhile? run again"
            )
        done = self._client.complete_multipart_upload(
            Bucket=self._connection.bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": parts},
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

    def _send_each(
        self,
        read: Callable[[], bytes],
        update: Callable[[bytes], None],
        futures: list[Future[CompletedPartTypeDef]],
        *,
        advance: Advance,
    ) -> None:
        limit = self._connection.parts_in_memory
        failed: list[BaseException] = []

        def settle(future: Future[CompletedPartTypeDef]) -> None:
            limit.release()
            if not future.cancelled() and (error := future.exception()):
                failed.append(error)

        while True:
            limit.acquire()
            body = b""
            try:
                body = read()
                update(body)
                if body:
                    future = self._connection.parts.submit(
                        self._send_one, len(futures) + 1, body, advance
                    )
            except BaseException:
                limit.release()
                raise
            if not body:
                limit.release()
                return
            futures.append(future)
            future.add_done_callback(settle)
            if failed:
                raise failed[0]

    def _send_one(self, number: int, body: bytes, advance: Advance) -> CompletedPartTypeDef:
        advance(0)  # may cancel
        present = self._present.get(number)
        if present is None or not _is_same(present, body):
            answer = self._client.upload_part(
                Bucket=self._connection.bucket,
                Key=self._key,
                UploadId=self._id,
                PartNumber=number,
                Body=body,
                **({"ChecksumCRC32": _crc32(body)} if self._has_checksums else {}),  # type: ignore[arg-type] # one option
            )
            present = _Sent(len(body), answer["ETag"], answer.get("ChecksumCRC32"))
        advance(len(body))
        part: CompletedPartTypeDef = {"PartNumber": number, "ETag": present.etag}
        if present.crc32:
            part["ChecksumCRC32"] = present.crc32
        return part

    def _list(self) -> dict[int, _Sent]:
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
        )
        return {
            part["PartNumber"]: _Sent(part["Size"], part["ETag"], part.get("ChecksumCRC32"))
            for page in pages
            for part in page.get("Parts", [])
        }

    def _remembered(self) -> str:
        if self._journal is None:
            return ""
        try:
            noted = json.loads(self._journal.read_bytes())
            return str(noted["id"]) if noted["sha256"] == self._sha256 else ""
        except (OSError, ValueError, KeyError, TypeError):
            return ""

    def _remember(self) -> None:
        if self._journal is not None:
            with translated(f"write {self._journal}"):
                self._journal.parent.mkdir(parents=True, exist_ok=True)
                with replacing(self._journal) as temporary:
                    temporary.write_text(json.dumps({"id": self._id, "sha256": self._sha256}))

    def _forget(self) -> None:
        if self._journal is not None:
            self._journal.unlink(missing_ok=True)


def _reader(file: BinaryIO, size: int, path: Path) -> Callable[[], bytes]:
    def read() -> bytes:
        with translated(f"read {path}"):
            return file.read(size)

    return read


def _is_same(present: _Sent, body: bytes) -> bool:
    if present.size != len(body):
        return False
    if present.crc32:
        return present.crc32 == _crc32(body)
    return present.etag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()


def _crc32(body: bytes) -> str:
    return base64.b64encode(zlib.crc32(body).to_bytes(4, "big")).decode()
