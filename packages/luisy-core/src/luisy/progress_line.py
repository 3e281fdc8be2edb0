"""The line on a terminal that tells how far a run is, while tasks may write to the terminal, too.

What a task of this process writes appears above the line. A process that is forked for a task must
not write through the line: whoever draws it may have held its lock at the moment of the fork. There
the streams are what they were before.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.text import Text

from luisy.tally import Tally

_SHOWN = 2


class ProgressLine:
    """Shows how many tasks are done, and which run.

    Args:
        tasks: The names of the tasks that are to run.
        running: The names of those that run; it changes while the line is shown.
        tally: How far each is.
    """

    def __init__(self, tasks: Sequence[str], *, running: Collection[str], tally: Tally) -> None:
        self._streams = sys.stdout, sys.stderr
        self._is_forked = False
        self._progress = Progress(
            TextColumn("Running"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            _Names(running, tally),
            console=Console(stderr=True),
            transient=True,
        )
        self._bar = self._progress.add_task("", total=len(tasks))
        if sys.platform != "win32":
            os.register_at_fork(after_in_child=self._leave)
        self._progress.start()

    def advance(self) -> None:
        """Count a task that is over."""
        self._progress.advance(self._bar)

    def write(self, text: str) -> None:
        """Write a line above."""
        self._progress.console.print(text, markup=False, highlight=False)

    def stop(self) -> None:
        """Remove the line."""
        if not self._is_forked:
            self._progress.stop()

    def _leave(self) -> None:
        if self._progress.live.is_started:
            self._is_forked = True
            sys.stdout, sys.stderr = self._streams


class _Names(ProgressColumn):
    """Names what runs, and how far it is, each time the line is drawn."""

    def __init__(self, running: Collection[str], tally: Tally) -> None:
        super().__init__()
        self._running = running
        self._tally = tally

    def render(self, task: Task) -> Text:  # noqa: ARG002 - there is only one
        names = [self._tally.text(name) for name in list(self._running)[: _SHOWN + 1]]
        more = f" and {len(self._running) - _SHOWN} more" if len(names) > _SHOWN else ""
        return Text(", ".join(names[:_SHOWN]) + more)
