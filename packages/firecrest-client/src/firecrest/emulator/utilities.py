"""The utilities service: short commands on files, answered at once; see also `contents`."""

from __future__ import annotations

import shutil
import stat
from pathlib import Path

from firecrest.emulator import archive, listing
from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import CommandFailed
from firecrest.emulator.utility import done, utility

_READ = stat.S_IRUSR
_VIEWED_LINES = 10


@utility("ls")
def ls(call: Call, operation: str) -> Answer:
    """List a directory."""
    path = call.text("targetPath", operation=operation)
    command = f"ls: cannot access '{path}'"
    real = call.filesystem.existing(path, command=command, need=_READ)
    hidden, recursive = call.flag("showhidden"), call.flag("recursive")
    rows = list(listing.entries(call.filesystem, real, hidden=hidden, recursive=recursive))
    return Answer(200, {"description": "List of contents", "output": rows})


@utility("mkdir")
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
    return done(operation, status=201)


def _make_parents(call: Call, path: str, command: str) -> None:
    parts = Path(call.filesystem.home, path).parts
    for count in range(2, len(parts) + 1):
        real = call.filesystem.place(str(Path(*parts[:count])), command=command)
        real.mkdir(exist_ok=True)


@utility("rename")
def rename(call: Call, operation: str) -> Answer:
    """Move a file or a directory, over an existing file too."""
    source, target = _source_and_place(call, operation, verb="mv: cannot stat", follow=False)
    shutil.move(source, target)
    return done(operation)


@utility("copy")
def copy(call: Call, operation: str) -> Answer:
    """Copy a file, or a directory with all below it."""
    source, target = _source_and_place(call, operation, verb="cp: cannot stat", follow=True)
    if source.is_dir():
        shutil.copytree(source, target, symlinks=True, dirs_exist_ok=target != source)
    else:
        shutil.copy2(source, target)
    return done(operation, status=201)


def _source_and_place(call: Call, operation: str, *, verb: str, follow: bool) -> tuple[Path, Path]:
    source = call.text("sourcePath", operation=operation)
    target = call.text("targetPath", operation=operation)
    files = call.filesystem
    real = files.existing(source, command=f"{verb} '{source}'", follow=follow)
    place = files.place(target, command=f"cannot create '{target}'")
    return real, place / real.name if place.is_dir() else place


@utility("chmod")
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


@utility("chown")
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


@utility("stat")
def status(call: Call, operation: str) -> Answer:
    """Tell the numbers of ``stat``."""
    path = call.text("targetPath", operation=operation)
    follow = call.flag("dereference")
    command = f"stat: cannot statx '{path}'"
    real = call.filesystem.existing(path, command=command, follow=follow)
    found = real.lstat()
    names = ("atime", "ctime", "dev", "gid", "ino", "mode", "mtime", "nlink", "size", "uid")
    return done(operation, {name: int(getattr(found, f"st_{name}")) for name in names})


@utility("symlink")
def symlink(call: Call, operation: str) -> Answer:
    """Make a symbolic link, kept as a real path so that job scripts can follow it."""
    target = call.text("targetPath", operation=operation)
    link = call.text("linkPath", operation=operation)
    command = f"ln: failed to create symbolic link '{link}'"
    real = call.filesystem.place(link, command=command, follow=False)
    is_absolute = target.startswith("/")
    real.symlink_to(f"{call.filesystem.root}{target}" if is_absolute else target)
    return done(operation, status=201)


@utility("rm")
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


@utility("whoami")
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


@utility("compress")
def compress(call: Call, operation: str) -> Answer:
    """Pack a file or a directory into a gzipped tar file."""
    source, place = _packing(call, operation)
    files = call.filesystem

    def follow(link: Path) -> Path:
        return files.existing(files.virtual(str(link)), command=f"tar: {link.name}: cannot stat")

    resolve = follow if call.flag("dereference") else None
    timeout = call.site.settings.command_timeout
    archive.compress(source, place, resolve=resolve, timeout=timeout)
    return done(operation, status=201)


@utility("extract")
def extract(call: Call, operation: str) -> Answer:
    """Unpack an archive; the 1.16 server reads the format from `type`, not `extension`."""
    source, place = _packing(call, operation)
    place.mkdir(exist_ok=True)
    archive.extract(source, place, extension=call.form.get("type", "auto"))
    return done(operation, status=201)


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
    ("GET", "/utilities/stat", status),
    ("POST", "/utilities/symlink", symlink),
    ("DELETE", "/utilities/rm", rm),
    ("GET", "/utilities/whoami", whoami),
    ("POST", "/utilities/compress", compress),
    ("POST", "/utilities/extract", extract),
)
