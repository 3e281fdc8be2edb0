"""Where an Azure container is and how to enter, from a URL and the environment.

A URL ``az://<container>[/<prefix>]`` names the container, and ``az://`` the one that
``LUISY_AZURE_CONTAINER_NAME`` names. The account and the way in come from the environment, first
match:

1. ``LUISY_AZURE_CONNECTION_STRING``: everything in one text, as Azure's portal shows it.
2. ``LUISY_AZURE_STORAGE_KEY``: a key of the account ``LUISY_AZURE_ACCOUNT_NAME``.
3. ``LUISY_AZURE_SAS_TOKEN``: a shared access signature, for the account or the container.
4. None of them: the identity of the person or machine, by the package azure-identity.

``LUISY_AZURE_ENDPOINT`` replaces ``https://<account>.blob.core.windows.net``, for sovereign
clouds, private links and emulators.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote, urlsplit

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.keys import validate_key
from luisy_protocol.secret import Secret

RETRIES = 5
TIMEOUT = 60.0

_CONTAINER = re.compile(r"\$root|\$web|(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ACCOUNT = re.compile(r"[a-z0-9]{3,24}")
_EXPIRY = re.compile(r"(?:^|[?&;=])se=([^&;]+)")
_CLOCKS_DIFFER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class AzureSettings:
    """All that is needed to open a container.

    Attributes:
        container: The container's name.
        prefix: The store's root in the container, with a slash at its end; empty for the whole.
        endpoint: The URL of the account's blob service; empty with a connection string.
        account: The account's name, where it is known.
        connection_string: The way in, or None.
        key: The way in, or None.
        sas_token: The way in, or None. Without any of the three, azure-identity finds one.
        retries: How often the SDK repeats a request.
        timeout: How many seconds it waits for an answer.
    """

    container: str
    prefix: str
    endpoint: str
    account: str
    connection_string: Secret | None = None
    key: Secret | None = None
    sas_token: Secret | None = None
    retries: int = RETRIES
    timeout: float = TIMEOUT


def read_settings(url: str, environ: Mapping[str, str]) -> AzureSettings:
    """Return what a URL and the environment say.

    Raises:
        ConfigurationError: If something is missing or malformed; the message names the variable.
    """
    container, prefix = _split(url, environ)
    connection = _secret(environ, "LUISY_AZURE_CONNECTION_STRING")
    key = None if connection else _secret(environ, "LUISY_AZURE_STORAGE_KEY")
    sas_token = None if connection or key else _secret(environ, "LUISY_AZURE_SAS_TOKEN")
    for way_in in (connection, sas_token):
        if way_in:
            _check_not_expired(way_in)
    account = environ.get("LUISY_AZURE_ACCOUNT_NAME", "").strip()
    return AzureSettings(
        container=container,
        prefix=prefix,
        endpoint="" if connection else _endpoint(environ, account),
        account=account,
        connection_string=connection,
        key=key,
        sas_token=sas_token,
        retries=int(_number(environ, "LUISY_AZURE_RETRIES", RETRIES)),
        timeout=_number(environ, "LUISY_AZURE_TIMEOUT", TIMEOUT, least=1),
    )


def _split(url: str, environ: Mapping[str, str]) -> tuple[str, str]:
    split = urlsplit(url)
    if split.scheme != "az" or split.query or split.fragment:
        raise ConfigurationError(f"'{url}' is not of the form az://<container>[/<prefix>]")
    container = split.netloc or environ.get("LUISY_AZURE_CONTAINER_NAME", "").strip()
    if not container:
        raise ConfigurationError(
            "no container is named: set LUISY_AZURE_CONTAINER_NAME, or LUISY_REMOTE=az://<container>"
        )
    if not _CONTAINER.fullmatch(container):
        raise ConfigurationError(
            f"'{container}' (LUISY_AZURE_CONTAINER_NAME, or in the URL) is not the name of a "
            "container: 3 to 63 lower-case letters, digits and single hyphens"
        )
    prefix = unquote(split.path).strip("/")
    return container, f"{validate_key(prefix)}/" if prefix else ""


def _endpoint(environ: Mapping[str, str], account: str) -> str:
    endpoint = environ.get("LUISY_AZURE_ENDPOINT", "").strip().rstrip("/")
    if endpoint:
        return _checked_endpoint(endpoint)
    if not account:
        raise ConfigurationError(
            "no Azure account is named: set LUISY_AZURE_ACCOUNT_NAME (with a key, a SAS token or "
            "a login by identity), or LUISY_AZURE_CONNECTION_STRING, which names it"
        )
    if not _ACCOUNT.fullmatch(account):
        raise ConfigurationError(
            f"LUISY_AZURE_ACCOUNT_NAME is '{account}', which is not the name of an account: "
            "3 to 24 lower-case letters and digits"
        )
    return f"https://{account}.blob.core.windows.net"


def _checked_endpoint(endpoint: str) -> str:
    split = urlsplit(endpoint)
    if split.scheme not in {"http", "https"} or not split.hostname or split.username:
        raise ConfigurationError(
            "LUISY_AZURE_ENDPOINT must look like https://<account>.blob.core.windows.net"
        )
    if split.query:
        raise ConfigurationError(
            "LUISY_AZURE_ENDPOINT holds a query; put a SAS token into LUISY_AZURE_SAS_TOKEN"
        )
    return endpoint


def _check_not_expired(way_in: Secret) -> None:
    found = _EXPIRY.search(way_in.reveal())
    try:
        expiry = datetime.fromisoformat(unquote(found[1])) if found else None
    except ValueError:
        return
    if expiry and expiry.replace(tzinfo=expiry.tzinfo or UTC) < datetime.now(UTC) - _CLOCKS_DIFFER:
        raise ConfigurationError(
            f"the SAS token expired on {expiry:%Y-%m-%d %H:%M}; ask for a new one, and set it as "
            "LUISY_AZURE_SAS_TOKEN"
        )


def _secret(environ: Mapping[str, str], name: str) -> Secret | None:
    text = environ.get(name, "").strip()
    return Secret(text) if text else None


def _number(environ: Mapping[str, str], name: str, default: float, *, least: int = 0) -> float:
    text = environ.get(name, "").strip()
    try:
        number = float(text) if text else default
    except ValueError:
        number = -1
    if not least <= number <= 86400:
        raise ConfigurationError(f"{name} is '{text}' and must be a number from {least} to 86400")
    return number
