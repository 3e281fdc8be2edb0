"""What a task tells of an output of many files, which it alone knows without reading it again."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field

from luisy_protocol.record import Content


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Made:
    """What the `run` of a task may return, for the record.

    Attributes:
        files: The digest and the size of each file of the output, by its name below it; None if
            somebody has to look.
        written: The names of those files that were written just now.
        skipped: What went wrong with each input file of which nothing was made, by its name.
        undo: Puts back what was there before; called when the output cannot be recorded.
        settle: Removes what `undo` needs; called when it is recorded.
    """

    files: Mapping[str, Content] | None = None
    written: Collection[str] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    undo: Callable[[], None] = _nothing
    settle: Callable[[], None] = _nothing
