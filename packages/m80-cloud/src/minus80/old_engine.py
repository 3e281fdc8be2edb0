"""Datasets as the old S3 engine left them: one tar, with everything below ``<dtype>.<name>/``.

A tar is somebody else's word for where files go. So nothing is extracted by its own rules: each
member is checked, and its content is written to a path below the new folder. Links inside are
followed to the content they stand for; a member or a link that leads out of the folder, a device,
or the like is refused, and nothing of the tar is kept.

Known limits. The old engine kept no digests. What arrives is as long as the server says and a
whole tar, and that is all that can be verified.
"""

from __future__ import annotations

import posixpath
import shutil
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from luisy_protocol.errors import IntegrityError, InvalidKey, LuisyError
from luisy_protocol.keys import path_below, validate_key
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated
from luisy_protocol.progress import TransferProgress
from luisy_protocol.store import Store
from luisy_protocol.terminal import size_text

from minus80.folders import Folders
from minus80.freeze import memory_path
from minus80.layout import OLD_DATASETS
from minus80.snapshot import Memory, scratch_folder, snapshot


def get_old_dataset(
    store: Store, folders: Folders, slug: str, *, progress: TransferProgress
) -> Path:
    """Replace a dataset's folder by what the old engine stored, and return the folder.

    A folder that is there is set aside below ``<basedir>/replaced`` unless it holds the same.

    Raises:
        NotFound: If the old engine stored no such dataset.
        IntegrityError: If the tar is damaged, or has members that lead out of the folder.
    """
    key = OLD_DATASETS + slug
    info = store.stat(key)
    with translated(f"write {folders.temporary}"):
        folders.temporary.mkdir(parents=True, exist_ok=True)
    stage = folders.temporary / f"{slug}.old.get"
    with locked(folders.temporary / f"{slug}.lock"):
        shutil.rmtree(stage, ignore_errors=True)
        with scratch_folder(stage):
            tar, folder = stage / "tar", stage / "folder"
            progress.begin("get", files=1, size=info.size)
            try:
                store.download(key, tar, if_match=info.etag, advance=progress.advance)
                progress.done(key)
            finally:
                progress.end()
            extract(tar, folder, slug, name=f"{key} in {store.url}")
            path = folders.path(slug)
            same = path.is_dir() and _contents(folders, slug, path) == _contents(
                folders, slug, folder
            )
            if not same:
                keep = folders.set_aside(slug) if path.is_dir() else None
                folders.replace(slug, folder, keep=keep)
    return path


def extract(tar: Path, folder: Path, slug: str, *, name: str) -> None:
    """Write the files of a dataset's tar below a new folder.

    Args:
        tar: The tar, compressed or not.
        folder: The folder to make.
        slug: The name of the folder in the tar.
        name: What to call the tar in messages.

    Raises:
        IntegrityError: If it is damaged, or a member leads out of the folder.
    """
    with translated(f"write {folder}"):
        folder.mkdir()
    try:
        with tarfile.open(tar, "r:*") as archive:
            members = [member for member in archive if not member.isdir()]
            _check_space(folder, sum(member.size for member in members), name)
            for path, member in _placed(members, slug, name):
                _write(archive, member, path_below(folder, path), name)
    except (tarfile.TarError, EOFError, zlib.error) as error:
        raise IntegrityError(f"{name} is damaged: {error}") from error


def _placed(
    members: list[tarfile.TarInfo], slug: str, name: str
) -> Iterator[tuple[str, tarfile.TarInfo]]:
    """Yield each file with its path below the dataset's folder."""
    for member in members:
        path = _inside(member.name, slug, name)
        if member.issym():
            _inside(posixpath.join(posixpath.dirname(member.name), member.linkname), slug, name)
        elif member.islnk():
            _inside(member.linkname, slug, name)
        elif not member.isreg():
            raise IntegrityError(
                f"{name} is refused: '{member.name}' is neither a file nor a folder"
            )
        yield path, member


def _inside(path: str, slug: str, name: str) -> str:
    """Return a path of the tar below the dataset's folder."""
    normal = posixpath.normpath(path)
    try:
        if path.startswith("/") or not normal.startswith(f"{slug}/"):
            raise InvalidKey("it is outside")  # noqa: TRY301 - told below
        return validate_key(normal.removeprefix(f"{slug}/"))
    except InvalidKey as error:
        raise IntegrityError(
            f"{name} is refused: '{path}' in it leads out of the dataset's folder"
        ) from error


def _write(archive: tarfile.TarFile, member: tarfile.TarInfo, path: Path, name: str) -> None:
    try:
        content = archive.extractfile(member)
    except (KeyError, RecursionError) as error:
        raise IntegrityError(
            f"{name} is damaged: the link '{member.name}' leads nowhere"
        ) from error
    if content is None:
        raise IntegrityError(f"{name} is refused: '{member.name}' is no file")
    with content, translated(f"write {path}"):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as file:
            shutil.copyfileobj(content, file)


def _check_space(folder: Path, size: int, name: str) -> None:
    free = shutil.disk_usage(folder).free
    if size > free:
        raise LuisyError(
            f"the disk of {folder} is too full for {name}: it needs {size_text(size)} and there "
            f"are {size_text(free)}; free some space and get it again"
        )


def _contents(folders: Folders, slug: str, folder: Path) -> set[tuple[str, str]]:
    memory = Memory(memory_path(folders, slug))
    scratch = folders.temporary / f"{slug}.old.backups"
    shutil.rmtree(scratch, ignore_errors=True)
    with snapshot(folder, memory, scratch=scratch) as sources:
        return {(source.path, source.sha256) for source in sources}
