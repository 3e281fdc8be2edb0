"""Where errors become text: on the command line a traceback is for our mistakes only."""

from __future__ import annotations

from typing import Any

import typer
from luisy_protocol.errors import ConfigurationError, LuisyError
from typer.core import TyperGroup

from firecrest.errors import FirecrestException


class ErrorsToText(TyperGroup):
    """A group that ends with one line and exit code 1 when a command fails, 2 if it was misused."""

    # The context's class is typer's own copy of click's, which has no public name.
    def invoke(self, ctx: Any) -> Any:
        """Run a command."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:  # whoever reads has enough, such as head: click ends quietly
            raise
        except (LuisyError, OSError) as error:
            text = str(error).strip()
            typer.echo(f"firecrest: Operation failed{': ' if text else ''}{text}", err=True)
            is_misuse = isinstance(error, ConfigurationError)
            raise typer.Exit(
                2 if is_misuse and not isinstance(error, FirecrestException) else 1
            ) from None
