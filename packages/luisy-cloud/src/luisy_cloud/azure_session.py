"""The HTTP session below Azure's SDK: many connections, and little work for each request.

The SDK hands each request complete and signed to `requests`, which by default reads the environment
again for proxies, certificates and passwords, quotes the URL again and keeps cookies. For small
files this is half of the time that Python needs. Here the environment is read once, for the first
request, and each goes as it is to the same adapter of `requests`. Passwords in ``.netrc`` are not
looked at: they would replace the signature.

The SDK repeats what fails with 408, 5xx or no answer. It does not repeat 429, which proxies and
some emulators of Azure send, so the connections below it do, and obey Retry-After.
"""

from __future__ import annotations

import os
from typing import Any

import requests
from luisy_protocol.errors import ConfigurationError
from requests.adapters import HTTPAdapter
from requests.structures import CaseInsensitiveDict
from requests.utils import get_environ_proxies
from urllib3 import HTTPConnectionPool
from urllib3.util.retry import Retry

CONNECTIONS = 64


class _RetryTooMany(Retry):
    """Repeats 429 alone; any other answer is the SDK's to judge."""

    RETRY_AFTER_STATUS_CODES = frozenset({429})


class AzureSession(requests.Session):
    """Sends complete requests to one host.

    Args:
        retries: How often a request is repeated that was answered with 429.

    Raises:
        ConfigurationError: If the file of trusted certificates is not there.
    """

    def __init__(self, *, retries: int) -> None:
        super().__init__()
        self.trust_env = False
        self.trusted = _certificates()
        self._environ_proxies: dict[str, str] | None = None
        retry = _RetryTooMany(
            total=retries,
            connect=0,
            read=0,
            redirect=0,
            status_forcelist=[429],
            allowed_methods=None,
            backoff_factor=0.5,
            raise_on_status=False,
        )
        self._adapter = HTTPAdapter(pool_maxsize=CONNECTIONS, max_retries=retry)
        self.mount("https://", self._adapter)
        self.mount("http://", self._adapter)

    def request(  # type: ignore[override]  # only what the SDK's transport calls
        self,
        method: str,
        url: str,
        *,
        headers: dict[str, str],
        data: bytes | str | None,
        timeout: Any,
        verify: bool | str,
        cert: Any,
        proxies: Any,
        stream: bool = False,
        **_unused: Any,
    ) -> requests.Response:
        """Send a request that is quoted and signed already."""
        if self._environ_proxies is None:
            self._environ_proxies = dict(get_environ_proxies(url))
        prepared = requests.PreparedRequest()
        prepared.method, prepared.url = method, url
        prepared.headers = CaseInsensitiveDict(headers)
        prepared.body = data.encode() if isinstance(data, str) else data
        if prepared.body and "Content-Length" not in prepared.headers:
            prepared.headers["Content-Length"] = str(len(prepared.body))
        return self._adapter.send(
            prepared,
            stream=stream,
            timeout=timeout,
            verify=verify,
            cert=cert,
            proxies=proxies or self._environ_proxies,
        )

    def pool(self, url: str) -> HTTPConnectionPool | None:
        """Return the connections to a host, or None if a proxy is between."""
        if get_environ_proxies(url):
            return None
        request = requests.PreparedRequest()
        request.prepare_url(url, None)
        found = self._adapter.get_connection_with_tls_context(request, self.trusted)
        # `send` does this for each request; it names the certificates that are trusted by default.
        self._adapter.cert_verify(found, url, self.trusted, None)
        return found


def _certificates() -> str | bool:
    """Return the file of trusted certificates that the environment names, else True."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        if path := os.environ.get(name):
            if not os.path.exists(path):  # noqa: PTH110 - a text, as requests takes it
                raise ConfigurationError(f"{name} is '{path}', and there is no such file")
            return path
    return True
