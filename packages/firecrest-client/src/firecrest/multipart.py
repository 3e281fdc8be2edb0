"""A form with one file, encoded while it is sent.

The file is read in pieces and never held in memory. Its size is taken first, because the staging
area wants a Content-Length; a file that grows or shrinks while it is sent is an `IntegrityError`.
The body can be iterated again, from the start, when a request is repeated.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

from luisy_protocol.errors import ConfigurationError, IntegrityError, NotFound
from luisy_protocol.store import Advance

CHUNK = 1 << 20


def size_of(file: Path) -> int:
    """Return the size of a file that will be sent.

    Raises:
        ConfigurationError: If it is a folder.
        NotFound: If there is none.
    """
    if file.is_dir():
        raise ConfigurationError(f"{file} is a folder; pack it, or send its files")
    if not file.is_file():
        raise NotFound(f"there is no file {file} to send")
    return file.stat().st_size


class FormBody:
    """The multipart/form-data body of one request.

    Args:
        fields: The plain fields; they come before the file, as object stores demand.
        file: A path, or a binary stream that is sent from its current position.
        filename: The name that the file gets in the form.
        advance: Told of every piece that is sent; of a negative number when the body starts over.

    Attributes:
        content_type: The header that belongs to the body.
        sha256: The digest of the file as it was last sent, once it was sent whole.
        failure: What reading the file, or `advance`, has raised: HTTP libraries may take that for a
            failure of the connection.
    """

    def __init__(
        self,
        fields: Mapping[str, str],
        file: str | os.PathLike[str] | BinaryIO,
        *,
        filename: str,
        advance: Advance | None = None,
    ) -> None:
        boundary = secrets.token_hex(16)
        self.content_type = f"multipart/form-data; boundary={boundary}"
        self.sha256 = ""
        self.failure: Exception | None = None
        self._head = _head(boundary, fields, filename)
        self._tail = f"\r\n--{boundary}--\r\n".encode()
        self._source = Path(file) if isinstance(file, str | os.PathLike) else _seekable(file)
        self._start = 0 if isinstance(self._source, Path) else self._source.tell()
        self.file_size = self._measure()
        self._advance = advance
        self._told = 0

    def _measure(self) -> int:
        if isinstance(self._source, Path):
            return size_of(self._source)
        end = self._source.seek(0, os.SEEK_END)
        self._source.seek(self._start)
        return end - self._start

    def __len__(self) -> int:
        return len(self._head) + self.file_size + len(self._tail)

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._parts()
        except Exception as error:
            self.failure = error
            raise

    def _parts(self) -> Iterator[bytes]:
        yield self._head
        if isinstance(self._source, Path):
            with self._source.open("rb") as stream:
                yield from self._pieces(stream)
        else:
            self._source.seek(self._start)
            yield from self._pieces(self._source)
        yield self._tail

    def _pieces(self, stream: BinaryIO) -> Iterator[bytes]:
        self._tell(-self._told)
        sent, digest = 0, hashlib.sha256()
        while piece := stream.read(min(CHUNK, self.file_size - sent + 1)):
            sent += len(piece)
            if sent > self.file_size:
                break
            digest.update(piece)
            yield piece
            self._tell(len(piece))
        if sent != self.file_size:
            raise IntegrityError(
                f"{self._source} changed its size while it was sent; send it again"
            )
        self.sha256 = digest.hexdigest()

    def _tell(self, size: int) -> None:
        self._told += size
        if size and self._advance:
            self._advance(size)


def _head(boundary: str, fields: Mapping[str, str], filename: str) -> bytes:
    parts = [
        f'--{boundary}\r\nContent-Disposition: form-data; name="{_quoted(name)}"\r\n\r\n{value}\r\n'
        for name, value in fields.items()
    ]
    parts.append(
        f"--{boundary}\r\nContent-Disposition: form-data; "
        f'name="file"; filename="{_quoted(filename)}"\r\n\r\n'
    )
    return "".join(parts).encode()


def _quoted(name: str) -> str:
    """Quote as browsers do, so that no name can end its header early."""
    return name.replace('"', "%22").replace("\r", "%0D").replace("\n", "%0A")


def _seekable(stream: BinaryIO) -> BinaryIO:
    # Direct uploads are a few MB at most, so what cannot be measured may be read.
    return stream if stream.seekable() else BytesIO(stream.read())
