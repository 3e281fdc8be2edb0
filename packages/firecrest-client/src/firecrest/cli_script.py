"""The entry point of the command, which says what to install when something is missing."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from luisy_protocol.errors import MissingPackage
from luisy_protocol.stdout import full_stdout

if TYPE_CHECKING:
    import typer


def load_command(words: Sequence[str]) -> typer.Typer:
    """Return the command.

    Args:
        words: What it will be called with, which decides what has to be there.

    Raises:
        MissingPackage: If something is not; the message names all that has to be installed.
    """
    try:
        from firecrest.cli import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "yaml"):
            raise
        command = next((word for word in words if not word.startswith("-")), "")
        extra = "emulator" if command == "emulator" else "cli"
        raise MissingPackage(
            f"{error.name} is missing: pip install 'firecrest-client[{extra}]'"
        ) from error
    return app


def main() -> None:
    """Run the command `firecrest`."""
    version = os.environ.get("FIRECREST_API_VERSION", "")
    if version.startswith("2"):
        sys.stderr.write(
            "firecrest: this command speaks FirecREST v1 only, and FIRECREST_API_VERSION is "
            f"{version}; for a v2 server use pyfirecrest 3\n"
        )
        sys.exit(2)
    try:
        app = load_command(sys.argv[1:])
    except MissingPackage as error:
        sys.exit(f"firecrest: {error}")
    try:
        app(prog_name="firecrest")
    except OSError as error:
        if told := full_stdout(error):
            sys.exit(f"firecrest: {told}")
        raise
