"""Marks the requests of one piece of work, so that they can be found together in a server's log."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

HEADER = "X-Correlation-ID"
_current: ContextVar[str | None] = ContextVar("firecrest_correlation_id", default=None)


@contextmanager
def correlation_id(cid: str | None = None) -> Iterator[str]:
    """Send this id with every request of the block, in the header ``X-Correlation-ID``.

    Args:
        cid: The id; a random one by default.

    Yields:
        The id.
    """
    chosen = cid or str(uuid.uuid4())
    token = _current.set(chosen)
    try:
        yield chosen
    finally:
        _current.reset(token)


def current_id() -> str | None:
    """Return the id of the block that is running, if there is one."""
    return _current.get()
