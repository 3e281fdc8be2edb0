"""Compressing and extracting within a machine's folder and within the command timeout."""

from __future__ import annotations

import gzip
import shutil
import tarfile
import time
import zipfile
from collections.abc import Callable
from pathlib import Path

from firecrest.emulator.refusal import TIMED_OUT, CommandFailed

_SUFFIXES = {
    ".tar": "tar",
    ".tar.gz": "tar",
    ".tgz": "tar",
    ".tar.bz2": "tar",
    ".zip": "zip",
    ".gz": "gz",
}


def compress(
    source: Path, target: Path, *, resolve: Callable[[Path], Path] | None, timeout: float
) -> None:
    """Write `source` into a gzipped tar file.

    Args:
        source: A file or a directory.
        target: The archive; a partial one is left behind by a timeout, as the real server does.
        resolve: Finds what a link stands for, to store that in its place; None stores links.
        timeout: In seconds.

    Raises:
        CommandFailed: After the timeout.
    """
    deadline = time.monotonic() + timeout
    with tarfile.open(target, "w:gz") as archive:
        pending = [(source, source.name)]
        while pending:
            path, name = pending.pop()
            if time.monotonic() > deadline:
                raise CommandFailed(TIMED_OUT)
            real = resolve(path) if resolve and path.is_symlink() else path
            archive.add(real, name, recursive=False)
            if real.is_dir() and not real.is_symlink():
                pending.extend((child, f"{name}/{child.name}") for child in real.iterdir())


def extract(source: Path, target: Path, *, extension: str) -> None:
    """Unpack an archive into the directory `target`; members that would leave it are refused.

    Raises:
        CommandFailed: For an unknown format, a broken archive or an unsafe member.
    """
    kind = _kind(source.name if extension == "auto" else extension)
    try:
        if kind == "tar":
            with tarfile.open(source) as archive:
                archive.extractall(target, filter="data")
        elif kind == "zip":
            with zipfile.ZipFile(source) as zipped:
                zipped.extractall(target)  # noqa: S202 - it drops absolute and parent parts
        else:
            with gzip.open(source) as packed, (target / source.stem).open("wb") as file:
                shutil.copyfileobj(packed, file)
    except (tarfile.TarError, zipfile.BadZipFile, gzip.BadGzipFile, EOFError) as error:
        raise CommandFailed(f"extract: {source.name}: {error}") from error


def _kind(name: str) -> str:
    for suffix in sorted(_SUFFIXES, key=len, reverse=True):
        if name.endswith(suffix):
            return _SUFFIXES[suffix]
    raise CommandFailed("Unsupported file format in source path")
