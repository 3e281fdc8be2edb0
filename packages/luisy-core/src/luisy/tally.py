"""How far running tasks are, told by processes that were forked to whoever shows it."""

from __future__ import annotations

import mmap
import struct
from collections.abc import Sequence

_PAIR = struct.Struct("<QQ")


class Tally:
    """For each of some tasks how much of how many is done, in memory that forked processes share.

    Args:
        tasks: The names of the tasks.
    """

    def __init__(self, tasks: Sequence[str]) -> None:
        self._places = {task: place * _PAIR.size for place, task in enumerate(tasks)}
        self._memory = mmap.mmap(-1, max(1, len(self._places)) * _PAIR.size)

    def note(self, task: str, done: int, total: int) -> None:
        """Note how far a task is; one that is not among these is passed over."""
        place = self._places.get(task)
        if place is not None:
            _PAIR.pack_into(self._memory, place, done, total)

    def text(self, task: str) -> str:
        """Return the name of a task, with how far it is if it tells."""
        place = self._places.get(task)
        done, total = (0, 0) if place is None else _PAIR.unpack_from(self._memory, place)
        return f"{task} {done:,}/{total:,}" if total else task
