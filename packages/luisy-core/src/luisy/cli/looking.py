"""What the commands that only look at a pipeline have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from luisy.cli.options import TaskCommand, apply_settings, luigi_line, task_options

if TYPE_CHECKING:
    from luisy.work import Work


def looking_command(name: str, *, short_help: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command that looks at the pipeline of a task, with ``--json`` for scripts."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
        command = click.command(name, cls=TaskCommand, short_help=short_help)
        return command(task_options(as_json(function)))

    return decorate


@contextmanager
def looked_at(arguments: Sequence[str], given: dict[str, Any]) -> Iterator[Work]:
    """Give the work for the task that the arguments name, looked at and planned."""
    from luisy.cli.arguments import root_task
    from luisy.terminal import Terminal
    from luisy.work import Settings, Work

    apply_settings(given)
    with root_task(luigi_line(arguments, given)) as root:
        work = Work(root, Settings.of(root), Terminal())
        work.look()
        yield work


def write_json(value: object) -> None:
    """Write a value as JSON."""
    click.echo(json.dumps(value, indent=2))
