"""What both drivers make of requests and of failures, before and after the HTTP library."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Mapping
from urllib.parse import urlsplit

from luisy_protocol.errors import ConfigurationError

from firecrest.correlation import HEADER, current_id
from firecrest.steps import Request

_WORD = re.compile(r"[!-~]+")


def headers_of(request: Request, token: str | None) -> dict[str, str]:
    """Return the headers of a request.

    Raises:
        ConfigurationError: If the token or the machine is none; the HTTP libraries would say so
            with the token in the message.
    """
    headers = dict(request.headers)
    correlation = None if request.is_staging else current_id()
    if correlation is not None:
        headers[HEADER] = correlation
    if token is not None:
        if not _WORD.fullmatch(token):
            raise ConfigurationError(
                "what the authorization gives is no access token: it is empty, or has spaces, line "
                "breaks or other signs that a token never has"
            )
        headers["Authorization"] = f"Bearer {token}"
    if request.machine is not None:
        if not _WORD.fullmatch(request.machine):
            raise ConfigurationError(f"{request.machine!r} cannot be the name of a machine")
        headers["X-Machine-Name"] = request.machine
    if request.body is not None:
        headers["Content-Type"] = request.body.content_type
    return headers


def url_of(base: str, request: Request) -> str:
    """Return the whole URL of a request."""
    return request.url if request.is_staging else base + request.url


def offset_of(status: int, headers: Mapping[str, str]) -> int:
    """Return where in the whole file the body of a response starts."""
    match = re.match(r"bytes (\d+)-", headers.get("Content-Range", ""))
    return int(match[1]) if status == 206 and match else 0


def cause_of(error: BaseException) -> str:
    """Return the operating system's words for a failure, else those in the innermost name."""
    seen = _links_of(error)
    if any(isinstance(link, TimeoutError) for link in seen):
        return "timed out"
    words = [_words(link) for link in seen if isinstance(link, OSError)]
    name = re.sub("(?<=[a-z])(?=[A-Z])", " ", type(seen[-1]).__name__)
    return next((text for text in reversed(words) if text), name).lower()


def is_tls_refused(error: BaseException) -> bool:
    """Tell whether encryption failed for good: a wrong certificate, or no encryption at all."""
    cut = ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError
    links = _links_of(error)
    return any(isinstance(link, ssl.SSLError) and not isinstance(link, cut) for link in links)


def _links_of(error: BaseException) -> list[BaseException]:
    """Return an error and all that it wraps, in whatever way."""
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        link = todo.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            reason = getattr(link, "reason", None)
            todo += [link.__context__, link.__cause__, reason, *link.args]
    return seen


def _words(error: OSError) -> str:
    if isinstance(error, ssl.SSLError):  # its number is OpenSSL's, not the operating system's
        reason = getattr(error, "verify_message", "") or (error.reason or "").replace("_", " ")
        return f"tls: {reason}" if reason else ""
    # Event loops put their own words into strerror; name look-ups have numbers below zero.
    if isinstance(error.errno, int) and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror if isinstance(error.strerror, str) else ""


def message_of(request: Request, url: str, error: BaseException) -> str:
    """Return the sentence for a request that got no answer; never with the query of its URL."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"Cannot {request.purpose}: no answer from {host}: {cause_of(error)}"
