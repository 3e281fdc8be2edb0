"""The group of commands: those of luisy-core, and those that other packages register.

``luisy --module M Task`` names no command and means `run`. Another package's group is loaded when
it is called; one that cannot be loaded is listed as broken and breaks nothing else.
"""

from __future__ import annotations

import importlib
from functools import cache
from importlib.metadata import EntryPoint, entry_points

import click

from luisy import collector

GROUP = "luisy.commands"
_OWN = {
    "run": ("luisy.cli.run", "run"),
    "plan": ("luisy.cli.views", "plan"),
    "explain": ("luisy.cli.views", "explain"),
    "status": ("luisy.cli.views", "status"),
    "graph": ("luisy.cli.views", "graph"),
    "restore": ("luisy.cli.care", "restore"),
    "clean": ("luisy.cli.care", "clean"),
}
_HELP = """\
Run a task and what it requires, as far as its code or its data changed.

\b
  luisy my_module.tasks FinalFile --working-dir data
  luisy my_module.tasks FinalFile --dry-run
  luisy my_module.tasks FinalFile --help    (the task's parameters)

The module may also stand behind --module, as luigi has it. Every flag of luigi
is accepted, too, in full (no abbreviations).
"""


class Luisy(click.Group):
    """`luisy`, its own commands and those of other packages."""

    def __init__(self) -> None:
        super().__init__(
            "luisy",
            help=_HELP,
            options_metavar="[COMMAND] [OPTIONS]",
            subcommand_metavar="MODULE TASK [PARAMETERS]",
            context_settings={"max_content_width": 100, "help_option_names": ["--help", "-h"]},
            params=[
                click.Option(
                    ["--version"],
                    is_flag=True,
                    is_eager=True,
                    callback=_version,
                    help="Show the version.",
                )
            ],
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take a line that names no command for one of `run`; without any words, show the help."""
        if not args:
            click.echo(ctx.get_help(), err=True)
            ctx.exit(2)
        if args[0] not in {"--help", "-h", "--version", *self.list_commands(ctx)}:
            args = ["run", *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """Return the names of all commands."""
        return [*_OWN, *sorted(_plugins().keys() - _OWN.keys())]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        """Load a command."""
        if cmd_name in _OWN:
            module, name = _OWN[cmd_name]
            command = getattr(importlib.import_module(module), name)
            return command if isinstance(command, click.Command) else None
        plugin = _plugins().get(cmd_name)
        collector.work()  # nobody knows what it does
        return _load(plugin) if plugin else None

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options of `run`, for they can be given without its name, then the commands."""
        run = self.get_command(ctx, "run")
        shown = {
            param.opts[0]: param
            for param in [*(run.params if run else ()), *self.get_params(ctx)]
            if isinstance(param, click.Option)
        }
        records = [record for param in shown.values() if (record := param.get_help_record(ctx))]
        with formatter.section("Options"):
            formatter.write_dl(records)
        self.format_commands(ctx, formatter)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each command; those of other packages are named with their package."""
        rows = []
        for name in self.list_commands(ctx):
            plugin = None if name in _OWN else _plugins()[name]
            rows.append((name, self._line(ctx, name, plugin)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)

    def _line(self, ctx: click.Context, name: str, plugin: EntryPoint | None) -> str:
        # Loading another package only to print one line would make the help slow.
        if plugin:
            return f"Commands of {plugin.dist.name if plugin.dist else plugin.value}."
        command = self.get_command(ctx, name)
        return command.get_short_help_str(80) if command else ""


@cache
def _plugins() -> dict[str, EntryPoint]:
    return {point.name: point for point in entry_points(group=GROUP)}


def _load(plugin: EntryPoint) -> click.Command:
    owner = plugin.dist.name if plugin.dist else plugin.value
    try:
        command = plugin.load()
    except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it is not ours
        return _broken(plugin.name, owner, f"{type(error).__name__}: {error}")
    if isinstance(command, click.Command):
        return command
    return _broken(plugin.name, owner, f"{plugin.value} is not a click command")


def _broken(name: str, owner: str, reason: str) -> click.Command:
    text = f"'luisy {name}' is broken: {owner} cannot be loaded ({reason})"

    def fail(args: tuple[str, ...]) -> None:  # noqa: ARG001 - any arguments at all
        raise click.ClickException(text)

    return click.Command(
        name,
        callback=fail,
        help=text,
        add_help_option=False,
        context_settings={"ignore_unknown_options": True},
        params=[click.Argument(["args"], nargs=-1, type=click.UNPROCESSED)],
    )


def _version(ctx: click.Context, param: click.Parameter, value: bool) -> None:  # noqa: ARG001
    if value:
        from importlib.metadata import version

        click.echo(f"luisy {version('luisy-core')}")
        ctx.exit()
