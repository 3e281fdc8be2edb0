"""Write a drawing to the file, or in the format, that a person asks for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.os_errors import translated

from luisy.graph import WRITERS, Vertex, png

_ENDINGS = {".mmd": "mermaid", ".mermaid": "mermaid", ".dot": "dot", ".gv": "dot", ".svg": "svg"}


def write_graph(drawn: Sequence[Vertex], output: str | None, *, text_format: str | None) -> None:
    """Write a drawing.

    Args:
        drawn: The drawing.
        output: The file; without one the text goes to stdout.
        text_format: The format; by default that of the file's ending, or Mermaid.

    Raises:
        ConfigurationError: If the ending of the file tells no format.
    """
    path = Path(output) if output else None
    if path and path.suffix == ".png" and not text_format:
        with translated(f"write {path}"):
            png(drawn, path)
        return
    chosen = text_format or (_ENDINGS.get(path.suffix) if path else "mermaid")
    if chosen is None:
        raise ConfigurationError(
            f"{output}: the ending tells no format; .mmd, .dot, .svg and .png do, and --format"
        )
    text = WRITERS[chosen](drawn)
    if path:
        with translated(f"write {path}"):
            path.write_text(text, "utf-8")
    else:
        click.echo(text, nl=False)
