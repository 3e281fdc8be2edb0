"""Fetch an object: a small one in one request, a large one in ranges, several at a time.

Rules. The first request asks for the beginning and learns the size and the etag; every other range
is asked for under that etag, so parts of two contents are never mixed. A few threads fetch ranges
and write each to its place in the file, a little at a time; the caller's thread takes the digest
of what is on disk, in order, as far as it is whole. With a journal, how far that is is kept beside
the file, and a later run goes on from there if the object is still the same; it hashes what is
there, so the digest always covers every byte on disk. A range whose connection breaks is asked for
again, for boto3 retries requests only.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections import deque
from collections.abc import Generator, Iterator
from concurrent.futures import CancelledError, Future
from contextlib import closing
from pathlib import Path
from threading import Event

from luisy_protocol.digest import CHUNK
from luisy_protocol.errors import Conflict, IntegrityError, Unavailable
from luisy_protocol.os_errors import translated
from luisy_protocol.store import Advance

from minus80.s3_connection import PART_WORKERS, Connection
from minus80.s3_errors import s3_errors
from minus80.s3_quick import Answer
from minus80.s3_wire import Sink

RANGE = 8 * 1024 * 1024
_ATTEMPTS = 3
_PIECE = 256 * 1024


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
    return answer, _Target(connection, key, path, answer).fill(advance, journal)


class _Target:
    """A file that becomes a large object's content."""

    def __init__(self, connection: Connection, key: str, path: Path, answer: Answer) -> None:
        self._connection = connection
        self._key = key
        self._path = path
        self._answer = answer
        self._digest = hashlib.sha256()
        self._stop = Event()

    def fill(self, advance: Advance, journal: Path | None) -> str:
        """Fetch what is missing, and return the digest of all."""
        whole = _noted(journal, self._answer)
        with translated(f"write {self._path}"):
            if not self._path.exists() or self._path.stat().st_size < whole:
                whole = 0
            if whole == 0:
                whole = self._path.write_bytes(self._answer.body)
        self._hash(0, whole)
        advance(whole)
        with closing(self._ranges(whole)) as ends:
            for end in ends:
                self._hash(whole, end)
                _note(journal, self._answer, end)
                advance(end - whole)
                whole = end
        with translated(f"write {self._path}"):
            os.truncate(self._path, self._answer.size)
        return self._digest.hexdigest()

    def _ranges(self, start: int) -> Generator[int, None, None]:
        """Yield where each range ends once it is written, in order; a few are fetched ahead."""
        ahead: deque[Future[int]] = deque()
        offsets = iter(range(start, self._answer.size, RANGE))
        try:
            while True:
                while len(ahead) < PART_WORKERS and (offset := next(offsets, None)) is not None:
                    end = min(offset + RANGE, self._answer.size)
                    ahead.append(self._connection.parts.submit(self._fetch, offset, end))
                if not ahead:
                    return
                yield ahead[0].result()
                ahead.popleft()
        finally:
            self._stop.set()
            for future in ahead:
                if not future.cancel():
                    future.exception()  # it still writes to the file

    def _fetch(self, start: int, end: int) -> int:
        for left in range(_ATTEMPTS - 1, -1, -1):
            try:
                return self._fetch_once(start, end)
            except Unavailable:
                if not left:
                    raise
        raise AssertionError("unreachable")

    def _fetch_once(self, start: int, end: int) -> int:
        with translated(f"write {self._path}"), self._path.open("r+b") as file:

            def write(offset: int, piece: memoryview | bytes) -> None:
                if self._stop.is_set():
                    raise CancelledError
                # Translated here, so that a full disk is not taken for a broken connection.
                with translated(f"write {self._path}"):
                    file.seek(start + offset)
                    file.write(piece)

            if not self._is_quickly_fetched(Sink(end - start, write), start):
                offset = 0
                for piece in _pieces(self._connection, self._key, self._answer.etag, start, end):
                    write(offset, piece)
                    offset += len(piece)
        return end

    def _is_quickly_fetched(self, sink: Sink, start: int) -> bool:
        quick = self._connection.quick
        return quick is not None and quick.get_part(
            self._key, sink, start=start, etag=self._answer.etag
        )

    def _hash(self, start: int, end: int) -> None:
        with translated(f"read {self._path}"), self._path.open("rb") as file:
            file.seek(start)
            while start < end:
                chunk = file.read(min(CHUNK, end - start))
                if not chunk:
                    raise IntegrityError(f"{self._path} was cut while it was written")
                self._digest.update(chunk)
                start += len(chunk)


def stream(connection: Connection, key: str) -> Iterator[bytes]:
    """Yield an object's content in order, a little at a time.

    Raises:
        NotFound: If there is no such object.
        IntegrityError: If it comes incomplete.
    """
    answer = begin(connection, key)
    yield answer.body
    if answer.size > len(answer.body):
        yield from _pieces(connection, key, answer.etag, len(answer.body), answer.size)


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


def _pieces(connection: Connection, key: str, etag: str, start: int, end: int) -> Iterator[bytes]:
    """Yield a range of an object, a little at a time."""
    left = end - start
    with s3_errors(f"read {key}", url=connection.url):
        found = connection.client.get_object(
            Bucket=connection.bucket, Key=key, Range=f"bytes={start}-{end - 1}", IfMatch=etag
        )
        if found["ETag"] != etag:
            raise Conflict(f"{key} in {connection.url} changed while it was read; try again")
        with closing(found["Body"]) as body:
            while piece := body.read(min(_PIECE, left) or 1):
                left -= len(piece)
                if left < 0:
                    raise IntegrityError(f"{key} in {connection.url} came longer than asked for")
                yield piece
    if left:
        raise IntegrityError(f"{key} in {connection.url} came incomplete; try again")


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
