"""Fetch an object: a small one in one request, a large one in ranges, several at a time.

Rules. The first request asks for the beginning and learns the size and the etag; every other range
is asked for under that etag, so parts of two contents are never mixed. Ranges are fetched by a few
threads and written and hashed in order by the caller's; what is in memory is bounded. With a
journal, how far the file is whole is kept beside it, and a later run goes on from there if the
object is still the same; it hashes what is there, so the digest always covers every byte on disk.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from luisy_protocol.digest import CHUNK
from luisy_protocol.errors import Conflict, IntegrityError, Unavailable
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance

from minus80.s3_connection import PART_WORKERS, Connection
from minus80.s3_errors import s3_errors
from minus80.s3_quick import Answer

if TYPE_CHECKING:
    from hashlib import _Hash

RANGE = 8 * 1024 * 1024
_ATTEMPTS = 3


def fetch(
    connection: Connection,
    key: str,
    path: Path,
    *,
    if_match: str | None = None,
    advance: Advance | None = None,
    journal: Path | None = None,
) -> tuple[Answer, str]:
    """Write an object to a file; return what the server told about it, and the digest of the bytes.

    Args:
        connection: The bucket.
        key: The object.
        path: The file; kept on an error.
        if_match: The etag it must have.
        advance: Told of the bytes written; may raise to cancel.
        journal: Where to keep how far the file is whole, for a later run to go on.

    Raises:
        NotFound: If there is no such object.
        Conflict: If it has another etag, or gets one meanwhile.
    """
    advance = advance or (lambda _: None)
    answer = begin(connection, key, if_match=if_match)
    if answer.size == len(answer.body):
        with translated(f"write {path}"):
            path.write_bytes(answer.body)
        advance(answer.size)
        return answer, hashlib.sha256(answer.body).hexdigest()
    with translated(f"write {path}"):
        file = path.open("r+b" if path.exists() else "x+b")
    with file:
        digest = hashlib.sha256()
        whole = _resumed(file, digest, journal, answer, advance)
        if whole == 0:
            _append(path, file, digest, answer.body)
            advance(len(answer.body))
            whole = len(answer.body)
        for body in ranges(connection, key, answer, start=whole):
            _append(path, file, digest, body)
            whole += len(body)
            _note(journal, answer, whole)
            advance(len(body))
    if whole != answer.size:
        raise IntegrityError(
            f"{key} in {connection.url} has {answer.size:,} bytes and {whole:,} arrived; try again"
        )
    return answer, digest.hexdigest()


def begin(connection: Connection, key: str, *, if_match: str | None = None) -> Answer:
    """Return the beginning of an object; all of it if it is small.

    Raises:
        NotFound: If there is no such object.
        Conflict: If it has another etag.
    """
    quick = connection.quick
    answer = quick.get(key, first=RANGE, if_match=if_match) if quick else None
    return answer or _begin_by_boto3(connection, key, if_match)


def _begin_by_boto3(connection: Connection, key: str, if_match: str | None) -> Answer:
    client = connection.client
    condition = {"IfMatch": if_match} if if_match is not None else {}
    with s3_errors(f"read {key}", url=connection.url):
        # Not by a range: an empty object has none, and there is no telling before.
        found = client.get_object(Bucket=connection.bucket, Key=key, **condition)  # type: ignore[arg-type] # only a condition
        with closing(found["Body"]) as stream:
            body = stream.read(RANGE)
    return Answer(
        body,
        found["ETag"],
        found["ContentLength"],
        found["LastModified"],
        found.get("Metadata", {}).get("sha256"),
    )


def ranges(connection: Connection, key: str, answer: Answer, *, start: int) -> Iterator[bytes]:
    """Yield the ranges from `start` on, in order, fetched a few ahead.

    A transfer waits for memory only when it holds none, so transfers never wait for each other.
    """
    memory = connection.parts_in_memory
    ahead: deque[Future[bytes]] = deque()
    offset = start
    try:
        while ahead or offset < answer.size:
            while (
                offset < answer.size
                and len(ahead) < PART_WORKERS
                and memory.acquire(blocking=not ahead)
            ):
                last = min(offset + RANGE, answer.size) - 1
                ahead.append(
                    connection.parts.submit(_range, connection, key, answer.etag, offset, last)
                )
                offset = last + 1
            yield ahead[0].result()
            ahead.popleft()
            memory.release()
    finally:
        for future in ahead:
            future.cancel()
            memory.release()


def _range(connection: Connection, key: str, etag: str, first: int, last: int) -> bytes:
    """Return a range, asked for again when the connection breaks: boto3 retries requests only."""
    for left in range(_ATTEMPTS - 1, -1, -1):
        try:
            return _range_once(connection, key, etag, first, last)
        except Unavailable:
            if not left:
                raise
    raise AssertionError("unreachable")


def _range_once(connection: Connection, key: str, etag: str, first: int, last: int) -> bytes:
    with s3_errors(f"read {key}", url=connection.url):
        found = connection.client.get_object(
            Bucket=connection.bucket, Key=key, Range=f"bytes={first}-{last}", IfMatch=etag
        )
        with closing(found["Body"]) as stream:
            body = stream.read()
    if found["ETag"] != etag:
        raise Conflict(f"{key} in {connection.url} changed while it was read; try again")
    if len(body) != last - first + 1:
        raise IntegrityError(f"{key} in {connection.url} came incomplete; try again")
    return body


def _append(path: Path, file: BinaryIO, digest: _Hash, body: bytes) -> None:
    with translated(f"write {path}"):
        file.write(body)
        file.truncate()
        file.flush()
    digest.update(body)


def _resumed(
    file: BinaryIO, digest: _Hash, journal: Path | None, answer: Answer, advance: Advance
) -> int:
    """Hash what an earlier run left, and return how much of it is whole."""
    whole = _noted(journal, answer)
    if whole == 0 or os.fstat(file.fileno()).st_size < whole:
        return 0
    left = whole
    while left:
        chunk = file.read(min(CHUNK, left))
        digest.update(chunk)
        advance(len(chunk))
        left -= len(chunk)
    return whole


def _noted(journal: Path | None, answer: Answer) -> int:
    if journal is None:
        return 0
    try:
        noted = json.loads(journal.read_bytes())
        same = noted["etag"] == answer.etag and noted["size"] == answer.size
        return int(noted["whole"]) if same else 0
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _note(journal: Path | None, answer: Answer, whole: int) -> None:
    if journal is not None:
        noted = {"etag": answer.etag, "size": answer.size, "whole": whole}
        with translated(f"write {journal}"):
            journal.write_text(json.dumps(noted))
