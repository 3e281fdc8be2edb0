"""Where access tokens come from. Anything with a method `get_access_token` will do as well."""

from __future__ import annotations

import logging
import subprocess
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from luisy_protocol.errors import AccessDenied, ConfigurationError

from firecrest.client import check_url, logger
from firecrest.errors import ClientsCredentialsException, ServerUnreachable, TokenServerBusy
from firecrest.token import claims_of
from firecrest.wire import cause_of, is_tls_refused

if TYPE_CHECKING:
    import requests

METHODS = ("client_secret_post", "client_secret_basic")
BUSY = frozenset({429, 500, 502, 503, 504})


class _Cached:
    """Keeps a token until shortly before it expires, and gets a new one once for all threads."""

    def __init__(self, min_token_validity: float) -> None:
        self._min_token_validity = min_token_validity
        self._lock = threading.Lock()
        self._kept: tuple[str, float] | None = None

    def cached_token(self) -> str | None:
        """Return the token at hand, or None if it is time for a new one."""
        kept = self._kept
        return kept[0] if kept is not None and time.monotonic() < kept[1] else None

    def get_access_token(self) -> str:
        """Return a token that is valid for a while."""
        token = self.cached_token()
        if token is not None:
            return token
        with self._lock:
            return self.cached_token() or self._renew()

    def _renew(self) -> str:
        asked = time.monotonic()
        token, lifetime = self._ask()
        self._kept = (token, asked + lifetime - self._min_token_validity)
        return token

    def _ask(self) -> tuple[str, float]:
        """Return a new token and how many seconds it is valid."""
        raise NotImplementedError


class ClientCredentialsAuth(_Cached):
    """Gets tokens with the credentials of a client (OIDC client credentials).

    Args:
        client_id: The client.
        client_secret: Its secret.
        token_uri: The token endpoint of the authorization server.
        min_token_validity: Get a new token when the old one is valid for fewer seconds than this.
        client_auth_method: Send the credentials in the form (``client_secret_post``) or as HTTP
            basic authentication (``client_secret_basic``).

    Attributes:
        timeout: Seconds to wait for the authorization server.
        disable_client_logging: Whether this object writes nothing to the log.
    """

    def __init__(
        self,
        client_id: str,
        client_secret: str,
        token_uri: str,
        min_token_validity: int = 10,
        client_auth_method: str = "client_secret_post",
    ) -> None:
        if client_auth_method not in METHODS:
            raise ConfigurationError(
                f"client_auth_method must be one of {', '.join(METHODS)}: {client_auth_method!r}"
            )
        check_url("the token URL", token_uri)
        super().__init__(min_token_validity)
        self._client_id = client_id
        self._client_secret = client_secret
        self._token_uri = token_uri
        self._method = client_auth_method
        self.timeout: float | tuple[float, float] | None = (10.0, 30.0)
        self.disable_client_logging = False

    def __repr__(self) -> str:
        return f"ClientCredentialsAuth({self._client_id!r}, ***, {self._token_uri!r})"

    def _ask(self) -> tuple[str, float]:
        response = self._post()
        if response.status_code >= 400:
            kind = TokenServerBusy if response.status_code in BUSY else ClientsCredentialsException
            raise kind([response], self._refused(response))
        try:
            answer = response.json()
            token, lifetime = answer["access_token"], float(answer.get("expires_in") or 0)
        except (ValueError, KeyError, TypeError) as error:
            raise ClientsCredentialsException(
                [response], f"{self._token_uri} answered without an access token"
            ) from error
        if not self.disable_client_logging:
            logger.log(logging.INFO, "got an access token, valid for %s s", lifetime)
        return token, lifetime

    def _post(self) -> requests.Response:
        import requests

        form = {"grant_type": "client_credentials"}
        auth: Callable[[requests.PreparedRequest], requests.PreparedRequest]
        if self._method == "client_secret_basic":
            auth = requests.auth.HTTPBasicAuth(self._client_id, self._client_secret)
        else:
            form |= {"client_id": self._client_id, "client_secret": self._client_secret}
            auth = _as_it_is
        try:
            return requests.post(self._token_uri, data=form, auth=auth, timeout=self.timeout)
        except requests.RequestException as error:
            failure = ServerUnreachable(f"no answer from {self._token_uri}: {cause_of(error)}")
            # What the token is for was not sent, so it may be tried again whatever it is.
            failure.was_sent, failure.is_permanent = False, is_tls_refused(error)
            raise failure from error

    def _refused(self, response: requests.Response) -> str:
        try:
            answer = response.json()
            said = answer.get("error_description") or answer.get("error") or ""
        except (ValueError, AttributeError):
            said = ""
        return (
            f"{self._token_uri} gave no access token to client {self._client_id!r} "
            f"(HTTP {response.status_code}){': ' if said else ''}{said}"
            f"{'' if response.status_code in BUSY else '; check its id and secret'}"
        )


def _as_it_is(request: requests.PreparedRequest) -> requests.PreparedRequest:
    """Add nothing: without any authentication requests takes a password from a .netrc."""
    return request


class TokenCommandAuth(_Cached):
    """Gets tokens from a command that prints one.

    A token that tells when it expires is kept until shortly before; any other is asked for anew
    before each request.

    Args:
        command: The command line, run by the shell.
        min_token_validity: Get a new token when the old one is valid for fewer seconds than this.
    """

    def __init__(self, command: str, *, min_token_validity: int = 10) -> None:
        super().__init__(min_token_validity)
        self._command = command

    def _ask(self) -> tuple[str, float]:
        done = subprocess.run(  # noqa: S602 - the user's own words, and pipes make them useful
            self._command,
            shell=True,
            capture_output=True,
            text=True,
            check=False,
        )
        token = done.stdout.strip()
        if done.returncode or not token:
            what = f"failed with exit code {done.returncode}" if done.returncode else "printed none"
            said = done.stderr.strip()[-300:]
            raise TokenCommandFailed(f"the token command {what}{': ' if said else ''}{said}")
        expires = claims_of(token).get("exp")
        lifetime = expires - time.time() if isinstance(expires, int | float) else 0.0
        return token, lifetime


class TokenCommandFailed(AccessDenied, RuntimeError):
    """The token command failed or printed nothing."""
