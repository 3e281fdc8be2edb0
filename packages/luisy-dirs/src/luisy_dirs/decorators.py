"""The decorators that make the output of a task a directory of files."""

from __future__ import annotations

import re
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Literal, TypeVar

import luigi
from luisy_protocol.errors import ConfigurationError, InvalidKey
from luisy_protocol.keys import validate_key

from luisy_dirs.files import Read
from luisy_dirs.run import Manner, run
from luisy_dirs.targets import DirectoryTarget, SourceTarget, Write, read_pickle, write_pickle

Class = TypeVar("Class", bound=type[luigi.Task])


def make_directory_output(
    read_file_func: Read, regex_pattern: str | None = None, *, recursive: bool = False
) -> Callable[[Class], Class]:
    """Return a decorator that lets an external task stand for a directory of files.

    The directory is the one that `get_folder_name` of the task names.

    Args:
        read_file_func: Reads one file, given its path; what it returns None for is left out.
        regex_pattern: A regular expression that the name of a file must contain to count.
        recursive: Whether files in folders of the directory count.

    Raises:
        ConfigurationError: If the pattern is none, or the class is not an `ExternalTask`.
    """
    if not callable(read_file_func):
        raise ConfigurationError(
            f"make_directory_output needs a function that reads a file, not {read_file_func!r}"
        )
    try:
        re.compile(regex_pattern or "")
    except re.error as error:
        raise ConfigurationError(
            f"make_directory_output got {regex_pattern!r}, which is no regular expression: {error}"
        ) from error

    def decorate(cls: Class) -> Class:
        if not issubclass(cls, luigi.ExternalTask):
            raise ConfigurationError(
                f"{cls.__name__} is not a luisy.ExternalTask: only a person fills the directory of "
                "make_directory_output; use directory_output for a task that does"
            )
        arguments = {
            "read": read_file_func,
            "pattern": regex_pattern,
            "recursive": recursive,
        }
        _set(cls, target_cls=SourceTarget, target_kwargs=arguments)
        return cls

    return decorate


def directory_output(
    cls_py: Any = None,
    /,
    *,
    write: Write | None = None,
    read: Read | None = None,
    suffix: str | None = None,
    workers: int | None = None,
    executor: Executor | Callable[[], Executor] | None = None,
    on_error: Literal["raise", "skip"] = "raise",
) -> Any:
    """Let a task write a directory of files, one or more for each file of a required directory.

    The task's ``process(self, path, object)`` is called once for each input file. It returns the
    object that becomes a file of the same name with the suffix, or None for no file, or yields
    ``(name, object)`` for several. A task may define `run` instead.

    Args:
        cls_py: The class, where the decorator is written without parentheses.
        write: Writes one object, given the object and the path of the file; a pickle by default.
        read: Reads one file, given its path.
        suffix: How the names of the files end; ``.pkl`` by default, as the input's for "".
        workers: How many processes make files; by default as many as luigi's worker has.
        executor: Makes files instead of processes here; or a function that opens one.
        on_error: Whether a file that fails ends the run, or is skipped and tried again next time.

    Raises:
        ConfigurationError: If an argument is wrong, or the class cannot be run.
    """
    if (write is None) is not (read is None):
        raise ConfigurationError("directory_output needs write= and read=, or neither for pickles")
    if write is None:
        suffix = ".pkl" if suffix is None else suffix
    suffix = suffix or ""
    _check_suffix(suffix)
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise ConfigurationError(f"directory_output(workers=...) is 1 or more, not {workers!r}")
    if on_error not in {"raise", "skip"}:
        raise ConfigurationError(
            f"directory_output(on_error=...) is 'raise' or 'skip', not {on_error!r}"
        )
    arguments = {"write": write or write_pickle, "read": read or read_pickle, "suffix": suffix}
    manner = Manner(workers, executor, is_lenient=on_error == "skip")

    def decorate(cls: Class) -> Class:
        _set(cls, target_cls=DirectoryTarget, target_kwargs=arguments, directory_manner=manner)
        if cls.run is luigi.Task.run:
            if not callable(getattr(cls, "process", None)):
                raise ConfigurationError(
                    f"{cls.__name__} needs a method process(self, path, object) or a method run"
                )
            _set(cls, run=lambda task: run(task, task.directory_manner))
        return cls

    return decorate if cls_py is None else decorate(cls_py)


def _set(cls: type, **attributes: object) -> None:
    for name, value in attributes.items():
        setattr(cls, name, value)


def _check_suffix(suffix: str) -> None:
    try:
        if "/" in suffix:
            raise InvalidKey(f"{suffix!r} has a slash")  # noqa: TRY301
        validate_key(f"x{suffix}")
    except InvalidKey as error:
        raise ConfigurationError(f"directory_output(suffix=...) ends a name: {error}") from error
