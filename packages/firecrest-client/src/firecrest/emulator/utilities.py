"""The utilities service: short commands on files, answered at once."""

from __future__ import annotations

import hashlib
import shutil
import stat
from collections.abc import Callable
from functools import wraps
from pathlib import Path

from firecrest.emulator import archive, listing
from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import CommandFailed, Refusal, from_command

_READ = stat.S_IRUSR
_VIEWED_LINES = 10


def _operation(name: str) -> Callable[[Callable[[Call, str], Answer]], Handler]:
    """Check the machine, and turn a failed command of `name` into the server's answer."""

    def decorate(function: Callable[[Call, str], Answer]) -> Handler:
        @wraps(function)
        def handler(call: Call) -> Answer:
            try:
                call.site.check_machine(call.machine)
                return function(call, name)
            except CommandFailed as error:
                raise from_command(name, str(error)) from error
            except OSError as error:
                text = f"{name}: {error.strerror or error}"
                raise from_command(name, text) from error

        return handler

    return decorate


def _done(name: str, output: object = "", *, status: int = 200) -> Answer:
    return Answer(status, {"description": f"Success to {name} file.", "output": output})


@_operation("ls")
def ls(call: Call, operation: str) -> Answer:
    """List a directory."""
    path = call.text("targetPath", operation=operation)
    command = f"ls: cannot access '{path}'"
    real = call.filesystem.existing(path, command=command, need=_READ)
    hidden, recursive = call.flag("showhidden"), call.flag("recursive")
    rows = list(listing.entries(call.filesystem, real, hidden=hidden, recursive=recursive))
    return Answer(200, {"description": "List of contents", "output": rows})


@_operation("mkdir")
def mkdir(call: Call, operation: str) -> Answer:
    """Make a directory; with `p` its parents too, and an existing one is fine."""
    path = call.text("targetPath", operation=operation)
    command = f"mkdir: cannot create directory '{path}'"
    if "p" in call.form:
        _make_parents(call, path, command)
    else:
        real = call.filesystem.place(path, command=command)
        if real.exists():
            raise CommandFailed(f"{command}: File exists")
        real.mkdir()
    return _done(operation, status=201)


def _make_parents(call: Call, path: str, command: str) -> None:
    parts = Path(call.filesystem.home, path).parts
    for count in range(2, len(parts) + 1):
        real = call.filesystem.place(str(Path(*parts[:count])), command=command)
        real.mkdir(exist_ok=True)


@_operation("rename")
def rename(call: Call, operation: str) -> Answer:
    """Move a file or a directory, over an existing file too."""
    source, target = _source_and_place(call, operation, verb="mv: cannot stat", follow=False)
    shutil.move(source, target)
    return _done(operation)


@_operation("copy")
def copy(call: Call, operation: str) -> Answer:
    """Copy a file, or a directory with all below it."""
    source, target = _source_and_place(call, operation, verb="cp: cannot stat", follow=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=target != source)
    else:
        shutil.copy2(source, target)
    return _done(operation, status=201)


def _source_and_place(call: Call, operation: str, *, verb: str, follow: bool) -> tuple[Path, Path]:
    source = call.text("sourcePath", operation=operation)
    target = call.text("targetPath", operation=operation)
    files = call.filesystem
    real = files.existing(source, command=f"{verb} '{source}'", follow=follow)
    place = files.place(target, command=f"cannot create '{target}'")
    return real, place / real.name if place.is_dir() else place


@_operation("chmod")
def chmod(call: Call, operation: str) -> Answer:
    """Change the permission bits; the mode is octal."""
    path, mode = (call.text(name, operation=operation) for name in ("targetPath", "mode"))
    real = call.filesystem.existing(path, command=f"chmod: cannot access '{path}'")
    try:
        bits = int(mode, 8)
    except ValueError:
        raise CommandFailed(f"chmod: invalid mode: '{mode}'") from None
    if not 0 <= bits <= 0o7777:
        raise CommandFailed(f"chmod: invalid mode: '{mode}'")
    before = stat.S_IMODE(real.stat().st_mode)
    real.chmod(bits)
    shown = " to ".join(f"{value:04o} ({_permissions(value)})" for value in (before, bits))
    return Answer(
        200,
        {
            "description": "Success to chmod file or directory.",
            "output": f"mode of '{path}' changed from {shown}",
        },
    )


def _permissions(mode: int) -> str:
    return stat.filemode(mode | stat.S_IFREG)[1:]


@_operation("chown")
def chown(call: Call, operation: str) -> Answer:
    """Say that the owner changed: every file here belongs to the user of this computer."""
    path = call.text("targetPath", operation=operation)
    call.filesystem.existing(path, command=f"chown: cannot access '{path}'")
    owner = call.optional("owner", operation=operation) or ""
    group = call.optional("group", operation=operation) or ""
    if owner and owner not in call.site.settings.users:
        raise CommandFailed(f"chown: invalid user: '{owner}'")
    if group and group not in call.site.groups(call.user):
        raise CommandFailed(f"chown: invalid group: '{group}'")
    output = f"changed ownership of '{path}' from {call.user}:{call.user} to {owner}:{group}"
    return Answer(200, {"description": "Success to chown file or directory.", "output": output})


@_operation("file")
def file_type(call: Call, operation: str) -> Answer:
    """Tell what kind of content a file has."""
    path = call.text("targetPath", operation=operation)
    real = call.filesystem.existing(path, command=f"{path}: cannot open", need=_READ)
    return _done(operation, _kind(real))


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


@_operation("stat")
def status(call: Call, operation: str) -> Answer:
    """Tell the numbers of ``stat``."""
    path = call.text("targetPath", operation=operation)
    follow = call.flag("dereference")
    command = f"stat: cannot statx '{path}'"
    real = call.filesystem.existing(path, command=command, follow=follow)
    found = real.lstat()
    names = ("atime", "ctime", "dev", "gid", "ino", "mode", "mtime", "nlink", "size", "uid")
    return _done(operation, {name: int(getattr(found, f"st_{name}")) for name in names})


@_operation("symlink")
def symlink(call: Call, operation: str) -> Answer:
    """Make a symbolic link, kept as a real path so that job scripts can follow it."""
    target = call.text("targetPath", operation=operation)
    link = call.text("linkPath", operation=operation)
    command = f"ln: failed to create symbolic link '{link}'"
    real = call.filesystem.place(link, command=command, follow=False)
    is_absolute = target.startswith("/")
    real.symlink_to(f"{call.filesystem.root}{target}" if is_absolute else target)
    return _done(operation, status=201)


@_operation("checksum")
def checksum(call: Call, operation: str) -> Answer:
    """Return the SHA-256 of a file."""
    real = _readable_file(call, operation, f"{operation}sum")
    with real.open("rb") as file:
        return _done(operation, hashlib.file_digest(file, "sha256").hexdigest())


def _readable_file(call: Call, operation: str, tool: str, parameter: str = "targetPath") -> Path:
    path = call.text(parameter, operation=operation)
    real = call.filesystem.existing(path, command=f"{tool}: {path}", need=_READ)
    if real.is_dir():
        raise CommandFailed(f"{tool}: {path}: Is a directory")
    return real


@_operation("head")
def head(call: Call, operation: str) -> Answer:
    """Return the first lines or bytes, or all but the last ones."""
    content = _text(_readable_file(call, operation, "head"), call)
    count, by_bytes = _count(call, operation)
    skip = call.flag("skip_ending")
    pieces = content if by_bytes else content.splitlines(keepends=True)
    chosen = pieces[: len(pieces) - count if skip else count]
    return _done(operation, _decode(chosen))


@_operation("tail")
def tail(call: Call, operation: str) -> Answer:
    """Return the last lines or bytes, or all from one on (counted from one)."""
    content = _text(_readable_file(call, operation, "tail"), call)
    count, by_bytes = _count(call, operation)
    pieces = content if by_bytes else content.splitlines(keepends=True)
    start = max(count - 1, 0) if call.flag("skip_beginning") else max(len(pieces) - count, 0)
    return _done(operation, _decode(pieces[start:]))


@_operation("head")
def view(call: Call, operation: str) -> Answer:
    """Return the first ten lines: the real server runs plain ``head``."""
    content = _text(_readable_file(call, operation, "head"), call)
    return _done(operation, _decode(content.splitlines(keepends=True)[:_VIEWED_LINES]))


def _text(real: Path, call: Call) -> bytes:
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


@_operation("rm")
def rm(call: Call, operation: str) -> Answer:
    """Remove a file, or a directory with all below it."""
    path = call.text("targetPath", operation=operation)
    command = f"rm: cannot remove '{path}'"
    real = call.filesystem.existing(path, command=command, follow=False)
    if real in {call.filesystem.root, call.filesystem.root / "home"}:
        raise CommandFailed(f"{command}: Permission denied")
    if real.is_dir() and not real.is_symlink():
        shutil.rmtree(real)
    else:
        real.unlink()
    return Answer(204)


@_operation("whoami")
def whoami(call: Call, _: str) -> Answer:
    """Tell the user's name, or with `groups` the numbers and the groups too."""
    output: object = call.user
    if call.flag("groups"):
        ids = call.site.groups(call.user)
        own = {"id": str(ids[call.user]), "name": call.user}
        output = {
            "user": own,
            "group": own,
            "groups": [{"id": str(number), "name": name} for name, number in ids.items()],
        }
    return Answer(200, {"description": "User information", "output": output})


@_operation("upload")
def upload(call: Call, operation: str) -> Answer:
    """Store a small file in a directory."""
    folder = call.text("targetPath", operation=operation)
    if call.file is None:
        raise Refusal(400, {"description": "Failed to upload file", "error": "No file in query"})
    limit = call.site.settings.size_limit
    if call.file.size > limit:
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


@_operation("download")
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


@_operation("compress")
def compress(call: Call, operation: str) -> Answer:
    """Pack a file or a directory into a gzipped tar file."""
    source, place = _packing(call, operation)
    files = call.filesystem

    def follow(link: Path) -> Path:
        return files.existing(files.virtual(str(link)), command=f"tar: {link.name}: cannot stat")

    resolve = follow if call.flag("dereference") else None
    timeout = call.site.settings.command_timeout
    archive.compress(source, place, resolve=resolve, timeout=timeout)
    return _done(operation, status=201)


@_operation("extract")
def extract(call: Call, operation: str) -> Answer:
    """Unpack an archive; the 1.16 server reads the format from `type`, not `extension`."""
    source, place = _packing(call, operation)
    place.mkdir(exist_ok=True)
    archive.extract(source, place, extension=call.form.get("type", "auto"))
    return _done(operation, status=201)


def _packing(call: Call, operation: str) -> tuple[Path, Path]:
    source = call.text("sourcePath", operation=operation)
    target = call.text("targetPath", operation=operation)
    command = f"cannot stat '{source}'"
    real = call.filesystem.existing(source, command=command, need=_READ)
    return real, call.filesystem.place(target, command=f"cannot create '{target}'")


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/utilities/ls", ls),
    ("POST", "/utilities/mkdir", mkdir),
    ("PUT", "/utilities/rename", rename),
    ("POST", "/utilities/copy", copy),
    ("PUT", "/utilities/chmod", chmod),
    ("PUT", "/utilities/chown", chown),
    ("GET", "/utilities/file", file_type),
    ("GET", "/utilities/stat", status),
    ("POST", "/utilities/symlink", symlink),
    ("GET", "/utilities/checksum", checksum),
    ("GET", "/utilities/head", head),
    ("GET", "/utilities/tail", tail),
    ("GET", "/utilities/view", view),
    ("DELETE", "/utilities/rm", rm),
    ("GET", "/utilities/whoami", whoami),
    ("POST", "/utilities/upload", upload),
    ("GET", "/utilities/download", download),
    ("POST", "/utilities/compress", compress),
    ("POST", "/utilities/extract", extract),
)
