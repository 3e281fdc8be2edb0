"""Find the root task that a command line means, by luigi's own rules but without abbreviations."""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.parameter import MissingParameterException
from luigi.task_register import (
    Register,
    TaskClassAmbigiousException,
    TaskClassNotFoundException,
)
from luisy_protocol.errors import ConfigurationError

from luisy.cli.near_words import misspelt_command, misspelt_option, no_option, suggestion
from luisy.namesakes import namesakes, several_named
from luisy.task import Task


@contextmanager
def root_task(arguments: Sequence[str]) -> Iterator[luigi.Task]:
    """Give the task that the arguments name; luigi's own flags among them count during the block.

    Args:
        arguments: The name of the task, its parameters, ``--module``, and luigi's flags.

    Raises:
        ConfigurationError: If they do not name a task, or not completely.
    """
    parser = _parse(arguments)
    # Where luigi itself keeps it; its own context manager would parse with abbreviations.
    before, CmdlineParser._instance = CmdlineParser._instance, parser
    try:
        yield _make(parser)
    finally:
        CmdlineParser._instance = before


def task_class(arguments: Sequence[str]) -> type[luigi.Task]:
    """Return the class of the task that the arguments name, whatever its parameters.

    Raises:
        ConfigurationError: If they do not name a task.
    """
    found: type[luigi.Task] = Register.get_task_cls(_parse(arguments).known_args.root_task)
    return found


def project_classes(module: str) -> dict[str, list[type[Task]]]:
    """Return the task classes of the projects whose tasks a module defines.

    Args:
        module: The module; what it imports counts, too, where it is of the same projects.

    Raises:
        ConfigurationError: If there is no such module, or no task of luisy in it.
    """
    _look_here()
    _import(module)
    classes = [cls for cls in _subclasses(Task) if not cls.__module__.startswith("luisy.")]
    projects = {str(cls.project_name) for cls in classes if cls.__module__ == module}
    if not projects:
        raise ConfigurationError(f"the module '{module}' defines no task of luisy")
    return {
        project: [cls for cls in classes if str(cls.project_name) == project]
        for project in sorted(projects)
    }


def _subclasses(cls: type[Task]) -> Iterator[type[Task]]:
    for below in cls.__subclasses__():
        yield below
        yield from _subclasses(below)


class _Parser(CmdlineParser):
    """luigi's parser, which raises our errors and takes flags by their full names only.

    luigi makes flags of the parameters of all tasks, three times over, which takes half a second in
    a project of 1,000 tasks. Here another task than the root has the flags that are given.
    """

    def __init__(self, arguments: Sequence[str]) -> None:
        self._flags = {word.partition("=")[0] for word in arguments}
        super().__init__(arguments)  # type: ignore[no-untyped-call]

    def _build_parser(  # type: ignore[override]  # luigi calls it on the instance
        self, root_task: str | None = None, help_all: bool = False
    ) -> Any:
        if help_all:
            return CmdlineParser._build_parser(root_task, help_all)
        if root_task:
            _check_task(root_task)
        parser = _Arguments(root_task)
        parser.add_argument("root_task", nargs="?")
        for family, is_bare, name, parameter in Register.get_all_params():
            flag = f"--{_dashed(name if is_bare else f'{family}_{name}')}"
            if is_bare or flag in self._flags:
                parser.add_argument(flag, **parameter._parser_kwargs(name, family))
            if family == root_task:
                parser.add_argument(f"--{_dashed(name)}", **parameter._parser_kwargs(name))
        return parser

    @staticmethod
    def _attempt_load_module(known_args: argparse.Namespace) -> None:
        if known_args.core_module:
            _import(known_args.core_module)


class _Arguments(argparse.ArgumentParser):
    """A parser that raises our errors."""

    def __init__(self, root_task: str | None) -> None:
        super().__init__(add_help=False, allow_abbrev=False)
        self._root_task = root_task

    def error(self, message: str) -> NoReturn:
        head, _, rest = message.partition(": ")
        if head == "unrecognized arguments":
            flag = rest.split()[0].partition("=")[0]
            options = CmdlineParser._build_parser(self._root_task)._option_string_actions
            raise ConfigurationError(no_option(flag, options))
        raise ConfigurationError(message)


class _NoSuchTask(ConfigurationError):
    """The word that should be a task is none."""


def _parse(arguments: Sequence[str]) -> CmdlineParser:
    _look_here()
    try:
        return _Parser(list(arguments))
    except SystemExit as end:
        if end.code in {None, 0}:
            raise
        text = f"no task is given{_tasks_of(arguments, '')}"
        cause: BaseException = end
    except _NoSuchTask as error:
        text, cause = f"there is no task '{error}'{_tasks_of(arguments, str(error))}", error
    # The word behind a misspelt option looks like the task.
    options = CmdlineParser._build_parser()._option_string_actions
    if flag := misspelt_option(arguments, options):
        text = no_option(flag, options)
    raise ConfigurationError(text) from cause


def _tasks_of(arguments: Sequence[str], name: str) -> str:
    """Return which tasks of the module that is given may be meant."""
    if "--module" not in arguments:
        return ": say luisy MODULE TASK"
    module = arguments[arguments.index("--module") + 1].removesuffix(".py").rpartition("/")[2]
    all_names = [known for known in Register.task_names() if not known.startswith(_INTERNAL)]
    here = [cls.get_task_family() for cls in Register._reg if cls.__module__ == module]
    if near := suggestion(name, all_names):
        return near
    names = [*here[:_SHOWN], "..."] if len(here) > _SHOWN else here
    return f"; the tasks of {module} are {', '.join(names)}" if names else f"; {module} has none"


_SHOWN = 12


def _look_here() -> None:
    if os.getcwd() not in sys.path:  # noqa: PTH109 - as the interpreter itself does for a script
        sys.path.insert(0, os.getcwd())  # noqa: PTH109


def _import(name: str) -> None:
    if name.endswith(".py"):
        name = _script(Path(name))
    try:
        importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(f"{error.name}.")):
            raise ConfigurationError(
                f"there is no module '{name}' in the current directory or where Python looks"
                f"{misspelt_command(name)}"
            ) from error
        raise


def _script(path: Path) -> str:
    """Let Python find a script that is given by its path; return its name as a module."""
    if not path.is_file():
        raise ConfigurationError(f"there is no script {path}")
    sys.path.insert(0, str(path.parent.resolve()))
    return path.stem


def _check_task(name: str) -> None:
    try:
        Register.get_task_cls(name)
    except TaskClassAmbigiousException as error:
        raise ConfigurationError(several_named(namesakes(name))) from error
    except TaskClassNotFoundException as error:
        raise _NoSuchTask(name) from error


_INTERNAL = ("luigi.", "luisy.")


def _make(parser: CmdlineParser) -> luigi.Task:
    cls = Register.get_task_cls(parser.known_args.root_task)
    values = {}
    for name, parameter in cls.get_params():
        given = getattr(parser.known_args, name)
        if given:
            values[name] = _value(name, parameter, given)
    try:
        task: luigi.Task = cls(**values)
    except MissingParameterException as error:
        missing = [
            f"--{_dashed(name)}"
            for name, parameter in cls.get_params()
            if name not in values and not parameter.has_task_value(cls.get_task_family(), name)
        ]
        names = " and ".join(missing) or str(error)
        raise ConfigurationError(f"the task {cls.get_task_family()} needs {names}") from error
    return task


def _value(name: str, parameter: Any, given: Any) -> Any:
    try:
        return parameter.parse(given)
    except Exception as error:
        kind = type(parameter).__name__.removesuffix("Parameter").lower() or "text"
        raise ConfigurationError(
            f"--{_dashed(name)}: {given!r} cannot be read as {kind} ({error})"
        ) from error


def _dashed(name: str) -> str:
    return name.replace("_", "-")
