"""`luisy remote`: look at the team's store, check it, and clean it up.

Exit codes: 0 done, 1 something failed or is damaged, 2 misused.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, TypeVar

import click

_Function = TypeVar("_Function", bound=Callable[..., Any])
_TASK = {"ignore_unknown_options": True}


def _store_options(function: _Function) -> _Function:
    option = click.option(
        "--remote", "url", metavar="URL", help="The store of the team.  [env: LUISY_REMOTE]"
    )
    return option(function)


def _task_options(function: _Function) -> _Function:
    for decorate in (
        click.argument("arguments", nargs=-1, type=click.UNPROCESSED, metavar="[TASK] [FLAGS]"),
        click.option("--working-dir", metavar="DIR", help="Where outputs are.  [env: WORKING_DIR]"),
        click.option("--module", metavar="MODULE", help="The module of the task."),
    ):
        function = decorate(function)
    return _store_options(function)


@click.group("remote", short_help="Look at the team's store, check it, clean it up.")
def remote() -> None:
    """Look at the team's store, check it, and clean it up."""


@remote.command(
    short_help="Tell what the store holds for a task's pipeline.", context_settings=_TASK
)
@_task_options
def status(arguments: Sequence[str], url: str | None, module: str | None, working_dir: str) -> None:
    """Tell what the store holds for the pipeline of a task, and who would download it."""
    from luisy_cloud.remote_state import remote_states
    from luisy_cloud.remote_text import write_states

    with _root(arguments, module, working_dir) as root:
        with _opened(url):
            pass  # what is wrong with the store, or missing, comes before the code is hashed
        write_states(remote_states(root, _url(url), _working_dir()))


@remote.command("ls", short_help="List the outputs in the store.")
@click.argument("prefix", default="")
@click.option("--long", "is_long", is_flag=True, help="Show also who made an output, and when.")
@_store_options
def list_outputs(prefix: str, url: str | None, *, is_long: bool) -> None:
    """List the outputs in the store whose key begins with PREFIX."""
    from luisy_cloud.inventory import take_whole_inventory
    from luisy_cloud.remote_text import write_outputs

    with _opened(url) as store:
        inventory = take_whole_inventory(store)
    _warn(inventory.warnings)
    outputs = inventory.outputs()
    write_outputs(
        [outputs[key] for key in sorted(outputs) if key.startswith(prefix)], is_long=is_long
    )


@remote.command(short_help="Read the outputs in the store and check their digests.")
@click.argument("prefix", default="")
@click.option("--forget", is_flag=True, help="Forget the records of what is damaged.")
@_store_options
def verify(prefix: str, url: str | None, *, forget: bool) -> int:
    """Read every recorded output whose key begins with PREFIX, and check its digest.

    What is damaged is never used: whoever downloads it makes it anew. With --forget its record is
    removed, so that the next upload replaces it.
    """
    from luisy_protocol.store_records import StoreRecords
    from luisy_protocol.terminal import terminal_progress

    from luisy_cloud.inventory import project_of, take_whole_inventory
    from luisy_cloud.synchroniser import WORKERS
    from luisy_cloud.verification import is_damage
    from luisy_cloud.verification import verify as check

    with _opened(url) as store:
        inventory = take_whole_inventory(store)
        _warn(inventory.warnings)
        records = [record for key, record in inventory.records.items() if key.startswith(prefix)]
        failures = check(store, inventory, records, progress=terminal_progress(), workers=WORKERS)
        for key, error in sorted(failures.items()):
            click.echo(f"{'damaged' if is_damage(error) else 'not read'}: {key}: {error}")
        damaged = [record for record in records if is_damage(failures.get(record.key))]
        for project in {project_of(record.key) for record in damaged if forget}:
            own = [record for record in damaged if project_of(record.key) == project]
            StoreRecords(store, project).forget(own)
    good = len(records) - len(failures)
    click.echo(f"{good} of {len(records)} outputs are as recorded")
    return 1 if failures else 0


@remote.command(
    short_help="Remove what no record or no current task claims.", context_settings=_TASK
)
@click.option("--dry-run", is_flag=True, help="Show what would be removed, and end.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--raw", "include_raw", is_flag=True, help="Consider raw files, too.")
@click.option("--prefix", default="", help="Consider only keys that begin so.")
@click.option(
    "--older-than",
    type=click.FloatRange(min=0),
    default=24.0,
    show_default=True,
    help="Leave alone what is younger than so many hours: it may just be on its way.",
)
@_task_options
def gc(
    *,
    arguments: Sequence[str],
    url: str | None,
    module: str | None,
    working_dir: str,
    prefix: str,
    older_than: float,
    dry_run: bool,
    yes: bool,
    include_raw: bool,
) -> int:
    """Remove from the store what no record claims.

    With a TASK (and --module), also recorded outputs of its projects that neither it nor what it
    requires makes. Outputs of other pipelines in these projects are among them: look at the list.
    """
    from luisy_cloud.garbage import Garbage, find_garbage, remove_garbage
    from luisy_cloud.inventory import project_of, take_whole_inventory
    from luisy_cloud.remote_text import write_garbage

    claimed = _claimed(arguments, module, working_dir)
    projects = None if claimed is None else {project_of(key) for key in claimed}

    def look(store: Any) -> list[Garbage]:
        inventory = take_whole_inventory(store)
        _warn(inventory.warnings)
        found = find_garbage(
            inventory,
            claimed=claimed,
            include_raw=include_raw,
            min_age=timedelta(hours=older_than),
        )
        return [
            garbage
            for garbage in found
            if garbage.key.startswith(prefix)
            and (projects is None or project_of(garbage.key) in projects)
        ]

    with _opened(url) as store:
        found = look(store)
        write_garbage(found)
        if not found or dry_run:
            return 0
        if not _is_approved("Remove them?", yes=yes):
            click.echo("Nothing was removed.")
            return 0
        # Whatever somebody has replaced or recorded while the question was open stays.
        unchanged = [garbage for garbage in look(store) if garbage in found]
        removed = sum(1 for _ in remove_garbage(store, unchanged))
    click.echo(f"removed {removed}")
    return 0


@remote.command(short_help="Make the store's container or folder.")
@_store_options
def create(url: str | None) -> None:
    """Make the container that the store is in, if it is not there."""
    from luisy_protocol.errors import NotSupported

    with _opened(url, is_container_offered=False) as store:
        make = getattr(store, "create_container", None)
        if make is None:
            raise NotSupported(f"{store.url} has no container that could be made")
        make()
        click.echo(f"{store.url} is ready")


@contextmanager
def _opened(url: str | None, *, is_container_offered: bool = True) -> Iterator[Any]:
    """Open the configured store; offer to make its container if it is missing."""
    from luisy_protocol.registry import open_store

    from luisy_cloud.errors import MissingContainer

    store = open_store(_url(url))
    try:
        if is_container_offered and hasattr(store, "create_container"):
            try:
                next(store.list(".luisy"), None)
            except MissingContainer as error:
                if not sys.stdin.isatty() or not _is_confirmed(f"{error}. Make it now?"):
                    raise
                store.create_container()
        yield store
    finally:
        store.close()


def _url(given: str | None) -> str:
    from luisy.config import Config
    from luisy_protocol.errors import ConfigurationError

    url = given or Config().remote
    if url is None:
        raise ConfigurationError(
            "no store is configured: give --remote URL, or set LUISY_REMOTE "
            "(az://container, or file:///shared/folder)"
        )
    return url


@contextmanager
def _root(arguments: Sequence[str], module: str | None, working_dir: str | None) -> Iterator[Any]:
    from luisy.cli.arguments import root_task
    from luisy.cli.options import apply_settings

    apply_settings({"working_dir": working_dir})
    with root_task([*arguments, *(["--module", module] if module else [])]) as root:
        yield root


def _claimed(
    arguments: Sequence[str], module: str | None, working_dir: str | None
) -> set[str] | None:
    if not arguments and not module:
        return None
    from luisy.pipeline import discover

    with _root(arguments, module, working_dir) as root:
        return {node.key for node in discover(root).nodes if node.key}


def _working_dir() -> Any:
    from pathlib import Path

    from luisy.config import Config

    return Path(Config().working_dir)


def _is_approved(question: str, *, yes: bool) -> bool:
    if yes:
        return True
    if not sys.stdin.isatty():
        raise click.UsageError("there is no terminal to ask on; give --yes, or --dry-run to look")
    return _is_confirmed(question)


def _is_confirmed(question: str) -> bool:
    try:
        return click.confirm(question)
    except click.Abort:  # Ctrl-C and Ctrl-D are a no
        click.echo()
        return False


def _warn(warnings: Sequence[str]) -> None:
    for warning in warnings:
        click.echo(f"warning: {warning}", err=True)
