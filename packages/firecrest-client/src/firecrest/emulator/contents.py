"""The utilities service: what is in a file, told in pieces or moved as a whole."""

from __future__ import annotations

import hashlib
import shutil
import stat
from pathlib import Path

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import CommandFailed, Refusal
from firecrest.emulator.utility import done, utility

_READ = stat.S_IRUSR
_VIEWED_LINES = 10


@utility("file")
def file_type(call: Call, operation: str) -> Answer:
    """Tell what kind of content a file has."""
    path = call.text("targetPath", operation=operation)
    real = call.filesystem.existing(path, command=f"{path}: cannot open", need=_READ)
    return done(operation, _kind(real))


def _kind(real: Path) -> str:
    if real.is_dir():
        return "directory"
    with real.open("rb") as file:
        start = file.read(4096)
    if not start:
        return "empty"
    if start.startswith(b"\x1f\x8b"):
        return "gzip compressed data"
    if b"\x00" in start:
        return "data"
    for encoding, kind in (("ascii", "ASCII text"), ("utf-8", "UTF-8 Unicode text")):
        try:
            start.decode(encoding)
        except UnicodeDecodeError:
            continue
        return kind
    return "data"


@utility("checksum")
def checksum(call: Call, operation: str) -> Answer:
    """Return the SHA-256 of a file."""
    real = _readable_file(call, operation, "sha256sum")
    with real.open("rb") as file:
        return done(operation, hashlib.file_digest(file, "sha256").hexdigest())


def _readable_file(call: Call, operation: str, tool: str) -> Path:
    path = call.text("targetPath", operation=operation)
    real = call.filesystem.existing(path, command=f"{tool}: {path}", need=_READ)
    if real.is_dir():
        raise CommandFailed(f"{tool}: {path}: Is a directory")
    return real


@utility("head")
def head(call: Call, operation: str) -> Answer:
    """Return the first lines or bytes, or all but the last ones."""
    content = _text(call, "head")
    count, by_bytes = _count(call, operation)
    skip = call.flag("skip_ending")
    pieces = content if by_bytes else content.splitlines(keepends=True)
    chosen = pieces[: max(len(pieces) - count, 0) if skip else count]
    return done(operation, _decode(chosen))


@utility("tail")
def tail(call: Call, operation: str) -> Answer:
    """Return the last lines or bytes, or all from one on (counted from one)."""
    content = _text(call, "tail")
    count, by_bytes = _count(call, operation)
    pieces = content if by_bytes else content.splitlines(keepends=True)
    start = max(count - 1, 0) if call.flag("skip_beginning") else max(len(pieces) - count, 0)
    return done(operation, _decode(pieces[start:]))


@utility("head")
def view(call: Call, operation: str) -> Answer:
    """Return the first ten lines: the real server runs plain ``head``."""
    content = _text(call, "head")
    return done(operation, _decode(content.splitlines(keepends=True)[:_VIEWED_LINES]))


def _text(call: Call, tool: str) -> bytes:
    real = _readable_file(call, tool, tool)
    limit = call.site.settings.size_limit
    if real.stat().st_size > limit:
        raise Refusal(
            400,
            {"description": "Error on head operation", "error": "File exceeds size limit"},
            {"X-Size-Limit": "File exceeds size limit"},
        )
    return real.read_bytes()


def _count(call: Call, operation: str) -> tuple[int, bool]:
    counts = {name: call.optional(name, operation=operation) for name in ("bytes", "lines")}
    if all(counts.values()):
        error = "Cannot use both `bytes` and `lines`"
        raise Refusal(400, {"description": f"Error on {operation} operation", "error": error})
    text = counts["bytes"] or counts["lines"] or str(_VIEWED_LINES)
    if not text.isdecimal():
        raise CommandFailed(f"{operation}: invalid number: '{text}'")
    return int(text), bool(counts["bytes"])


def _decode(pieces: bytes | list[bytes]) -> str:
    content = pieces if isinstance(pieces, bytes) else b"".join(pieces)
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise CommandFailed("'utf-8' codec can't decode the content") from None


@utility("upload")
def upload(call: Call, operation: str) -> Answer:
    """Store a small file in a directory."""
    folder = call.text("targetPath", operation=operation)
    if call.file is None:
        raise Refusal(400, {"description": "Failed to upload file", "error": "No file in query"})
    limit = call.site.settings.size_limit
    if int(call.headers.get("content-length", call.file.size)) > limit:  # of the whole form
        text = f"Failed to upload file. The file is over {limit} bytes"
        raise Refusal(413, {"description": text})
    name = call.clean(call.file.name, "filename", description="Failed to upload file")
    command = f"cannot create '{folder}'"
    if not call.filesystem.existing(folder, command=command).is_dir():
        raise CommandFailed(f"{command}: Not a directory")
    real = call.filesystem.place(f"{folder}/{Path(name).name}", command=command)
    with real.open("wb") as target:
        shutil.copyfileobj(call.file.content, target)
    return Answer(201, {"description": "File upload successful", "output": ""})


@utility("download")
def download(call: Call, operation: str) -> Answer:
    """Send a small file as it is."""
    path = call.text("sourcePath", operation=operation)
    real = call.filesystem.existing(path, command=f"stat: cannot statx '{path}'", need=_READ)
    if real.is_dir():
        raise CommandFailed(f"{path}: Is a directory")
    if real.stat().st_size > call.site.settings.size_limit:
        raise Refusal(
            400,
            {"description": "Failed to download file"},
            {"X-Size-Limit": "File exceeds size limit"},
        )
    return Answer(200, real)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/utilities/file", file_type),
    ("GET", "/utilities/checksum", checksum),
    ("GET", "/utilities/head", head),
    ("GET", "/utilities/tail", tail),
    ("GET", "/utilities/view", view),
    ("POST", "/utilities/upload", upload),
    ("GET", "/utilities/download", download),
)
