"""The command `firecrest`: parse, call, print.

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 misused.
"""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

import logging
from typing import Annotated

import typer

from firecrest.cli import compute, files, jobs_on_files, site, transfers
from firecrest.cli.group import ErrorsToText
from firecrest.cli.session import Session, config_callback, version_callback
from firecrest.emulator_command import emulator
from firecrest.settings import Settings

app = typer.Typer(
    name="firecrest",
    cls=ErrorsToText,
    no_args_is_help=True,
    rich_markup_mode="rich",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

site.add_to(app)
files.add_to(app)
transfers.add_to(app)
compute.add_to(app)
app.add_typer(jobs_on_files.app, name="submit-template", rich_help_panel="Compute commands")

app.command(rich_help_panel="Offline work")(emulator)


@app.callback()
def main(
    ctx: typer.Context,
    firecrest_url: Annotated[
        str | None, typer.Option(envvar="FIRECREST_URL", help="The URL of the FirecREST server.")
    ] = None,
    client_id: Annotated[
        str | None, typer.Option(envvar="FIRECREST_CLIENT_ID", help="The OIDC client.")
    ] = None,
    client_secret: Annotated[
        str | None,
        typer.Option(envvar="FIRECREST_CLIENT_SECRET", help="Its secret; better in the variable."),
    ] = None,
    token_url: Annotated[
        str | None,
        typer.Option(envvar="AUTH_TOKEN_URL", help="The token endpoint of the OIDC server."),
    ] = None,
    token_command: Annotated[
        str | None,
        typer.Option(
            envvar="FIRECREST_TOKEN_COMMAND",
            help="A command that prints an access token, instead of client, secret and token URL.",
        ),
    ] = None,
    api_version: Annotated[
        str | None,
        typer.Option(
            envvar="FIRECREST_API_VERSION",
            help="The version of the server, such as 1.16.0; by default the server is asked.",
        ),
    ] = None,
    timeout: Annotated[
        float | None, typer.Option(help="How many seconds to wait for the FirecREST server.")
    ] = None,
    auth_timeout: Annotated[
        float | None, typer.Option(help="How many seconds to wait for the OIDC server.")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell about retries and the like.")
    ] = False,
    debug: Annotated[bool, typer.Option(help="Tell about every request.")] = False,
    config: Annotated[  # noqa: ARG001 - its callback has read it
        str | None,
        typer.Option(
            envvar="FIRECREST_CONFIG",
            callback=config_callback,
            is_eager=True,
            help="A YAML file with defaults: options of all commands, or below a command's name.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback has shown it
        bool | None,
        typer.Option("--version", callback=version_callback, is_eager=True, help="Show it."),
    ] = None,
) -> None:
    """Work with a supercomputer through FirecREST.

    Set FIRECREST_URL, and either FIRECREST_TOKEN_COMMAND or all of FIRECREST_CLIENT_ID,
    FIRECREST_CLIENT_SECRET and AUTH_TOKEN_URL. Set FIRECREST_SYSTEM to leave out --system.
    """
    level = logging.DEBUG if debug else logging.INFO if verbose else logging.WARNING
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    logging.getLogger("firecrest").setLevel(level)
    ctx.obj = Session(
        Settings(
            url=firecrest_url,
            client_id=client_id,
            client_secret=client_secret,
            token_url=token_url,
            token_command=token_command,
        ),
        api_version=api_version,
        timeout=timeout,
        auth_timeout=auth_timeout,
    )
