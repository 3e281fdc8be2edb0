"""Send a large file in parts, several at a time, and take up again what an earlier run left.

Rules. The file is read once, from its beginning to its end. What was read waits in memory until its
part has arrived; the digest of the part, with which its request is signed, and that of the whole
are taken of these same bytes, so what arrived has the digest of the whole. The upload is completed
only if that is the digest the file must have, if one is known, and the file system says that the
file is as it was. With a journal the upload's id is kept on
disk before the first part is sent; a later run asks the server which parts arrived, and sends those
that are missing or that no longer are what the file holds (by the part's checksum, else by the MD5
in the etag). Without a journal an upload that fails is aborted, so that no parts stay behind. While
one run uses a journal, another that sends the same begins an upload of its own, without one: of two
runs in one upload the later would find it gone.

S3 takes an object's metadata when its upload begins. A digest that is known by then is in it. One
that is not is written, before the upload is completed, to an object of its own; the metadata says
which (`NOTED`). It has a random name, so it never is about another upload than this one.

Known limits. At most 10,000 parts, S3's limit: the parts of files above 80 GB grow with the file,
and fewer of them travel at a time. A file of which no digest is known and that changes without a
trace in its size and its time of modification is stored as it was read.
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, wait
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from functools import partial
from io import FileIO
from mmap import mmap
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import IntegrityError, Unavailable
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance
from luisy_protocol.temporary import replacing

from minus80.s3_connection import PART, Connection
from minus80.s3_errors import s3_errors
from minus80.s3_quick import Part, checksum
from minus80.s3_signing import sha256_of

if TYPE_CHECKING:
    from types_boto3_s3.type_defs import CompletedPartTypeDef

SHA256 = "sha256"
NOTED = "sha256-in"
_MOST_PARTS = 10_000


@dataclass(frozen=True, slots=True)
class Sent:
    """An object that was sent.

    Attributes:
        size: Its size.
        sha256: Its digest.
        etag: Its etag.
    """

    size: int
    sha256: str
    etag: str


def send_parts(
    connection: Connection,
    path: Path,
    key: str,
    *,
    sha256: str | None,
    notes: str,
    advance: Advance | None = None,
    journal: Path | None = None,
) -> Sent:
    """Send a file as one object.

    Args:
        connection: The bucket.
        path: The file; not empty.
        key: The object.
        sha256: The digest that the file must have, if one is known.
        notes: Where to note one that is not, as the beginning of a key.
        advance: Told of the bytes that arrived.
        journal: Where to keep the id of the upload, for a later run to take it up.

    Raises:
        IntegrityError: If the file has another digest or changed; there is no new object then.
    """
    with (
        connection.large,
        _alone(journal) as own,
        s3_errors(f"write {key}", url=connection.url),
    ):
        upload = _Upload(connection, path, key, sha256=sha256, notes=notes, journal=own)
        upload.start()
        try:
            return upload.send(advance or (lambda _: None))
        except BaseException as error:
            upload.leave(error)
            raise


def part_size_of(size: int) -> int:
    """Return the size of the parts of a file: S3 takes 10,000 of them at most."""
    return max(PART, -(-size // _MOST_PARTS // PART) * PART)


def changed(path: Path, *, url: str) -> IntegrityError:
    """Return the error for a file that is not what it was when its digest was taken."""
    return IntegrityError(
        f"{path} does not have the digest it had before it was sent to {url}; did it change "
        "meanwhile? run again"
    )


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
        sha256: str | None,
        notes: str,
        journal: Path | None,
    ) -> None:
        self._connection = connection
        self._client = connection.client
        self._path = path
        self._key = key
        self._sha256 = sha256
        self._notes = notes
        self._journal = journal
        self._id = self._note = ""
        self._present: dict[int, Part] = {}
        self._free: list[memoryview] = []

    def start(self) -> None:
        """Take up the upload in the journal, or begin a new one."""
        self._id, self._note = self._remembered()
        if self._id:
            try:
                self._present = self._list()
            except self._client.exceptions.NoSuchUpload:
                self._id = ""
        if not self._id:
            self._note = "" if self._sha256 else self._notes + secrets.token_hex(16)
            self._id = self._client.create_multipart_upload(
                Bucket=self._connection.bucket,
                Key=self._key,
                Metadata={SHA256: self._sha256} if self._sha256 else {NOTED: self._note},
                ChecksumAlgorithm="SHA256",
            )["UploadId"]
            self._remember()

    def send(self, advance: Advance) -> Sent:
        """Send what is missing, and complete the upload if the file is what it must be."""
        with translated(f"read {self._path}"):
            file = self._path.open("rb", buffering=0)
        with file:
            stamp = _stamp(file)
            sha256, parts = self._send_all(file, stamp[0], advance)
            is_as_before = _stamp(file) == stamp and sha256 == (self._sha256 or sha256)
        if not (is_as_before and len(parts) > 1):  # a file of one part has become shorter
            raise changed(self._path, url=self._connection.url)
        if self._note:
            self._client.put_object(
                Bucket=self._connection.bucket, Key=self._note, Body=sha256.encode()
            )
        done = self._client.complete_multipart_upload(
            Bucket=self._connection.bucket,
            Key=self._key,
            UploadId=self._id,
            MultipartUpload={"Parts": parts},
        )
        self._forget()
        return Sent(stamp[0], sha256, done["ETag"])

    def leave(self, error: BaseException) -> None:
        """Keep the parts for a later run if there is a journal, else remove them."""
        if self._journal and not isinstance(error, IntegrityError):
            return
        self._forget()
        with suppress(Exception):
            self._client.abort_multipart_upload(
                Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
            )

    def _send_all(
        self, file: FileIO, size: int, advance: Advance
    ) -> tuple[str, list[CompletedPartTypeDef]]:
        """Send the parts, and return the digest of the whole and what the server has."""
        whole, part_size = hashlib.sha256(), part_size_of(size)
        at_a_time = max(1, self._connection.sends_at_a_time * PART // part_size)
        under_way: deque[Future[CompletedPartTypeDef]] = deque()
        done: list[CompletedPartTypeDef] = []
        try:
            for number, start in enumerate(range(0, size, part_size), 1):
                part = self._read(file, min(part_size, size - start))
                whole.update(part)
                sha256 = sha256_of(part)
                if len(under_way) == at_a_time:
                    done.append(under_way[0].result())
                    under_way.popleft()
                send = partial(self._send_one, number, part, sha256=sha256, advance=advance)
                under_way.append(self._connection.parts.submit(send))
            while under_way:
                done.append(under_way[0].result())
                under_way.popleft()
        except BaseException:
            for future in under_way:
                future.cancel()
            wait(under_way)  # a part that arrives after the upload is aborted would stay behind
            raise
        return whole.hexdigest(), done

    def _read(self, file: FileIO, size: int) -> memoryview:
        """Return the next part, in memory that a part was in before: new memory takes time."""
        # Not from the allocator, which keeps for each thread what it once had.
        part = (self._free.pop() if self._free else memoryview(mmap(-1, size)))[:size]
        come = 0
        with translated(f"read {self._path}"):
            while come < size and (count := file.readinto(part[come:])):
                come += count
        if come < size:
            raise changed(self._path, url=self._connection.url)
        return part

    def _send_one(
        self, number: int, body: memoryview, *, sha256: str, advance: Advance
    ) -> CompletedPartTypeDef:
        advance(0)  # may cancel
        part = self._present.get(number)
        if part is None or not _is_same(part, body, sha256=sha256):
            part = self._put(number, body, sha256)
        self._free.append(body)
        advance(part.size)
        done: CompletedPartTypeDef = {"PartNumber": number, "ETag": part.etag}
        if part.checksum:
            done["ChecksumSHA256"] = part.checksum
        return done

    def _put(self, number: int, body: memoryview, sha256: str) -> Part:
        quick = self._connection.quick
        if quick:
            part = quick.put_part(self._key, body, upload=self._id, number=number, sha256=sha256)
            if part:
                return part
        answer = self._client.upload_part(
            Bucket=self._connection.bucket,
            Key=self._key,
            UploadId=self._id,
            PartNumber=number,
            Body=bytes(body),
            ChecksumSHA256=checksum(sha256),
        )
        return Part(len(body), answer["ETag"], answer.get("ChecksumSHA256"))

    def _list(self) -> dict[int, Part]:
        pages = self._client.get_paginator("list_parts").paginate(
            Bucket=self._connection.bucket, Key=self._key, UploadId=self._id
        )
        return {
            part["PartNumber"]: Part(part["Size"], part["ETag"], part.get("ChecksumSHA256"))
            for page in pages
            for part in page.get("Parts", [])
        }

    def _remembered(self) -> tuple[str, str]:
        """Return the id of the upload in the journal, and where its digest is noted."""
        if self._journal is None:
            return "", ""
        try:
            noted = json.loads(self._journal.read_bytes())
            return str(noted["id"]), str(noted["note"])
        except (OSError, ValueError, KeyError, TypeError):
            return "", ""

    def _remember(self) -> None:
        if self._journal is not None:
            with translated(f"write {self._journal}"), replacing(self._journal) as temporary:
                temporary.write_text(json.dumps({"id": self._id, "note": self._note}))

    def _forget(self) -> None:
        if self._journal is not None:
            self._journal.unlink(missing_ok=True)
            with suppress(OSError):  # Windows keeps a file that is open
                _lock_of(self._journal).unlink(missing_ok=True)


def _is_same(part: Part, body: memoryview, *, sha256: str) -> bool:
    if part.checksum:
        return part.checksum == checksum(sha256)
    return part.etag.strip('"') == hashlib.md5(body, usedforsecurity=False).hexdigest()


def _stamp(file: FileIO) -> tuple[int, int]:
    """Return what changes when a file's content does: its size and its time of modification."""
    status = os.fstat(file.fileno())
    return status.st_size, status.st_mtime_ns
