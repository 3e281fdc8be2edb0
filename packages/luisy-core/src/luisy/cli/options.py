"""The options that the commands share, and what they do to the settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping
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
        click.option(
            "--help", "-h", "wants_help", is_flag=True, help="Show this, or a task's parameters."
        ),
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
