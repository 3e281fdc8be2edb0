"""The options that the commands on a task share, and what they do to the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])

_SETTINGS = (
    "working_dir",
    "requirements_path",
    "remote",
    "download",
    "upload",
    "no_ask",
    "dry_run",
)
_HELP = click.Option(
    ["--help", "-h", "wants_help"], is_flag=True, help="Show this, or a task's parameters."
)


class TaskCommand(click.Command):
    """A command on a task; its help is that of the task where one is named."""

    def __init__(self, name: str, **settings: Any) -> None:
        # What is no option of the command is one of luigi, or a parameter of the task.
        super().__init__(name, context_settings={"ignore_unknown_options": True}, **settings)

    def get_help_option(self, ctx: click.Context) -> click.Option:  # noqa: ARG002 - click's signature
        """Return an option that is looked at when the task is known."""
        return _HELP

    def invoke(self, ctx: click.Context) -> Any:
        """Do it, or write the help that was asked for."""
        if not ctx.params.pop("wants_help"):
            return super().invoke(ctx)
        if ctx.params["arguments"]:
            from luisy.cli.arguments import task_class
            from luisy.cli.task_help import write_task_help

            cls = task_class(luigi_line(ctx.params["arguments"], ctx.params))
            write_task_help(cls, ctx.command_path)
        else:
            # `run` is what `luisy` does by itself, and is told of there.
            click.echo((ctx.parent if self.name == "run" and ctx.parent else ctx).get_help())
        return 0


def task_options(function: _Function) -> _Function:
    """Add the task, its own arguments, and the options that say where things are."""
    decorators = [
        click.option(
            "--module", metavar="MODULE", help="The module of the task, or the path of a script."
        ),
        click.option("--working-dir", metavar="DIR", help="Where outputs are.  [env: WORKING_DIR]"),
        click.option("--remote", metavar="URL", help="The store of the team.  [env: LUISY_REMOTE]"),
        click.option(
            "--requirements-path",
            metavar="FILE",
            help="The versions of libraries that count.  [env: LUISY_REQUIREMENTS_PATH]",
        ),
        click.option("--download", is_flag=True, help="Fetch what is fresh in the store."),
        click.argument(
            "arguments", nargs=-1, type=click.UNPROCESSED, metavar="[MODULE] TASK [FLAGS]"
        ),
    ]
    for decorate in reversed(decorators):
        function = decorate(function)
    return function


def apply_settings(given: Mapping[str, Any]) -> None:
    """Make the options that were given settings of this process."""
    from luisy.config import Config

    for name in _SETTINGS:
        if given.get(name):
            Config().set_param(name, given[name])


def luigi_line(arguments: Sequence[str], given: Mapping[str, Any]) -> list[str]:
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
