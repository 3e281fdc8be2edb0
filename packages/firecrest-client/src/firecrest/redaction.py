"""Keeps signed links out of the logs that the HTTP libraries write by themselves."""

from __future__ import annotations

import logging
import re

_SIGNED = re.compile(r"\?[^\s\"']*(?:signature|_sig|token)=[^\s\"']*", re.IGNORECASE)


class WithoutSignatures(logging.Filter):
    """Replaces the query of every signed URL in a record by ``?***``; lets every record pass."""

    def filter(self, record: logging.LogRecord) -> bool:
        """Redact a record."""
        text = record.getMessage()
        redacted = _SIGNED.sub("?***", text)
        if redacted != text:
            record.msg, record.args = redacted, ()
        return True


def redact(*names: str) -> None:
    """Redact what the loggers of these names write, once each."""
    for name in names:
        logger = logging.getLogger(name)
        if not any(isinstance(each, WithoutSignatures) for each in logger.filters):
            logger.addFilter(WithoutSignatures())
