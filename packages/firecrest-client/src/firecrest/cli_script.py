"""The entry point of the command, which says what to install when something is missing."""

from __future__ import annotations

import os
import sys


def main() -> None:
    """Run the command `firecrest`."""
    version = os.environ.get("FIRECREST_API_VERSION", "")
    if version.startswith("2"):
        sys.exit(
            "firecrest: this command speaks FirecREST v1 only, and FIRECREST_API_VERSION is "
            f"{version}; for a v2 server use pyfirecrest 3"
        )
    try:
        from firecrest.cli import app
    except ModuleNotFoundError as error:
        if error.name not in ("typer", "rich", "yaml"):
            raise
        sys.exit(f"firecrest: {error.name} is missing: pip install 'firecrest-client[cli]'")
    app(prog_name="firecrest")
