"""``luisy firecrest``: hands its words on to the command `firecrest`.

Not the same object, because typer has its own copy of click, and luisy mounts commands of the
original.
"""

from __future__ import annotations

import click
from luisy_protocol.errors import MissingPackage


@click.command(
    "firecrest",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    help="Work with a supercomputer through FirecREST.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> None:
    """Run the command `firecrest` with these words."""
    from firecrest.cli_script import load_command

    try:
        app = load_command(words)
    except MissingPackage as error:
        raise click.ClickException(str(error)) from error
    app(list(words), prog_name="luisy firecrest")
