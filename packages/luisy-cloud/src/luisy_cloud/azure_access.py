"""How a plain request is allowed: by a SAS token in its URL, or signed with the account's key.

The signature of Shared Key is the HMAC-SHA256, under the account's key, of a text with the method,
a few headers, all headers of Azure's own, the account with the path, and the query. It is valid for
a quarter of an hour around the time in the request. Azure checks it faster than a token.

Source: Microsoft, "Authorize with Shared Key", in the REST API reference of Azure Storage.
"""

from __future__ import annotations

import base64
import hmac
from collections.abc import Mapping
from email.utils import formatdate
from typing import Protocol
from urllib.parse import parse_qs, quote, urlencode

from luisy_protocol.secret import Secret

_SIGNED = (
    "content-encoding",
    "content-language",
    "content-length",
    "content-md5",
    "content-type",
    "date",
    "if-modified-since",
    "if-match",
    "if-none-match",
    "if-unmodified-since",
    "range",
)
_OWN = "x-ms-"


class Access(Protocol):
    """Makes requests allowed."""

    def allowed(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Return a request's path with its query, and its headers, so that Azure allows it.

        Args:
            method: The method.
            path: The quoted path.
            query: The query, not quoted.
            headers: The headers.
        """


class SasToken:
    """A token that allows requests until it expires.

    Args:
        token: The token, without a question mark.
    """

    def __init__(self, token: str) -> None:
        self._token = Secret(token)
        self._version = parse_qs(token).get("sv", [""])[0]

    def allowed(
        self,
        method: str,  # noqa: ARG002 - a token allows them all
        path: str,
        *,
        query: Mapping[str, str],
        headers: Mapping[str, str],
    ) -> tuple[str, dict[str, str]]:
        """Return a request with the token in its query."""
        own = f"{_encoded(query)}&" if query else ""
        target = f"{path}?{own}{self._token.reveal()}"
        return target, {"x-ms-version": self._version, **headers}


class SharedKey:
    """The key of an account.

    Args:
        account: The account's name.
        key: The key, in base64.
        version: The version of the service's interface that requests ask for.

    Raises:
        ValueError: If that is no key.
    """

    def __init__(self, account: str, key: str, *, version: str) -> None:
        self._account = account
        base64.b64decode(key)  # what is no key is an error now, not at the first request
        self._key = Secret(key)
        self._version = version

    def allowed(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> tuple[str, dict[str, str]]:
        """Return a signed request."""
        dated = {"x-ms-version": self._version, "x-ms-date": formatdate(usegmt=True), **headers}
        text = self._text(method, path, query, dated)
        key = base64.b64decode(self._key.reveal())
        digest = hmac.digest(key, text.encode(), "sha256")
        dated["Authorization"] = f"SharedKey {self._account}:{base64.b64encode(digest).decode()}"
        return f"{path}?{_encoded(query)}" if query else path, dated

    def _text(
        self, method: str, path: str, query: Mapping[str, str], headers: Mapping[str, str]
    ) -> str:
        lower = {name.lower(): value for name, value in headers.items()}
        if lower.get("content-length") == "0":
            del lower["content-length"]
        lines = [method, *(lower.get(name, "") for name in _SIGNED)]
        lines += [f"{name}:{lower[name]}" for name in sorted(lower) if name.startswith(_OWN)]
        lines.append(f"/{self._account}{path}")
        lines += [f"{name}:{query[name]}" for name in sorted(query)]
        return "\n".join(lines)


def _encoded(query: Mapping[str, str]) -> str:
    return urlencode(query, quote_via=quote, safe="")
