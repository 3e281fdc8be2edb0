"""The target of one file or folder on disk, written whole or not at all.

Every way to write goes to a temporary name beside the target and is renamed into place at the end:
`write`, luigi's ``open("w")`` and ``temporary_path``. A process that dies leaves the old output, if
there was one, and a temporary file that nobody takes for an output. A folder is filled under a
temporary name; the old one is moved away, the new one renamed into place, the old one removed.

A target kind gives `dump` and `load`, and inherits the rest.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, ClassVar, TypeVar

import luigi
from luigi.local_target import atomic_file
from luisy_protocol.errors import AccessDenied, ConfigurationError, LuisyError, NotFound
from luisy_protocol.os_errors import is_full, translate, translated
from luisy_protocol.temporary import replacing, temporary_beside

_Result = TypeVar("_Result")


class LuisyTarget(luigi.LocalTarget):
    """What every target of a luisy task can do: read, write, exist and be removed."""

    requires_pandas: ClassVar[bool] = False
    is_folder: ClassVar[bool] = False
    file_ending: ClassVar[str] = ""

    def read(self) -> Any:
        """Return what was written."""
        raise NotImplementedError

    def write(self, obj: Any) -> None:
        """Write an object, replacing what was there."""
        raise NotImplementedError


class LocalTarget(LuisyTarget):
    """One file below the working directory.

    Args:
        path: Where it is.
        kwargs: What the output decorator was given, for the library that reads and writes.
    """

    requires_pandas = True

    def __init__(self, path: str | os.PathLike[str], **kwargs: Any) -> None:
        super().__init__(path=os.fspath(path))  # type: ignore[no-untyped-call]
        self.kwargs = kwargs

    def load(self, path: Path) -> Any:
        """Read an object from `path`; a kind of target defines it."""
        raise NotImplementedError(f"{type(self).__name__} cannot be read")

    def dump(self, obj: Any, path: Path) -> None:
        """Write an object to `path`, which is a temporary name; a kind of target defines it."""
        raise NotImplementedError(f"{type(self).__name__} cannot be written")

    def exists(self) -> bool:
        """Tell whether the output is there."""
        return os.path.exists(self.path)  # noqa: PTH110 - called for each task of a plan

    def read(self) -> Any:
        """Return what was written.

        Raises:
            NotFound: If there is nothing.
        """
        if not self.exists():
            raise NotFound(f"there is no {self.path}: run the task that makes it first")
        return self.load(Path(self.path))

    def write(self, obj: Any) -> None:
        """Write an object, replacing what was there in one step."""
        with self.temporary_path() as temporary:
            self.dump(obj, Path(temporary))

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """Give a temporary path, and rename it to the target when the block ends well."""
        self.makedirs()
        with replacing(Path(self.path)) as temporary, _told(self.path, str(temporary)):
            yield str(temporary)

    def open(self, mode: str = "r") -> Any:
        """Open the file as luigi does; what is written appears when it is closed."""
        if mode.strip("bt") != "w":
            return super().open(mode)  # type: ignore[no-untyped-call]
        self.makedirs()
        with translated(f"write {self.path}"):
            file = _AtomicFile(self.path)
        return self.format.pipe_writer(file)

    def makedirs(self) -> None:
        """Make the folder that holds the output."""
        make_folder_of(self.path)

    def make_dir(self, path: str | os.PathLike[str]) -> None:
        """Make a folder."""
        Path(path).mkdir(parents=True, exist_ok=True)

    def remove(self) -> None:
        """Remove the output; nothing there is fine."""
        with suppress(FileNotFoundError):
            Path(self.path).unlink()


def make_folder_of(path: str) -> None:
    """Make the folder that holds a file or folder."""
    folder = os.path.dirname(path)  # noqa: PTH120 - called three times for each task
    if not os.path.isdir(folder):  # noqa: PTH112
        with translated(f"make {folder}"):
            os.makedirs(folder, exist_ok=True)  # noqa: PTH103


class FolderTarget(LocalTarget):
    """One folder below the working directory, with everything in it."""

    requires_pandas = False
    is_folder = True

    def exists(self) -> bool:
        """Tell whether the folder is there."""
        return os.path.isdir(self.path)  # noqa: PTH112 - called for each task of a plan

    @contextmanager
    def temporary_path(self) -> Iterator[str]:
        """Give an empty temporary folder, and put it in the place of the target at the end.

        Raises:
            ConfigurationError: If the target is a folder that holds other outputs too.
        """
        path = Path(self.path)
        self._check_own(path)
        self.makedirs()
        temporary = temporary_beside(path)
        with translated(f"write {path}"):
            temporary.mkdir()
        try:
            with _told(self.path, str(temporary)):
                yield str(temporary)
            with translated(f"write {path}"):
                _swap(temporary, path)
        finally:
            shutil.rmtree(temporary, ignore_errors=True)

    def remove(self) -> None:
        """Remove the folder and everything in it; nothing there is fine."""
        if self.exists():
            outdated = temporary_beside(Path(self.path))
            Path(self.path).rename(outdated)
            shutil.rmtree(outdated)

    def _check_own(self, path: Path) -> None:
        if self.path.endswith(("/", os.sep)):
            raise ConfigurationError(
                f"{path} cannot be written as one output: "
                "let get_folder_name name a folder of its own"
            )


class _AtomicFile(atomic_file):
    """luigi's atomic file, under the temporary names that every cleaner of this family knows.

    One for which there was no room says so and never becomes the output. luigi's wrapper flushes it
    again when it is collected, where nobody hears that it fails.
    """

    _problem = ""  # in words: an error would keep the file alive, and so its temporary name

    def generate_tmp_path(self, path: str) -> str:
        return str(temporary_beside(Path(path)))

    def write(self, content: Any) -> int:
        return self._tried(super().write, content)

    def flush(self) -> None:
        if not self._problem:
            self._tried(super().flush)

    def close(self) -> None:
        if self._problem:
            raise LuisyError(self._problem)
        self._tried(super().close)

    def _tried(self, action: Callable[..., _Result], *args: Any) -> _Result:
        try:
            return action(*args)
        except OSError as error:
            if not is_full(error):
                raise
            self._problem = str(translate(error, f"write {self.path}"))
            raise LuisyError(self._problem) from error


class _told:  # noqa: N801 - as `translated`, and quick for the same reason
    """Say which output has no room, or may not be written; other errors are the task's own.

    Args:
        path: The output.
        temporary: The temporary name under which the block writes it.
    """

    __slots__ = ("_path", "_temporary")

    def __init__(self, path: str, temporary: str) -> None:
        self._path = path
        self._temporary = temporary

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: object
    ) -> None:
        if not isinstance(error, OSError):
            return
        told = translate(error, f"write {self._path}")
        is_denied = self._is_own(error.filename) and isinstance(told, AccessDenied)
        if is_denied and not os.path.lexists(error.filename):
            raise told from error
        # The error of a copy names what it read and what it wrote; that of a `write` names nothing.
        if is_full(error) and self._is_own(error.filename2 or error.filename or self._temporary):
            raise told from error

    def _is_own(self, name: object) -> bool:
        return isinstance(name, str) and name.startswith(self._temporary)


def _swap(new: Path, path: Path) -> None:
    """Rename a folder into place; between the two renames there is no output, never half of one."""
    outdated = temporary_beside(path)
    with suppress(FileNotFoundError):
        path.rename(outdated)
    try:
        new.rename(path)
    except OSError:
        with suppress(FileNotFoundError):
            outdated.rename(path)
        raise
    shutil.rmtree(outdated, ignore_errors=True)
