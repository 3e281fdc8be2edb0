"""How long work tells what it does, without knowing who shows it."""

from __future__ import annotations

from typing import Protocol


class TransferProgress(Protocol):
    """Watches one batch of transfers. Called from several threads at once."""

    def begin(self, title: str, *, files: int, size: int) -> None:
        """A batch of `files` files and `size` bytes starts."""

    def advance(self, size: int) -> None:
        """`size` more bytes have moved; negative when a file starts over."""

    def done(self, key: str) -> None:
        """One file is complete."""

    def end(self) -> None:
        """The batch is over, complete or not."""


class Silent:
    """Shows nothing."""

    def begin(self, title: str, *, files: int, size: int) -> None:
        """Ignore it."""

    def advance(self, size: int) -> None:
        """Ignore it."""

    def done(self, key: str) -> None:
        """Ignore it."""

    def end(self) -> None:
        """Ignore it."""
