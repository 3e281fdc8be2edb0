"""How to reach a server, from the environment or from options.

| variable | |
|---|---|
| FIRECREST_URL | the URL of the server |
| FIRECREST_TOKEN_COMMAND | a command that prints an access token; or the next three |
| FIRECREST_CLIENT_ID | the OIDC client |
| FIRECREST_CLIENT_SECRET | its secret |
| AUTH_TOKEN_URL | the token endpoint of the OIDC server |
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from luisy_protocol.errors import ConfigurationError

from firecrest.auth import ClientCredentialsAuth, TokenCommandAuth

if TYPE_CHECKING:
    from firecrest.blocking import Firecrest

VARIABLES = {
    "url": "FIRECREST_URL",
    "client_id": "FIRECREST_CLIENT_ID",
    "client_secret": "FIRECREST_CLIENT_SECRET",
    "token_url": "AUTH_TOKEN_URL",
    "token_command": "FIRECREST_TOKEN_COMMAND",
}


@dataclass(frozen=True, slots=True)
class Settings:
    """Where the server is and how to log in.

    Attributes:
        url: The URL of the server.
        client_id: The OIDC client.
        client_secret: Its secret.
        token_url: The token endpoint of the OIDC server.
        token_command: A command that prints an access token, instead of the other three.
    """

    url: str | None = None
    client_id: str | None = None
    client_secret: str | None = field(default=None, repr=False)
    token_url: str | None = None
    token_command: str | None = field(default=None, repr=False)

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> Self:
        """Read the variables that the module names."""
        found = os.environ if environment is None else environment
        return cls(**{name: found.get(variable) for name, variable in VARIABLES.items()})

    def client(self, *, auth_timeout: float | None = None) -> Firecrest:
        """Return a client.

        Args:
            auth_timeout: Seconds to wait for the authorization server.

        Raises:
            ConfigurationError: If something is missing; the message names it.
        """
        from firecrest.blocking import Firecrest

        if not self.url:
            raise ConfigurationError("no server is given: set FIRECREST_URL (or --firecrest-url)")
        return Firecrest(self.url, self._authorization(auth_timeout))

    def _authorization(
        self, auth_timeout: float | None
    ) -> TokenCommandAuth | ClientCredentialsAuth:
        if self.token_command:
            return TokenCommandAuth(self.token_command)
        if not (self.client_id and self.client_secret and self.token_url):
            names = ("client_id", "client_secret", "token_url")
            missing = [VARIABLES[name] for name in names if not getattr(self, name)]
            raise ConfigurationError(
                f"there is no way to log in: set {', '.join(missing)} (or the options of these "
                "names), or FIRECREST_TOKEN_COMMAND"
            )
        auth = ClientCredentialsAuth(self.client_id, self.client_secret, self.token_url)
        if auth_timeout is not None:
            auth.timeout = auth_timeout
        return auth
