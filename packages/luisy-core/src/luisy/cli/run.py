"""`luisy [run] --module M Task`: bring a task up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from luisy.cli.options import apply_settings, task_options


@click.command(
    "run",
    short_help="Bring a task and what it requires up to date (the default).",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True},
)
@task_options
@click.option("--upload", is_flag=True, help="Send to the store what it does not have.")
@click.option("--no-ask", is_flag=True, help="Do not ask before something is done.")
@click.option("--dry-run", is_flag=True, help="Show the plan and end.")
@click.option("--quiet", is_flag=True, help="Show only what went wrong.")
@click.option("--verbose", is_flag=True, help="Name also what is kept, and every task that ends.")
@click.pass_context
def run(ctx: click.Context, arguments: Sequence[str], **given: Any) -> int:
    """Bring a task and what it requires up to date."""
    if given["wants_help"]:
        return _help(ctx, arguments, given)
    from luisy.cli.arguments import root_task, task_class
    from luisy.cli.luigi_settings import log_of_luigi, uses_local_scheduler
    from luisy.run import Wishes
    from luisy.run import run as carry_out
    from luisy.terminal import Terminal, write_failure
    from luisy.work import Settings

    apply_settings(given)
    line = _luigi_line(arguments, given)
    if any(given[wish] for wish in ("download", "upload")):
        parameters = dict(task_class(line).get_params())
        line += [f"--{wish}" for wish in ("download", "upload") if given[wish] and wish in parameters]
    with root_task(line) as root:
        settings = Settings.of(root)
        show = Terminal(is_quiet=given["quiet"], is_verbose=given["verbose"])
        wishes = Wishes(
            ask=not given["no_ask"],
            dry_run=given["dry_run"],
            local_scheduler=uses_local_scheduler(),
            failed=write_failure,
        )
        with log_of_luigi(settings.workspace, root):
            outcome = carry_out(root, settings, show, wishes)
    return 0 if outcome.succeeded else 1


def _luigi_line(arguments: Sequence[str], given: dict[str, Any]) -> list[str]:
    module = ["--module", given["module"]] if given["module"] else []
    return [*arguments, *module]


def _help(ctx: click.Context, arguments: Sequence[str], given: dict[str, Any]) -> int:
    if not arguments:
        click.echo((ctx.parent or ctx).get_help())
        return 0
    from luisy.cli.arguments import task_class
    from luisy.cli.luigi_settings import write_parameters

    write_parameters(task_class(_luigi_line(arguments, given)))
    return 0
