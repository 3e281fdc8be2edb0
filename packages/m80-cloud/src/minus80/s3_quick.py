"""The fast way for small objects: one signed request, without boto3's machinery around it.

A call through boto3 costs about two milliseconds of a processor, several times what the request
itself needs; with a thousand small files nothing else matters. So a small object is first tried
with a plain request, signed by botocore and sent by urllib3, the libraries that boto3 itself is
made of.

Rules. This way knows success only. On any other answer, and when the connection fails, it returns
None and the caller repeats the call through boto3, which knows retries, redirects and what errors
mean; so only calls that may be repeated are made here. After a few failures in a row it steps
aside for good. An upload is signed with the digest of its body, and the server refuses other
bytes.

Known limits. Not used behind a proxy. The body of an answer is held in memory.
"""

from __future__ import annotations

import base64
import hashlib
import ssl
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from email.message import Message
from email.utils import parsedate_to_datetime
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import quote, urlsplit

if TYPE_CHECKING:
    from botocore.credentials import Credentials

_GIVE_UP_AFTER = 5
_TIMEOUT = 60
_META_SHA256 = "x-amz-meta-sha256"

_Response: TypeAlias = tuple[int, Message, bytes]


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


class QuickRequests:
    """Sends one signed request for a small object.

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
        self._origin = f"{split.scheme}://{split.netloc}"
        self._path = split.path
        self._credentials = credentials
        self._region = region
        self._failures = 0
        self._connections = _Connections(split.scheme, split.netloc, ca_bundle)

    def get(self, key: str, *, first: int, if_match: str | None = None) -> Answer | None:
        """Return the first bytes of an object, or None if boto3 has to look."""
        wanted = {"Range": f"bytes=0-{first - 1}"}
        if if_match is not None:
            wanted["If-Match"] = if_match
        answer = self._send("GET", key, wanted)
        if answer is None:
            return None
        status, headers, body = answer
        whole = headers.get("Content-Range", "").rpartition("/")[2]
        if status == 206 and not whole.isdecimal():
            return None
        size = int(whole) if whole.isdecimal() else len(body)
        etag, sha256 = headers.get("ETag", ""), headers.get(_META_SHA256)
        return Answer(body, etag, size, _modified(headers), sha256)

    def put(self, key: str, body: bytes, *, sha256: str, note: bool = True) -> str | None:
        """Write an object and return its etag, or None if boto3 has to do it.

        Args:
            key: The object.
            body: Its content.
            sha256: The digest of `body`.
            note: Whether to keep the digest with the object.
        """
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        headers = {"x-amz-checksum-sha256": checksum, "Content-Type": "application/octet-stream"}
        if note:
            headers[_META_SHA256] = sha256
        answer = self._send("PUT", key, headers, body)
        return answer[1].get("ETag", "") if answer is not None else None

    def close(self) -> None:
        """Release the connections."""
        self._connections.close()

    def _send(
        self, method: str, key: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> _Response | None:
        if self._failures >= _GIVE_UP_AFTER:
            return None
        path = self._path + quote(key, safe="/~")
        signed = self._signed(method, path, headers, body)
        try:
            answer = self._connections.request(method, path, body, signed)
        except (HTTPException, OSError):
            self._failures += 1
            return None
        if answer[0] in {200, 206}:
            self._failures = 0
            return answer
        self._failures += answer[0] >= 500
        return None

    def _signed(
        self, method: str, path: str, headers: Mapping[str, str], body: bytes | None
    ) -> dict[str, str]:
        from botocore.auth import S3SigV4Auth
        from botocore.awsrequest import AWSRequest

        request = AWSRequest(method, self._origin + path, headers=dict(headers), data=body)
        frozen = self._credentials.get_frozen_credentials()
        S3SigV4Auth(frozen, "s3", self._region).add_auth(request)
        return dict(request.headers.items())


class _Connections:
    """Connections to one server, kept open; as many as are used at a time."""

    def __init__(self, scheme: str, netloc: str, ca_bundle: str | None) -> None:
        self._netloc = netloc
        self._context: ssl.SSLContext | None = None
        if scheme == "https":
            self._context = ssl.create_default_context(cafile=ca_bundle or _certifi())
        self._idle: SimpleQueue[HTTPConnection] = SimpleQueue()

    def request(
        self, method: str, path: str, body: bytes | None, headers: dict[str, str]
    ) -> _Response:
        connection = self._taken()
        try:
            connection.request(method, path, body=body, headers=headers)
            with connection.getresponse() as answer:
                content = answer.read()
                keeps = not answer.will_close
        except BaseException:
            connection.close()
            raise
        if keeps:
            self._idle.put(connection)
        else:
            connection.close()
        return answer.status, answer.headers, content

    def close(self) -> None:
        with suppress(Empty):
            while True:
                self._idle.get_nowait().close()

    def _taken(self) -> HTTPConnection:
        try:
            return self._idle.get_nowait()
        except Empty:
            if self._context:
                return HTTPSConnection(self._netloc, timeout=_TIMEOUT, context=self._context)
            return HTTPConnection(self._netloc, timeout=_TIMEOUT)


def sha256_of(body: bytes) -> str:
    """Return the digest of some bytes."""
    return hashlib.sha256(body).hexdigest()


def _modified(headers: Message) -> datetime | None:
    date = headers.get("Last-Modified")
    return parsedate_to_datetime(date).astimezone(UTC) if date else None


def _certifi() -> str | None:
    try:
        import certifi
    except ImportError:
        return None
    return certifi.where()
