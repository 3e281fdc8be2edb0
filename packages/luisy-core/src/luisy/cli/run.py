"""`luisy [run] --module M Task`: bring a task up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from luisy.cli.looking import helped, luigi_line
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
@click.option(
    "--hash-update-mode",
    is_flag=True,
    help="Run nothing: let the outputs that are there count as made by the present code.",
)
@click.option("--quiet", is_flag=True, help="Show only what went wrong.")
@click.option("--verbose", is_flag=True, help="Name also what is kept, and every task that ends.")
@click.pass_context
def run(ctx: click.Context, /, arguments: Sequence[str], **given: Any) -> int:
    """Bring a task and what it requires up to date."""
    if helped(ctx, arguments, given):
        return 0
    from luisy.cli.arguments import root_task
    from luisy.cli.luigi_settings import log_of_luigi, return_code, uses_local_scheduler
    from luisy.run import Wishes, update_hashes
    from luisy.run import run as carry_out
    from luisy.terminal import Terminal, write_failure
    from luisy.work import Settings

    apply_settings(given)
    with root_task(luigi_line(arguments, given)) as root:
        settings = Settings.of(root)
        show = Terminal(is_quiet=given["quiet"], is_verbose=given["verbose"])
        wishes = Wishes(
            ask=not given["no_ask"],
            dry_run=given["dry_run"],
            local_scheduler=uses_local_scheduler(),
            failed=write_failure,
        )
        if given["hash_update_mode"]:
            update_hashes(root, settings, show, wishes)
            return 0
        with log_of_luigi(settings.workspace, root) as log:
            outcome = carry_out(root, settings, show, wishes, log=log)
        return return_code(outcome)
