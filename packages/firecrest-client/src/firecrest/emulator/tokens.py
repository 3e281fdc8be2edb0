"""Access tokens: the client-credentials grant of OIDC, and the check of each request."""

from __future__ import annotations

import base64
import hmac
import secrets
import time
from collections.abc import Mapping

import jwt

from firecrest.emulator.refusal import Refusal
from firecrest.emulator.settings import Settings


class Tokens:
    """Makes and checks the tokens of one site with a key of its own."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._key = secrets.token_hex(32)

    def issue(self, user: str, *, lifetime: int | None = None) -> str:
        """Return a token for a user, valid for `lifetime` seconds."""
        now = int(time.time())
        seconds = self._settings.token_lifetime if lifetime is None else lifetime
        claims = {"preferred_username": user, "iat": now, "exp": now + seconds}
        return jwt.encode(claims, self._key, algorithm="HS256")

    def user(self, authorization: str) -> str:
        """Return whose token this is.

        Raises:
            Refusal: With status 401 if it is missing, malformed, forged or expired.
        """
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Refusal(401, {"message": "Unauthorized"})
        try:
            return str(jwt.decode(token, self._key, algorithms=["HS256"])["preferred_username"])
        except jwt.ExpiredSignatureError:
            raise Refusal(401, {"exp": "token expired"}) from None
        except (jwt.InvalidTokenError, KeyError):
            raise Refusal(401, {"message": "Unauthorized"}) from None

    def grant(self, form: Mapping[str, str], authorization: str) -> dict[str, object]:
        """Answer a token request; the secret comes in the form or as HTTP Basic."""
        if form.get("grant_type") != "client_credentials":
            raise Refusal(400, {"error": "unsupported_grant_type"})
        client, secret = _credentials(form, authorization)
        user = self._settings.clients.get(client)
        if user is None or not hmac.compare_digest(secret.encode(), self._settings.secret.encode()):
            raise Refusal(401, {"error": "invalid_client"})
        return {
            "access_token": self.issue(user),
            "expires_in": self._settings.token_lifetime,
            "token_type": "Bearer",
        }


def _credentials(form: Mapping[str, str], authorization: str) -> tuple[str, str]:
    scheme, _, encoded = authorization.partition(" ")
    if scheme.lower() != "basic":
        return form.get("client_id", ""), form.get("client_secret", "")
    try:
        client, _, secret = base64.b64decode(encoded, validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return client, secret
