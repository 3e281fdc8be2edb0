"""`luisy restore` and `luisy clean`: put back what was set aside, remove what nobody claims."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.terminal import files_text, size_text

from luisy.cli.looking import write_json
from luisy.cli.options import apply_settings

if TYPE_CHECKING:
    from luisy.cleaning import Unclaimed
    from luisy.workspace import Workspace

_working_dir = click.option(
    "--working-dir", metavar="DIR", help="Where outputs are.  [env: WORKING_DIR]"
)
_as_json = click.option("--json", "as_json", is_flag=True, help="Write JSON, for scripts.")


@click.command("restore", short_help="Put back what a run that was killed had set aside.")
@_working_dir
@_as_json
def restore(**given: Any) -> None:
    """Put back the outputs that a run had set aside when it was killed.

    What has been made anew since stays. A run that fails, or is interrupted, does this by itself.
    """
    from luisy.aside import leftovers, outdated, recover
    from luisy.run_lock import alone
    from luisy.terminal import Terminal

    apply_settings(given)
    workspace = _workspace()
    projects = [path.parent.parent.name for path in workspace.folder.glob("*/.luisy/aside")]
    with alone(workspace, projects, waiting=Terminal().warn):
        restored = [key for project in projects for key in recover(workspace, project)]
        lefts = [left for project in projects for left in leftovers(workspace, project)]
    if given["as_json"]:
        write_json({"restored": restored})
        return
    for key in restored:
        click.echo(f"restored {key}")
    unclear = sorted({key for left in lefts for key in left.keys})
    for key in unclear:
        click.echo(
            f"left {key} as it is: neither it nor {outdated(workspace, key)}, which was set aside, "
            "is what luisy recorded; move the one you want there"
        )
    if not restored and not unclear:
        click.echo("Nothing to restore: nothing lies aside.")


@click.command("clean", short_help="Remove outputs that no task claims any more.")
@click.option("--module", metavar="MODULE", required=True, help="The module of the tasks.")
@_working_dir
@click.option("--no-ask", is_flag=True, help="Do not ask before outputs are removed.")
@click.option("--dry-run", is_flag=True, help="Show what would be removed and end.")
@_as_json
def clean(**given: Any) -> int:
    """Remove the outputs that luisy has made and that no task of a module's project claims.

    What has no record, and what a person made, is left alone.
    """
    from luisy.cleaning import remove, unclaimed
    from luisy.cli.arguments import project_classes
    from luisy.run_lock import alone
    from luisy.terminal import Terminal

    apply_settings(given)
    workspace, show = _workspace(), Terminal()
    by_project = project_classes(given["module"])
    found = [
        output
        for project, classes in by_project.items()
        for output in unclaimed(workspace, project, classes)
    ]
    if given["as_json"]:
        write_json({"unclaimed": [{"key": one.key, "size": one.size} for one in found]})
    else:
        _write_unclaimed(found)
    if not found or given["dry_run"]:
        return 0
    if not given["no_ask"] and not show.approve():
        return 1
    with alone(workspace, by_project, waiting=show.warn):
        remove(workspace, found)
    if not given["as_json"]:
        click.echo(f"removed {files_text(len(found))}, {size_text(sum(one.size for one in found))}")
    return 0


def _workspace() -> Workspace:
    """Return the working directory, which must be there: here nothing is made in it."""
    from luisy.config import Config
    from luisy.workspace import Workspace

    workspace = Workspace(Path(Config().working_dir))
    if not workspace.folder.is_dir():
        raise ConfigurationError(f"there is no working directory {workspace.folder}")
    return workspace


def _write_unclaimed(found: Sequence[Unclaimed]) -> None:
    for one in found:
        click.echo(f"{one.key}  {size_text(one.size)}")
    if not found:
        click.echo("Nothing to clean: tasks claim everything that luisy has made.")
