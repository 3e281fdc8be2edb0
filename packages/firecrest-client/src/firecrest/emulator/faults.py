"""Faults on request: what a client must survive, made to happen the next few times."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Kind: TypeAlias = Literal["429", "503", "cut", "timeout", "expired", "115", "118"]
KINDS: tuple[Kind, ...] = ("429", "503", "cut", "timeout", "expired", "115", "118")


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of failure, a number of times.

    Attributes:
        kind: ``429`` and ``503`` are answers; ``cut`` closes the connection in the middle of the
            answer; ``timeout`` is a command that took too long; ``expired`` refuses the access
            token; ``115`` and ``118`` are transfers that fail.
        path: Only requests whose path starts with this; every one if empty.
        times: How often.
        retry_after: What a 429 or 503 tells in ``Retry-After``; nothing if None.
    """

    kind: Kind
    path: str = ""
    times: int = 1
    retry_after: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"there is no fault {self.kind!r}; choose from {', '.join(KINDS)}")


class Faults:
    """The faults still to come; safe to use from several threads."""

    def __init__(self) -> None:
        self._left: list[tuple[Fault, int]] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        """Make a fault happen."""
        with self._lock:
            self._left.append((fault, fault.times))

    def take(self, path: str) -> Fault | None:
        """Return the first fault that this request meets, and count it."""
        return self._take(lambda f: not f.kind.startswith("11") and path.startswith(f.path))

    def take_task(self, status: str) -> bool:
        """Tell whether a transfer is to end with this status."""
        return self._take(lambda fault: fault.kind == status) is not None

    def _take(self, is_met: Callable[[Fault], bool]) -> Fault | None:
        with self._lock:
            for place, (fault, left) in enumerate(self._left):
                if is_met(fault):
                    self._left[place : place + 1] = [(fault, left - 1)] if left > 1 else []
                    return fault
        return None
