"""What the commands that only look at a pipeline have in common."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from luisy.cli.options import apply_settings, task_options

if TYPE_CHECKING:
    from luisy.work import Work

_CONTEXT = {"ignore_unknown_options": True}


def looking_command(name: str, *, short_help: str) -> Callable[[Callable[..., Any]], click.Command]:
    """Make a command that looks at the pipeline of a task, with ``--json`` for scripts."""

    def decorate(function: Callable[..., Any]) -> click.Command:
        as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")
        command = click.command(
            name, short_help=short_help, add_help_option=False, context_settings=_CONTEXT
        )
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


def luigi_line(arguments: Sequence[str], given: dict[str, Any]) -> list[str]:
    """Return what luigi's parser is to see; ``MODULE TASK`` stands for ``--module MODULE TASK``."""
    module = ["--module", given["module"]] if given["module"] else []
    if not module and len(arguments) > 1 and not any(a.startswith("-") for a in arguments[:2]):
        module, arguments = ["--module", arguments[0]], arguments[1:]
    wishes = [f"--{wish}" for wish in ("download", "upload") if given.get(wish)]
    if wishes:
        from luisy.cli.arguments import task_class

        known = dict(task_class([*arguments, *module]).get_params())
        wishes = [wish for wish in wishes if wish[2:] in known]
    return [*arguments, *module, *wishes]


def helped(ctx: click.Context, arguments: Sequence[str], given: dict[str, Any]) -> bool:
    """Write the help that was asked for, of the command or of a task; tell whether one was."""
    if not given["wants_help"]:
        return False
    if arguments:
        from luisy.cli.arguments import task_class
        from luisy.cli.luigi_settings import write_parameters

        write_parameters(task_class(luigi_line(arguments, given)))
    else:
        click.echo((ctx.parent if ctx.command.name == "run" and ctx.parent else ctx).get_help())
    return True


def write_json(value: object) -> None:
    """Write a value as JSON."""
    click.echo(json.dumps(value, indent=2))
