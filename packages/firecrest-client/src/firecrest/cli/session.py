"""The options that all commands share, and the client that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from firecrest import __version__
from firecrest.settings import Settings

if TYPE_CHECKING:
    from firecrest.blocking import Firecrest

_MACHINE = "The name of the machine."
System = Annotated[
    str,
    typer.Option("-s", "--system", envvar="FIRECREST_SYSTEM", metavar="MACHINE", help=_MACHINE),
]
OptionalSystem = Annotated[
    str | None,
    typer.Option("-s", "--system", envvar="FIRECREST_SYSTEM", metavar="MACHINE", help=_MACHINE),
]
Json = Annotated[bool, typer.Option("--json", "--raw", help="Print JSON instead of a table.")]


@dataclass(slots=True)
class Session:
    """What the options before the command say.

    Attributes:
        settings: Where the server is and how to log in.
        api_version: The version of the server, if the user told it.
        timeout: Seconds to wait for the server.
        auth_timeout: Seconds to wait for the authorization server.
    """

    settings: Settings
    api_version: str | None = None
    timeout: float | None = None
    auth_timeout: float | None = None
    _client: Firecrest | None = field(default=None, repr=False)

    @property
    def client(self) -> Firecrest:
        """The client, made when it is first needed."""
        if self._client is None:
            self._client = self.settings.client(auth_timeout=self.auth_timeout)
            if self.timeout is not None:
                self._client.timeout = self.timeout
            if self.api_version:
                self._client.set_api_version(self.api_version)
        return self._client


def client_of(ctx: typer.Context) -> Firecrest:
    """Return the client for a command."""
    session: Session = ctx.obj
    return session.client


def version_callback(value: bool | None) -> None:
    """Show the version and stop."""
    if value:
        typer.echo(f"FirecREST CLI Version: {__version__}")
        raise typer.Exit


def config_callback(ctx: typer.Context, value: str | None) -> str | None:
    """Read defaults from a YAML file.

    What stands at its top level holds for all commands; what stands below the name of a command,
    for that one and those below it.
    """
    if value:
        ctx.default_map = {**(ctx.default_map or {}), **_defaults(ctx.command, _read(Path(value)))}
    return value


# Any: the file holds options of all types, and the class of a group has no public name.
def _defaults(command: Any, section: object, above: Mapping[str, Any] | None = None) -> Any:
    """Return the options of a command, and below their names those of the commands below it."""
    found = section if isinstance(section, dict) else {}
    options = {str(k).replace("-", "_"): v for k, v in found.items() if not isinstance(v, dict)}
    options = {**(above or {}), **options}
    commands = getattr(command, "commands", {})
    return options | {
        name: _defaults(commands[name], found.get(name), options) for name in commands
    }


def _read(path: Path) -> dict[str, Any]:
    import yaml

    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise typer.BadParameter(f"{path} cannot be read: {reason}") from error
    if not isinstance(found, dict | None):
        raise typer.BadParameter(f"{path} holds no options, such as  system: cluster")
    return found or {}
