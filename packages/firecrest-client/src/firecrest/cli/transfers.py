"""The commands that move files between this computer and a machine."""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

from enum import StrEnum
from pathlib import Path, PurePosixPath
from typing import Annotated

import typer
from luisy_protocol.errors import LuisyError

from firecrest.cli.bar import Bar
from firecrest.cli.session import System, client_of
from firecrest.multipart import size_of
from firecrest.sink import check_target
from firecrest.types import Task

PANEL = "Storage commands"


class TransferType(StrEnum):
    """Which way a file goes."""

    auto = "auto"
    direct = "direct"
    external = "external"


Kind = Annotated[
    TransferType,
    typer.Option(
        "--type",
        metavar="WAY",
        help="direct: in one request, small files only; external: through the staging area; "
        "auto: direct, and external if it is too large for that.",
    ),
]
Timeout = Annotated[
    float | None,
    typer.Option(
        "--wait-timeout", metavar="SECONDS", help="How long to wait for the staging area."
    ),
]


def download(
    ctx: typer.Context,
    source: Annotated[str, typer.Argument(help="The absolute path on the machine.")],
    system: System,
    destination: Annotated[
        Path | None,
        typer.Argument(help="The local path; by default the same name, in this directory."),
    ] = None,
    kind: Kind = TransferType.auto,
    wait_timeout: Timeout = None,
) -> None:
    """Download a file."""
    client = client_of(ctx)
    name = PurePosixPath(source).name
    target = destination or Path(name)
    target = target / name if target.is_dir() else target
    check_target(target)
    size = client.stat(system, source, dereference=True)["size"]
    with Bar(f"download {source}", size) as bar:
        if kind is TransferType.auto:
            client.download(
                system,
                source,
                target,
                advance=bar.advance,
                timeout=wait_timeout,
                progress=_tell,
            )
        elif kind is TransferType.direct:
            client.simple_download(system, source, target, advance=bar.advance)
        else:
            transfer = client.external_download(system, source)
            transfer.wait(wait_timeout, progress=_tell)
            transfer.finish_download(target, keep_part=False, advance=bar.advance)
            try:
                transfer.invalidate_object_storage_link()
            except LuisyError as error:
                typer.echo(f"firecrest: {error}; the file is there", err=True)


def upload(
    ctx: typer.Context,
    source: Annotated[Path, typer.Argument(help="The local path.")],
    destination_directory: Annotated[
        str, typer.Argument(help="The absolute path of the directory on the machine.")
    ],
    system: System,
    filename: Annotated[
        str | None, typer.Argument(help="The name to give it there; by default the same.")
    ] = None,
    kind: Kind = TransferType.auto,
    wait_timeout: Timeout = None,
) -> None:
    """Upload a file."""
    client = client_of(ctx)
    with Bar(f"upload {source}", size_of(source)) as bar:
        if kind is TransferType.auto:
            client.upload(
                system,
                source,
                destination_directory,
                filename,
                advance=bar.advance,
                timeout=wait_timeout,
                progress=_tell,
            )
        elif kind is TransferType.direct:
            client.simple_upload(
                system, source, destination_directory, filename, advance=bar.advance
            )
        else:
            # The server goes by the last part of the path that it is told.
            told = source.with_name(filename) if filename else source
            transfer = client.external_upload(system, told, destination_directory)
            transfer.finish_upload(source, advance=bar.advance, timeout=wait_timeout)
            transfer.wait(wait_timeout, progress=_tell)


def _tell(task: Task) -> None:
    typer.echo(f"{task['task_id']}: {task['status']} {task['description']}", err=True)


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    app.command(rich_help_panel=PANEL)(download)
    app.command(rich_help_panel=PANEL)(upload)
