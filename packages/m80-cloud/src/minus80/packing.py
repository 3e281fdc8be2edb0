"""Contents as gzip: always the same bytes for the same content, and never more than announced."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from luisy_protocol.errors import IntegrityError
from luisy_protocol.os_errors import translated

_CHUNK = 1024 * 1024
_GZIP = 31  # zlib's name for the format


def compress_file(source: Path, target: Path) -> str:
    """Compress a file with gzip, always to the same bytes, and return their digest."""
    packer, digest = zlib.compressobj(6, zlib.DEFLATED, _GZIP), hashlib.sha256()
    with translated(f"compress {source}"), source.open("rb") as file, target.open("wb") as packed:
        while True:
            chunk = file.read(_CHUNK)
            out = packer.compress(chunk) if chunk else packer.flush()
            packed.write(out)
            digest.update(out)
            if not chunk:
                return digest.hexdigest()


def expand(content: bytes, *, limit: int, name: str) -> bytes:
    """Return what a small gzip file holds.

    Args:
        content: The compressed file.
        limit: The size it must have; more is not expanded.
        name: What to call it in messages.

    Raises:
        IntegrityError: If it is malformed or larger than the limit.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        expanded = unpacker.decompress(content, limit + 1)
    except zlib.error as error:
        raise IntegrityError(f"{name} is no valid gzip file") from error
    if len(expanded) > limit or not unpacker.eof:
        raise IntegrityError(f"{name} does not hold the {limit:,} bytes it should")
    return expanded


def expand_file(source: Path, target: Path, *, limit: int) -> str:
    """Expand a gzip file and return the digest of what comes out.

    Args:
        source: The compressed file.
        target: The file to write.
        limit: The size it must have; more is not written.

    Raises:
        IntegrityError: If it is malformed or grows beyond the limit.
    """
    digest, size = hashlib.sha256(), 0
    with translated(f"write {target}"), target.open("wb") as out:
        for chunk in expanded(_chunks(source), name=source.name):
            size += len(chunk)
            if size > limit:
                raise IntegrityError(f"{source.name} holds more than the {limit:,} bytes it should")
            digest.update(chunk)
            out.write(chunk)
    return digest.hexdigest()


def expanded(chunks: Iterable[bytes], *, name: str) -> Iterator[bytes]:
    """Yield what a gzip file holds, at most a megabyte at a time.

    Args:
        chunks: The compressed file.
        name: What to call it in messages.

    Raises:
        IntegrityError: If it is malformed or cut off.
    """
    unpacker = zlib.decompressobj(_GZIP)
    try:
        for chunk in chunks:
            left = chunk
            while left:
                yield unpacker.decompress(left, _CHUNK)
                left = unpacker.unconsumed_tail
        yield unpacker.flush()
    except zlib.error as error:
        raise IntegrityError(f"{name} is no valid gzip file") from error
    if not unpacker.eof:
        raise IntegrityError(f"{name} is cut off")


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk
