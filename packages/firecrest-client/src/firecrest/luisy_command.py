"""``luisy firecrest``: hands its words on to the command `firecrest`.

Not the same object, because typer has its own copy of click, and luisy mounts commands of the
original.
"""

from __future__ import annotations

import click


@click.command(
    "firecrest",
    add_help_option=False,
    context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False},
    help="Work with a supercomputer through FirecREST.",
)
@click.argument("words", nargs=-1, type=click.UNPROCESSED)
def command(words: tuple[str, ...]) -> None:
    """Run the command `firecrest` with these words."""
    try:
        from firecrest.cli import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "yaml"):
            raise
        raise click.ClickException(
            f"{error.name} is missing: pip install 'firecrest-client[cli]'"
        ) from error
    app(list(words), prog_name="luisy firecrest")
