"""The bar of one file: there while bytes move, so that it does not mix with other lines."""

from __future__ import annotations

from types import TracebackType
from typing import Self

from luisy_protocol.progress import TransferProgress
from luisy_protocol.terminal import terminal_progress


class Bar:
    """Shows how one file travels: begins with its first byte and ends with its last.

    Args:
        title: What happens.
        size: The size of the file in bytes.
    """

    def __init__(self, title: str, size: int) -> None:
        self._title = title
        self._size = size
        self._moved = 0
        self._shown: TransferProgress | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._end()

    def advance(self, size: int) -> None:
        """Count bytes; a negative number when the file starts over."""
        if self._shown is None:
            self._shown = terminal_progress()
            self._shown.begin(self._title, files=1, size=self._size)
            if self._moved:
                self._shown.advance(self._moved)
        self._moved += size
        self._shown.advance(size)
        if self._moved >= self._size:
            self._shown.done(self._title)
            self._end()

    def _end(self) -> None:
        if self._shown is not None:
            self._shown.end()
            self._shown = None
