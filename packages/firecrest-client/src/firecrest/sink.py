"""Where a downloaded body goes: a file that appears whole, a stream of the caller, or a device."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, BinaryIO, TypeAlias

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    NotFound,
    NotSupported,
)
from luisy_protocol.store import Advance
from luisy_protocol.temporary import temporary_beside

if sys.platform != "win32":
    from fcntl import LOCK_EX, LOCK_NB, flock

Target: TypeAlias = str | os.PathLike[str] | BinaryIO | IO[bytes]
CHUNK = 1 << 20
LONGEST_NAME = 200


class Download:
    """Takes a body and counts and digests it; the common part of both kinds.

    Attributes:
        position: How many bytes of the file are there.
        name: What to call the target in messages.
    """

    name = ""

    def __init__(self, advance: Advance | None) -> None:
        self._advance = advance
        self._digest = hashlib.sha256()
        self.position = 0

    @property
    def sha256(self) -> str:
        """The digest of the bytes so far."""
        return self._digest.hexdigest()

    def start_at(self, offset: int) -> None:
        """Go on at `offset` if that is where it stopped, else start over."""
        if offset == self.position:
            return
        if offset:
            raise IntegrityError(
                f"{self.name}: the server goes on at byte {offset}, not {self.position}"
            )
        self._rewind()
        self._tell(-self.position)
        self._digest = hashlib.sha256()
        self.position = 0

    def write(self, chunk: bytes) -> None:
        """Take the next piece."""
        self._store(chunk)
        self._count(chunk)
        self._tell(len(chunk))

    def commit(self) -> None:
        """Let the content appear under its final name."""

    def keep(self) -> None:
        """Stop for now: what is there may be continued later."""

    def discard(self) -> None:
        """Stop and remove what is there."""

    def _count(self, chunk: bytes) -> None:
        self._digest.update(chunk)
        self.position += len(chunk)

    def _tell(self, size: int) -> None:
        if size and self._advance:
            self._advance(size)

    def _store(self, chunk: bytes) -> None:
        raise NotImplementedError

    def _rewind(self) -> None:
        raise NotImplementedError


class FileDownload(Download):
    """Writes to a hidden file beside the target and renames it at the end.

    Args:
        path: The target; of a link, what it points to.
        part_of: Which content this is, for the name of the hidden file: what an earlier download of
            the same content left is continued. None for a file of no use to another download.
        advance: Told of every piece.

    Raises:
        Conflict: If somebody else is at work on the same content for the same target.
        ConfigurationError, NotFound: If the target is a folder, or there is no folder for it.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, part_of: str | None, advance: Advance | None
    ) -> None:
        super().__init__(advance)
        check_target(path)
        self._path = Path(path).resolve()
        self._is_of_use = part_of is not None
        self.name = str(path)
        if part_of is None:
            self._part = temporary_beside(self._path)
        else:
            self._part = self._path.with_name(f".{_short(self._path.name)}.{part_of}.part")
        self._stream = self._part.open("a+b")
        if not _is_ours(self._stream, self._part):
            self._stream.close()
            raise Conflict(f"{path} is being downloaded already; wait until that has ended")
        self._resume()

    def _resume(self) -> None:
        self._stream.seek(0)
        while piece := self._stream.read(CHUNK):
            self._count(piece)
            self._tell(len(piece))

    def _store(self, chunk: bytes) -> None:
        self._stream.write(chunk)

    def _rewind(self) -> None:
        self._stream.truncate(0)

    def commit(self) -> None:
        """Flush to disk, then rename.

        Raises:
            IntegrityError: If somebody else has written to the hidden file.
        """
        self._stream.flush()
        if os.fstat(self._stream.fileno()).st_size != self.position:
            raise IntegrityError(
                f"{self.name} is being downloaded twice at once; download it again"
            )
        os.fsync(self._stream.fileno())
        with self._closing():
            self._part.replace(self._path)

    def keep(self) -> None:
        """Close the hidden file; remove it if it is empty, or of no use to another download."""
        if self.position and self._is_of_use:
            self._stream.close()
        else:
            self.discard()

    def discard(self) -> None:
        """Remove the hidden file."""
        with self._closing():
            self._part.unlink(missing_ok=True)

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Close the hidden file after its name is gone: nobody takes it up in between."""
        if sys.platform == "win32":  # an open file can neither be renamed nor removed there
            self._stream.close()
        yield
        self._stream.close()


def _short(name: str) -> str:
    """Return a name that leaves room for a prefix and a suffix."""
    encoded = os.fsencode(name)
    return name if len(encoded) <= LONGEST_NAME else hashlib.sha256(encoded).hexdigest()


def _is_ours(stream: IO[bytes], path: Path) -> bool:
    """Lock a file until it is closed; tell whether nobody else has, or had and is done with it."""
    if sys.platform == "win32":
        return True
    try:
        flock(stream, LOCK_EX | LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # the file system has no locks: who has written to the file is seen at the end
        return True
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    return False


class StreamDownload(Download):
    """Writes to a stream of the caller from its current position, and leaves it open."""

    def __init__(self, stream: BinaryIO | IO[bytes], *, advance: Advance | None) -> None:
        super().__init__(advance)
        self._stream = stream
        self._is_seekable = stream.seekable()
        self._start = stream.tell() if self._is_seekable else 0
        self.name = str(getattr(stream, "name", "the stream"))

    def _store(self, chunk: bytes) -> None:
        self._stream.write(chunk)

    def _rewind(self) -> None:
        if not self._is_seekable:
            raise NotSupported(
                f"{self.name} cannot be rewound and the download was cut; download to a path"
            )
        self._stream.seek(self._start)
        self._stream.truncate()


class DeviceDownload(StreamDownload):
    """Writes to what is neither file nor folder, such as a named pipe or ``/dev/stdout``."""

    def __init__(self, path: str | os.PathLike[str], *, advance: Advance | None) -> None:
        super().__init__(Path(path).open("wb"), advance=advance)  # noqa: SIM115 - `commit` closes
        self._is_seekable = False  # some say that they are, and cannot be truncated

    def commit(self) -> None:
        """Close it."""
        self._stream.close()

    keep = discard = commit


def check_target(target: Target) -> None:
    """Make sure that a file can be there.

    Raises:
        ConfigurationError, NotFound: If the target is a folder, or there is no folder for it.
    """
    if not isinstance(target, str | os.PathLike):
        return
    path = Path(target).resolve()
    if path.is_dir():
        raise ConfigurationError(f"{target} is a folder; give the name of the file in it")
    if not path.parent.is_dir():
        raise NotFound(f"the folder {path.parent} does not exist")


def open_download(
    target: Target, *, part_of: str | None = None, advance: Advance | None = None
) -> Download:
    """Return the download for a path or a stream."""
    if not isinstance(target, str | os.PathLike):
        return StreamDownload(target, advance=advance)
    path = Path(target)
    if path.exists() and not path.is_file() and not path.is_dir():
        return DeviceDownload(path, advance=advance)
    return FileDownload(path, part_of=part_of, advance=advance)
