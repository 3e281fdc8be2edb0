"""What both drivers make of requests and of failures, before and after the HTTP library."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

from firecrest.correlation import HEADER, current_id
from firecrest.steps import Request


def headers_of(request: Request, token: str | None) -> dict[str, str]:
    """Return the headers of a request."""
    headers = dict(request.headers)
    correlation = None if request.is_staging else current_id()
    if correlation is not None:
        headers[HEADER] = correlation
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    if request.machine is not None:
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
    """Return the operating system's words for a failure, else the name of the innermost error."""
    seen: list[BaseException] = []
    todo: list[object] = [error]
    while todo:
        link = todo.pop()
        if isinstance(link, BaseException) and link not in seen:
            seen.append(link)
            reason = getattr(link, "reason", None)
            todo += [link.__context__, link.__cause__, reason, *link.args]
    if any(isinstance(link, TimeoutError) for link in seen):
        return "timed out"
    words = [_words(link) for link in seen if isinstance(link, OSError)]
    return next((text for text in reversed(words) if text), type(seen[-1]).__name__).lower()


def _words(error: OSError) -> str:
    # Event loops put their own words into strerror; name look-ups have numbers below zero.
    if isinstance(error.errno, int) and error.errno > 0:
        return os.strerror(error.errno)
    return error.strerror if isinstance(error.strerror, str) else ""


def message_of(request: Request, url: str, error: BaseException) -> str:
    """Return the sentence for a request that got no answer; never with the query of its URL."""
    host = urlsplit(url).netloc.rpartition("@")[2]
    return f"Cannot {request.purpose}: no answer from {host}: {cause_of(error)}"
