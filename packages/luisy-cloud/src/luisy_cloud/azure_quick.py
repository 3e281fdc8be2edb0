"""Plain requests for objects and parts of them; what is no plain success is left to the SDK.

For a file of a few kilobytes, Azure's SDK for Python spends several times longer on building a
request and taking its answer apart than on sending it, and it copies the parts of a large one
several times. So a small object or a block of a large one is first sent, and one of any size or a
part of it is first asked for, by one request that is made here, on the same connections. If the
answer is not exactly what a success looks like (it is an error, the line was cut, the token has run
out), nothing has happened that matters: the SDK does the same again, with its retries, and its
errors are the ones that are reported. After a refusal (401, 403) everything is left to the SDK, as
the next request would be refused, too.

Requests are allowed by the account's key or by a SAS token (`luisy_cloud.azure_access`). With a
login by identity there is neither, and with a proxy between there are no plain connections; then,
too, the SDK does everything.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from luisy_protocol.store import ObjectInfo

from luisy_cloud.azure_access import Access, SasToken, SharedKey
from luisy_cloud.azure_settings import AzureSettings
from luisy_cloud.streams import PIECE

if TYPE_CHECKING:
    from azure.storage.blob import ContainerClient
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

    from luisy_cloud.azure_session import AzureSession

_PIECE = 1024 * 1024
_REFUSALS = {401, 403}
_RANGE = re.compile(r"bytes ([0-9]{1,18})-([0-9]{1,18})/([0-9]{1,18})")


@dataclass(frozen=True, slots=True)
class Part:
    """An object, or its beginning.

    Attributes:
        content: The bytes.
        info: What the answer tells about the whole object; its key is the blob's name.
        md5: What Azure noted as the MD5 of the whole, if it did.
    """

    content: bytes
    info: ObjectInfo
    md5: bytes | None


class QuickPath:
    """Plain requests to one container.

    Args:
        pool: The connections.
        path: The path of the container's URL.
        access: What allows requests.
        limit: Up to how many bytes an object is small.
        timeout: How many seconds to wait for an answer.
    """

    def __init__(
        self, pool: HTTPConnectionPool, path: str, *, access: Access, limit: int, timeout: float
    ) -> None:
        from urllib3 import Timeout

        self._pool = pool
        self._path = path
        self._access = access
        self._limit = limit
        self._timeout = Timeout(connect=min(20.0, timeout), read=timeout)
        self._is_refused = False

    def get(self, name: str, *, etag: str | None = None) -> Part | None:
        """Return a small blob, or the beginning of another, or None if the SDK has to see to it.

        Args:
            name: The blob's name.
            etag: The etag that it must have.
        """
        answer = self._ask("GET", name, _range(0, self._limit, etag), None, self._is_beginning)
        if answer is None:
            return None
        told = answer.headers
        md5 = told.get("x-ms-blob-content-md5")
        whole = _whole(answer, 0, self._limit)
        info = _info(answer, name, size=whole, sha256=told.get("x-ms-meta-sha256"))
        return Part(answer.data, info, base64.b64decode(md5) if md5 else None)

    def pieces(self, name: str, *, etag: str, start: int, end: int) -> Generator[bytes]:
        """Yield a part of a blob as it arrives; the SDK has to see to what does not.

        Args:
            name: The blob's name.
            etag: The etag that it must have.
            start: Where the part begins.
            end: Where it ends, at the blob's end at most.
        """
        from urllib3.exceptions import HTTPError

        headers = _range(start, end, etag)
        answer = self._begin("GET", name, headers, None, lambda told: _whole(told, start, end) > 0)
        if answer is None:
            return
        with closing(answer), suppress(HTTPError, OSError):
            while piece := answer.read(PIECE):
                yield piece

    def put(self, name: str, content: bytes, *, sha256: str, md5: bytes) -> ObjectInfo | None:
        """Replace a blob, or return None if the SDK has to see to it.

        Args:
            name: The blob's name.
            content: Its new content, small.
            sha256: The digest to be noted with it.
            md5: The MD5 of the content, which Azure checks and notes.
        """
        headers = {
            "x-ms-blob-type": "BlockBlob",
            "x-ms-meta-sha256": sha256,
            "x-ms-blob-content-md5": base64.b64encode(md5).decode(),
            "Content-Type": "application/octet-stream",
            "Content-Length": str(len(content)),
        }
        answer = self._ask("PUT", name, headers, content, _is_created)
        if answer is None:
            return None
        return _info(answer, name, size=len(content), sha256=sha256)

    def put_block(self, name: str, id: str, block: memoryview) -> bool:  # noqa: A002 - as the SDK
        """Send a block of a blob, or return False if the SDK has to see to it.

        Args:
            name: The blob's name.
            id: The block's name.
            block: The bytes; Azure checks their MD5.
        """
        md5 = hashlib.md5(block, usedforsecurity=False).digest()
        headers = {
            "Content-MD5": base64.b64encode(md5).decode(),
            "Content-Length": str(len(block)),
        }
        query = {"comp": "block", "blockid": base64.b64encode(id.encode()).decode()}
        # In pieces, for the time that is allowed is that of each: a slow line needs more for all.
        pieces = (block[start : start + _PIECE] for start in range(0, len(block), _PIECE))
        return self._ask("PUT", name, headers, pieces, _is_created, query=query) is not None

    def _is_beginning(self, answer: BaseHTTPResponse) -> bool:
        return _whole(answer, 0, self._limit) > 0

    def _ask(
        self,
        method: str,
        name: str,
        headers: dict[str, str],
        content: bytes | Iterable[memoryview] | None,
        is_success: Callable[[BaseHTTPResponse], bool],
        *,
        query: Mapping[str, str] = MappingProxyType({}),
    ) -> BaseHTTPResponse | None:
        """Return an answer that is a success and came whole, or None."""
        from urllib3.exceptions import HTTPError

        answer = self._begin(method, name, headers, content, is_success, query=query)
        if answer is not None:
            try:
                _ = answer.data  # read here, so that a cut of the line is met here
            except (HTTPError, OSError):
                return None
        return answer

    def _begin(
        self,
        method: str,
        name: str,
        headers: dict[str, str],
        content: bytes | Iterable[memoryview] | None,
        is_success: Callable[[BaseHTTPResponse], bool],
        *,
        query: Mapping[str, str] = MappingProxyType({}),
    ) -> BaseHTTPResponse | None:
        """Return an answer whose headers are those of a success, or None; it is not read yet."""
        from urllib3.exceptions import HTTPError

        if self._is_refused:
            return None
        path = f"{self._path}/{quote(name, safe='/~')}"
        target, allowed = self._access.allowed(method, path, query=query, headers=headers)
        try:
            answer = self._pool.urlopen(
                method,
                target,
                body=content,  # type: ignore[arg-type] # pieces of memory are sent as bytes are
                headers=allowed,
                retries=False,
                redirect=False,
                timeout=self._timeout,
                preload_content=False,
                decode_content=False,
            )
            if answer.status in _REFUSALS:
                self._is_refused = True
            if not is_success(answer):
                answer.close()
                return None
        except (HTTPError, OSError):
            return None
        return answer


def open_quick_path(
    settings: AzureSettings, container: ContainerClient, session: AzureSession, *, limit: int
) -> QuickPath | None:
    """Return the quick path to a container, if there is a token or a key for it."""
    access = _access(settings, container)
    url = container.url
    pool = session.pool(url)
    if access is None or pool is None or "?" in url:
        return None
    path = urlsplit(url).path
    return QuickPath(pool, path, access=access, limit=limit, timeout=settings.timeout)


def _range(start: int, end: int, etag: str | None) -> dict[str, str]:
    headers = {"x-ms-range": f"bytes={start}-{end - 1}"}
    return headers if etag is None else {**headers, "If-Match": f'"{etag}"'}


def _is_created(answer: BaseHTTPResponse) -> bool:
    return answer.status == 201


def _whole(answer: BaseHTTPResponse, start: int, end: int) -> int:
    """Return the size of the whole blob, by the headers of an answer; 0 if it is no such range."""
    found = _RANGE.fullmatch(answer.headers.get("Content-Range", ""))
    if answer.status != 206 or found is None:
        return 0
    first, last, whole = map(int, found.groups())
    is_range = first == start and last == min(end, whole) - 1
    has_length = answer.headers.get("Content-Length") == str(last + 1 - first)
    return whole if is_range and has_length else 0


def _access(settings: AzureSettings, container: ContainerClient) -> Access | None:
    if settings.sas_token:
        return SasToken(settings.sas_token.reveal().lstrip("?"))
    key = getattr(container.credential, "account_key", None)
    if not key or not container.account_name:
        return None
    try:
        return SharedKey(container.account_name, key, version=container.api_version)
    except ValueError:  # not a key at all; the SDK says so when it is used
        return None


def _info(answer: BaseHTTPResponse, name: str, *, size: int, sha256: str | None) -> ObjectInfo:
    etag = answer.headers.get("ETag", "").strip('"')
    modified = answer.headers.get("Last-Modified")
    return ObjectInfo(
        name, size, etag, parsedate_to_datetime(modified) if modified else None, sha256
    )
