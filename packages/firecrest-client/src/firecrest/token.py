"""What an access token says about itself; read, not verified, for the server does that."""

from __future__ import annotations

import base64
import json
from typing import Any


def claims_of(token: str) -> dict[str, Any]:
    """Return the claims of a JSON web token, or nothing if it is not one."""
    try:
        payload = token.split(".")[1]
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (IndexError, ValueError):
        return {}
    return claims if isinstance(claims, dict) else {}


def user_of(token: str, sa_role: str) -> str | None:
    """Return the user that a token belongs to, or None if it does not tell.

    Args:
        token: The access token.
        sa_role: The role of a service account, whose user name is the first role of its client.
    """
    claims = claims_of(token)
    try:
        if sa_role in claims["realm_access"]["roles"]:
            return str(claims["resource_access"][claims["clientId"]]["roles"][0])
    except (KeyError, IndexError, TypeError):
        pass
    name = claims.get("preferred_username")
    return str(name) if name else None
