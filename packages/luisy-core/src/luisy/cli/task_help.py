"""The help on a task: what it is, and its parameters."""

from __future__ import annotations

from inspect import cleandoc
from typing import Any

import click
import luigi

_OF_EVERY_TASK = {"download", "upload"}


def write_task_help(cls: type[luigi.Task], command: str) -> None:
    """Write how a task is called, its docstring and its parameters.

    Args:
        cls: The class of the task.
        command: The words of the command line before the task.
    """
    formatter = click.HelpFormatter()
    formatter.write_usage(
        command, f"{cls.__module__} {cls.get_task_family()} [PARAMETERS] [OPTIONS]"
    )
    if cls.__dict__.get("__doc__"):
        formatter.write_paragraph()
        with formatter.indentation():
            formatter.write_text(cleandoc(cls.__doc__ or ""))
    with formatter.section("Parameters"):
        params = sorted(cls.get_params(), key=lambda param: param[0] in _OF_EVERY_TASK)
        formatter.write_dl([_row(cls, name, parameter) for name, parameter in params])
    click.echo(formatter.getvalue(), nl=False)


def _row(cls: type[luigi.Task], name: str, parameter: luigi.Parameter[Any]) -> tuple[str, str]:
    flag = f"--{name.replace('_', '-')}"
    kind = type(parameter).__name__.removesuffix("Parameter").upper() or "TEXT"
    written = flag if isinstance(parameter, luigi.BoolParameter) else f"{flag} {kind}"
    is_required = not parameter.has_task_value(cls.get_task_family(), name)
    texts = [parameter.description or "", "[required]" if is_required else ""]
    return written, "  ".join(text for text in texts if text)
