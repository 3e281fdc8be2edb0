"""What commands print: tables for people, JSON for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from rich.console import Console

# For a file or a pipe, which have no width; rich would take 80 columns and fold ids and paths.
UNBOUNDED = 1 << 16


def print_json(value: object) -> None:
    """Print a value as JSON."""
    typer.echo(json.dumps(value, indent=4, ensure_ascii=False))


def print_rows(
    rows: Sequence[Mapping[str, object]],
    columns: Mapping[str, str],
    *,
    title: str,
    as_json: bool = False,
    pager: bool = False,
) -> None:
    """Print rows as a table or as JSON.

    Args:
        rows: The rows.
        columns: The key of each column, by its heading.
        title: The line above the table.
        as_json: Print JSON instead, with all keys.
        pager: Show a long table page by page, on a terminal.
    """
    if as_json:
        print_json(list(rows))
        return
    from rich.table import Table
    from rich.text import Text

    if not rows:
        typer.echo(f"{title}: none")
        return
    table = Table()
    for heading in columns:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*(Text(_text(row.get(key, ""))) for key in columns.values()))
    console = _console()
    if (
        console.measure(table, options=console.options.update(width=UNBOUNDED)).maximum
        > console.width
    ):
        # As ps does: folded into narrow cells, ids and paths can neither be read nor copied.
        table.box, console.width = None, UNBOUNDED
    # A title that belongs to the table would be folded to the table's width.
    lines = Text(title, style="italic"), table
    if pager and console.is_terminal and len(rows) > console.height:
        with console.pager():
            console.print(*lines, sep="\n")
    else:
        console.print(*lines, sep="\n")


def _text(value: object) -> str:
    if isinstance(value, list):
        return ", ".join(map(_text, value))
    return json.dumps(value) if isinstance(value, dict) else str(value)


def _console() -> Console:
    from rich.console import Console

    return Console() if sys.stdout.isatty() else Console(width=UNBOUNDED)
