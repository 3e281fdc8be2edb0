"""The command `firecrest`: parse, call, print.

Exit codes: 0 done, 1 failed (one line on stderr says why), 2 misused.
"""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

import logging
from typing import Annotated, Any

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
    rich_markup_mode="markdown",
    pretty_exceptions_show_locals=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

site.add_to(app)
files.add_to(app)
transfers.add_to(app)
compute.add_to(app)
app.add_typer(jobs_on_files.app, name="submit-template", rich_help_panel="Compute commands")

app.command(rich_help_panel="Offline work")(emulator)


# Any: typer describes an option by an object of no public type.
def _login(variable: str, metavar: str, text: str) -> Any:
    return typer.Option(envvar=variable, metavar=metavar, help=text, rich_help_panel="Server")


@app.callback()
def main(
    ctx: typer.Context,
    firecrest_url: Annotated[
        str | None,
        _login("FIRECREST_URL", "URL", "The URL of the FirecREST server."),
    ] = None,
    client_id: Annotated[
        str | None,
        _login("FIRECREST_CLIENT_ID", "ID", "The OIDC client."),
    ] = None,
    client_secret: Annotated[
        str | None,
        _login("FIRECREST_CLIENT_SECRET", "SECRET", "Its secret; better in the variable."),
    ] = None,
    token_url: Annotated[
        str | None,
        _login("AUTH_TOKEN_URL", "URL", "The token endpoint of the OIDC server."),
    ] = None,
    token_command: Annotated[
        str | None,
        _login(
            "FIRECREST_TOKEN_COMMAND",
            "COMMAND",
            "A command that prints an access token, instead of client, secret and token URL.",
        ),
    ] = None,
    api_version: Annotated[
        str | None,
        _login(
            "FIRECREST_API_VERSION",
            "VERSION",
            "The version of the server, such as 1.16.0; by default the server is asked.",
        ),
    ] = None,
    timeout: Annotated[
        float | None,
        typer.Option(
            min=0.001, metavar="SECONDS", help="How long to wait for the FirecREST server."
        ),
    ] = None,
    auth_timeout: Annotated[
        float | None,
        typer.Option(min=0.001, metavar="SECONDS", help="How long to wait for the OIDC server."),
    ] = None,
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Tell about retries and the like.")
    ] = False,
    debug: Annotated[
        bool, typer.Option(help="Tell about every request.", show_default=False)
    ] = False,
    config: Annotated[  # noqa: ARG001 - its callback has read it
        str | None,
        typer.Option(
            envvar="FIRECREST_CONFIG",
            metavar="FILE",
            callback=config_callback,
            is_eager=True,
            help="A YAML file with defaults: options of all commands, or below a command's name.",
        ),
    ] = None,
    version: Annotated[  # noqa: ARG001 - its callback has shown it
        bool | None,
        typer.Option(
            "--version", callback=version_callback, is_eager=True, help="Show the version."
        ),
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
