"""`luisy [run] --module M Task`: bring a task up to date."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from luisy.cli.options import TaskCommand, apply_settings, luigi_line, task_options


@click.command(
    "run",
    cls=TaskCommand,
    short_help="Bring a task and what it requires up to date (the default).",
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
def run(arguments: Sequence[str], **given: Any) -> int:
    """Bring a task and what it requires up to date."""
    from luisy import collector
    from luisy.cli.arguments import root_task
    from luisy.cli.luigi_settings import return_code, return_codes, uses_local_scheduler
    from luisy.luigi_log import log_of_luigi
    from luisy.run import Wishes, update_hashes
    from luisy.run import run as carry_out
    from luisy.terminal import Terminal, write_failure
    from luisy.work import Settings

    apply_settings(given)
    with root_task(luigi_line(arguments, given)) as root, return_codes():
        settings = Settings.of(root)
        show = Terminal(is_quiet=given["quiet"], is_verbose=given["verbose"])
        wishes = Wishes(
            ask=not given["no_ask"],
            dry_run=given["dry_run"],
            local_scheduler=uses_local_scheduler(),
            begins=collector.work,
            failed=write_failure,
        )
        if given["hash_update_mode"]:
            return 1 if update_hashes(root, settings, show, wishes) is None else 0
        with log_of_luigi(settings.workspace, root, warn=show.warn) as log:
            outcome = carry_out(root, settings, show, wishes, log=log)
        return return_code(outcome)
