"""A text that must not be seen."""

from __future__ import annotations

import hmac
from typing import NoReturn


class Secret:
    """A password, key or token that shows as ``***`` wherever it might be shown.

    The text comes out only by `reveal`. A secret is not text, so JSON and string functions refuse
    it, and it refuses to be pickled: a secret does not travel to a file or another process by
    accident. Comparing takes the same time wherever the difference is.

    Args:
        text: The secret.
    """

    __slots__ = ("__text",)

    def __init__(self, text: str) -> None:
        self.__text = text

    def reveal(self) -> str:
        """Return the text."""
        return self.__text

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return format("***", spec)

    def __bool__(self) -> bool:
        return bool(self.__text)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(_encoded(self.__text), _encoded(other.__text))

    def __hash__(self) -> int:
        return hash((Secret, self.__text))

    def __copy__(self) -> Secret:
        return self

    def __deepcopy__(self, memo: object) -> Secret:
        return self

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret cannot be pickled; read it from the settings in each process")


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
