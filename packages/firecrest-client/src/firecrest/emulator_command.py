"""``firecrest emulator``: serve an emulated site until Ctrl-C, or until it is terminated."""

from __future__ import annotations

import secrets
import signal
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from luisy_protocol import LuisyError

if TYPE_CHECKING:
    from firecrest.emulator import Fault


def emulator(  # noqa: PLR0917 - typer makes options of the parameters
    folder: Annotated[
        Path | None,
        typer.Option(
            metavar="FOLDER",
            help="Where the machines' files are kept; a temporary folder if not given.",
        ),
    ] = None,
    port: Annotated[
        int,
        typer.Option(
            min=0, max=65535, metavar="PORT", help="The loopback port; 0 takes a free one."
        ),
    ] = 8000,
    user: Annotated[
        str, typer.Option(metavar="NAME", help="The user that the client is.")
    ] = "f7tuser",
    slurm: Annotated[
        bool | None,
        typer.Option(help="Run jobs through Slurm; by default if sbatch is on this computer."),
    ] = None,
    size_limit: Annotated[
        float, typer.Option(min=0, metavar="MB", help="The largest file for direct transfers.")
    ] = 5.0,
    fault: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FAULT",
            help="KIND[:PATH[:TIMES]], for instance 503:/utilities/ls:2. "
            "Kinds: 429 503 cut timeout expired 115 118.",
        ),
    ] = None,
) -> None:
    """Serve a FirecREST v1 site on this computer, for offline work and tests.

    It listens on the loopback address only, and it is no security boundary: whoever reaches the
    port and knows the secret runs scripts as you.
    """
    from firecrest.emulator import Emulator, Settings

    faults = [_fault(text) for text in fault or ()]
    # As Ctrl-C does it: the jobs end, and a temporary folder goes.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with ExitStack() as stack:
        root = folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        try:
            root.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise LuisyError(f"cannot make the folder {root}: {error.strerror}") from error
        settings = Settings(
            root=root,
            clients={"firecrest-emulator": user},
            # On a computer with other users a secret that all know would let them in.
            secret=secrets.token_urlsafe(16),
            size_limit=int(size_limit * 2**20),
            slurm=slurm,
        )
        try:
            server = stack.enter_context(Emulator(settings, port=port))
        except OSError as error:
            raise LuisyError(f"cannot listen on port {port}: {error.strerror}") from error
        for each in faults:
            server.faults.add(each)
        _tell(server.url, server.token_url, server.client_id, server.client_secret, root)
        try:
            server.wait()
        except KeyboardInterrupt:
            typer.echo("\nstopped", err=True)


def _fault(text: str) -> Fault:
    from firecrest.emulator import Fault

    kind, _, rest = text.partition(":")
    path, _, times = rest.partition(":")
    if not (times or "1").isdecimal():
        raise typer.BadParameter(f"{text!r} is not KIND[:PATH[:TIMES]]: {times!r} is no number")
    try:
        # It checks the kind by itself.
        return Fault(kind, path, int(times or 1))  # type: ignore[arg-type]
    except ValueError as error:
        raise typer.BadParameter(str(error)) from error


def _tell(url: str, token_url: str, client: str, secret: str, root: Path) -> None:
    typer.echo(
        "FirecREST v1 emulator. NOT a security boundary: whoever reaches this port and knows the "
        "secret runs scripts as you.",
        err=True,
    )
    typer.echo(f"Files: {root}/machines/<machine>/home/<user>", err=True)
    typer.echo("In another shell:", err=True)
    typer.echo(f"export FIRECREST_URL={url}")
    typer.echo(f"export AUTH_TOKEN_URL={token_url}")
    typer.echo(f"export FIRECREST_CLIENT_ID={client}")
    typer.echo(f"export FIRECREST_CLIENT_SECRET={secret}")
    typer.echo("export FIRECREST_SYSTEM=cluster FIRECREST_API_VERSION=1.16.0")
