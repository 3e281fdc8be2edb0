"""The fast way to move bytes: one signed request, without boto3's machinery around it.

A call through boto3 costs about two milliseconds of a processor, several times what the request
itself needs; with a thousand small files nothing else matters. The bytes of a large file it hashes
and copies once more. So small objects, and parts of large ones, are first tried with plain requests
(`minus80.s3_signing` and `minus80.s3_wire`).

Rules. This way knows success only. On any other answer, and when the connection fails, it returns
None and the caller repeats the call through boto3, which knows retries, redirects and what errors
mean; so only calls that may be repeated are made here. After a few failures in a row it steps
aside for good. An upload is signed with the digest of its body, and the server refuses other
bytes.

Known limits. Not used behind a proxy.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from minus80.s3_signing import Signer, sha256_of
from minus80.s3_wire import Reply, Sink, Wire

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_GIVE_UP_AFTER = 5
_META_SHA256 = "x-amz-meta-sha256"
_CHECKSUM = "x-amz-checksum-sha256"
_EMPTY = sha256_of(b"")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back for a small object.

    Attributes:
        body: The content, or the beginning that was asked for.
        etag: The etag.
        size: The size of the whole object.
        modified: When it was written, if the server tells.
        sha256: The digest noted with it, if any.
    """

    body: bytes
    etag: str
    size: int
    modified: datetime | None
    sha256: str | None


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an upload that the server has.

    Attributes:
        size: Its size.
        etag: The etag.
        checksum: Its SHA-256 as S3 writes it, if the server keeps that.
    """

    size: int
    etag: str
    checksum: str | None


class QuickRequests:
    """Sends signed requests for small objects and for parts of large ones.

    Args:
        base: The bucket's URL, with a final slash.
        credentials: botocore's credentials, which renew themselves.
        region: The region to sign for.
        ca_bundle: The file of certificate authorities; certifi's or the system's if None.
    """

    def __init__(
        self,
        base: str,
        *,
        credentials: Credentials,
        region: str,
        ca_bundle: str | None = None,
    ) -> None:
        split = urlsplit(base)
        self._path = split.path
        self._failures = 0
        self._signer = Signer(split.netloc, credentials=credentials, region=region)
        self._wire = Wire(split, ca_bundle=ca_bundle)

    def get(self, key: str, *, first: int, if_match: str | None = None) -> Answer | None:
        """Return the first bytes of an object, or None if boto3 has to look."""
        wanted = {"range": f"bytes=0-{first - 1}"}
        if if_match is not None:
            wanted["if-match"] = if_match
        reply = self._send("GET", key, wanted)
        if reply is None:
            return None
        headers = reply.headers
        whole = headers.get("content-range", "").rpartition("/")[2]
        if reply.status == 206 and not whole.isdecimal():
            return None
        size = int(whole) if whole.isdecimal() else len(reply.body)
        etag, sha256 = headers.get("etag", ""), headers.get(_META_SHA256)
        return Answer(reply.body, etag, size, _modified(headers.get("last-modified")), sha256)

    def get_part(self, key: str, sink: Sink, *, start: int, etag: str) -> bool:
        """Give a part of an object to a sink; False if boto3 has to do it, from the beginning.

        Args:
            key: The object.
            sink: Takes the bytes.
            start: Where the part begins.
            etag: The etag that the object must have.
        """
        wanted = f"{start}-{start + sink.size - 1}"
        reply = self._send("GET", key, {"range": f"bytes={wanted}", "if-match": etag}, sink=sink)
        if reply is None:
            return False
        found = reply.headers.get("content-range", "").partition("/")[0]
        return found == f"bytes {wanted}" and reply.headers.get("etag") == etag

    def put(self, key: str, body: bytes, *, sha256: str) -> str | None:
        """Write an object with its digest and return its etag, or None if boto3 has to do it.

        Args:
            key: The object.
            body: Its content.
            sha256: The digest of `body`.
        """
        headers = {
            "content-type": "application/octet-stream",
            _CHECKSUM: checksum(sha256),
            _META_SHA256: sha256,
        }
        reply = self._send("PUT", key, headers, body, sha256=sha256)
        return reply.headers.get("etag", "") if reply else None

    def put_part(
        self, key: str, body: memoryview, *, upload: str, number: int, sha256: str
    ) -> Part | None:
        """Send a part of an upload and return what is there, or None if boto3 has to do it.

        Args:
            key: The object.
            body: The part.
            upload: The id of the upload.
            number: The number of the part.
            sha256: The digest that the part must have; the server refuses another.
        """
        query = f"partNumber={number}&uploadId={quote(upload, safe='~')}"
        headers = {_CHECKSUM: checksum(sha256)}
        reply = self._send("PUT", key, headers, body, sha256=sha256, query=query)
        if reply is None:
            return None
        return Part(len(body), reply.headers.get("etag", ""), reply.headers.get(_CHECKSUM))

    def close(self) -> None:
        """Release the connections."""
        self._wire.close()

    def _send(
        self,
        method: str,
        key: str,
        headers: Mapping[str, str],
        body: bytes | memoryview = b"",
        *,
        sha256: str = _EMPTY,
        query: str = "",
        sink: Sink | None = None,
    ) -> Reply | None:
        if self._failures >= _GIVE_UP_AFTER:
            return None
        path = self._path + quote(key, safe="/~") + (f"?{query}" if query else "")
        signed = self._signer.signed(method, path, headers, sha256=sha256)
        try:
            reply = self._wire.exchange(method, path, signed, body, sink=sink)
        except OSError:
            self._failures += 1
            return None
        if reply.status in {200, 206}:
            self._failures = 0
            return reply
        self._failures += reply.status >= 500
        return None


def checksum(sha256: str) -> str:
    """Return a digest as S3 writes it."""
    return base64.b64encode(bytes.fromhex(sha256)).decode()


@lru_cache  # many objects are written in the same second
def _modified(date: str | None) -> datetime | None:
    return parsedate_to_datetime(date).astimezone(UTC) if date else None
