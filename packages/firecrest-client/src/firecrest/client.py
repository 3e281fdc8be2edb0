"""What both clients know: where the server is, how to log in, how patient to be."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator
from typing import ClassVar, Protocol
from urllib.parse import urlsplit

from luisy_protocol.errors import ConfigurationError

from firecrest.limits import DirectLimits
from firecrest.types import Parameters

logger = logging.getLogger("firecrest")

OLDEST_VERSION = (1, 15, 0)
NEWEST_VERSION = (99,)


class Authorization(Protocol):
    """Anything that gives an access token; asked before each attempt of each request."""

    def get_access_token(self) -> str:
        """Return a token that is valid now."""
        ...


class Client:
    """The state that the endpoints need; the drivers add how requests travel.

    Args:
        firecrest_url: The URL of the server.
        authorization: Gives the access token of each request.
        sa_role: The role by which `whoami` knows a service account.

    Attributes:
        timeout: Seconds to wait for a connection and for each piece of an answer; one number for
            both, or None to wait for ever.
        num_retries: How often a request is repeated that failed on its way (see `firecrest.call`).
        num_retries_rate_limit: How often a request is repeated that met the rate limit; None for
            20.
        polling_sleep_times: The waits between two looks at a task, in seconds. When they are used
            up the call gives up with `PollingIterException`, unless the method was given a
            `timeout`.
        disable_client_logging: Whether this client writes nothing to the log.
        api_version: The version of the server, once it is known.
        direct_limits: The largest files for direct transfers, once they are known.
    """

    TOO_MANY_REQUESTS_CODE: ClassVar[int] = 429
    TIMEOUT_STR: ClassVar[str] = "Command has finished with timeout signal"

    def __init__(
        self, firecrest_url: str, authorization: Authorization, *, sa_role: str = "firecrest-sa"
    ) -> None:
        check_url("firecrest_url", firecrest_url)
        self._firecrest_url = firecrest_url.rstrip("/")
        self._authorization = authorization
        self._sa_role = sa_role
        self.timeout: float | tuple[float, float] | None = (10.0, 60.0)
        self.num_retries = 4
        self.num_retries_rate_limit: int | None = None
        self.polling_sleep_times: Iterable[float] = default_sleep_times()
        self.disable_client_logging = False
        self.api_version: tuple[int, ...] | None = None
        self.direct_limits: DirectLimits | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._firecrest_url!r})"

    def set_api_version(self, api_version: str) -> None:
        """Say which version the server has, instead of asking it.

        Raises:
            ConfigurationError: If it is not a version.
        """
        version = parse_version(api_version)
        if version is None:
            raise ConfigurationError(f"not a version such as 1.16.0: {api_version!r}")
        self.api_version = version

    def learn_version(self, parameters: Parameters) -> tuple[int, ...]:
        """Note and return the version that the server tells.

        A server that tells none is older than all that do. One that tells something else than a
        number is taken for new: it will refuse by itself what it cannot do.
        """
        general = parameters.get("general", [])
        told = next((p["value"] for p in general if p["name"] == "FIRECREST_VERSION"), None)
        version: tuple[int, ...] = OLDEST_VERSION
        if told is None:
            self.log(logging.WARNING, "the server does not tell its version; taken for 1.15.0")
        else:
            version = parse_version(str(told)) or NEWEST_VERSION
        self.api_version = version
        return version

    def log(self, level: int, msg: object) -> None:
        """Write to the log of the package, unless `disable_client_logging`."""
        if not self.disable_client_logging:
            logger.log(level, msg)

    def sleep_times(self, timeout: float | None) -> Iterator[float]:
        """Yield the waits between two looks; without an end if a timeout bounds them instead."""
        wait = 1.0
        for wait in self.polling_sleep_times:
            yield wait
        while timeout is not None:
            yield wait


def check_url(name: str, url: str) -> None:
    """Make sure that a URL can lead to a server.

    Raises:
        ConfigurationError: If it cannot; the message calls it `name`.
    """
    try:
        split = urlsplit(url)
        is_whole = split.scheme in {"http", "https"} and bool(split.hostname) and split.port != 0
    except ValueError:
        is_whole = False
    if not is_whole:
        raise ConfigurationError(
            f"{name} must start with https:// (or http://) and name a host: {url!r}"
        )


def parse_version(text: str) -> tuple[int, ...] | None:
    """Return the numbers at the start of a version, or None if there are none."""
    match = re.match(r"v?(\d+(?:\.\d+){1,3})", text.strip())
    return tuple(map(int, match[1].split("."))) if match else None


def default_sleep_times(total: float = 120.0) -> list[float]:
    """Return waits that start quick, grow to two seconds and add up to about `total`."""
    waits, wait, spent = [], 0.1, 0.0
    while spent < total:
        waits.append(round(wait, 3))
        spent, wait = spent + wait, min(wait * 1.25, 2.0)
    return waits
