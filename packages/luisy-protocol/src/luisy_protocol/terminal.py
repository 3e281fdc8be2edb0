"""Show transfers to a person: a bar on a terminal, two plain lines elsewhere.

Everything goes to stderr, so that stdout stays the command's result.
"""

from __future__ import annotations

import sys
import time
from threading import Lock
from typing import TYPE_CHECKING, TextIO

from luisy_protocol.errors import MissingPackage
from luisy_protocol.progress import TransferProgress

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID


def terminal_progress() -> TransferProgress:
    """Return what shows transfers best on this process's stderr.

    A `TerminalProgress` where stderr is a terminal and rich is installed, else a `PlainProgress`.
    """
    if sys.stderr.isatty():
        try:
            return TerminalProgress()
        except MissingPackage:
            pass
    return PlainProgress()


class PlainProgress:
    """Writes one line when a batch begins and one when it ends.

    Args:
        stream: Where to; stderr by default.
    """

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._lock = Lock()
        self._title = ""
        self._files = self._of_files = self._size = 0
        self._began = 0.0

    def begin(self, title: str, *, files: int, size: int) -> None:
        """Write what starts."""
        self._title, self._of_files = title, files
        self._files = self._size = 0
        self._began = time.monotonic()
        self._write(f"{title}: {files_text(files)}, {size_text(size)}")

    def advance(self, size: int) -> None:
        """Count bytes."""
        with self._lock:
            self._size += size

    def done(self, key: str) -> None:  # noqa: ARG002 - the contract's
        """Count a file."""
        with self._lock:
            self._files += 1

    def end(self) -> None:
        """Write what was moved."""
        seconds = time.monotonic() - self._began
        self._write(
            f"{self._title}: {self._files:,} of {files_text(self._of_files)}, "
            f"{size_text(self._size)} in {seconds:.1f} s"
        )

    def _write(self, line: str) -> None:
        print(line, file=self._stream or sys.stderr, flush=True)


class TerminalProgress:
    """Draws a bar with files, bytes, speed and remaining time.

    Args:
        console: The rich console; one on stderr by default.

    Raises:
        MissingPackage: If rich is not installed.
    """

    def __init__(self, console: Console | None = None) -> None:
        try:
            from rich.console import Console
        except ImportError as error:
            raise MissingPackage(
                "a progress bar needs rich: pip install luisy-protocol[terminal]"
            ) from error
        self._console = console or Console(stderr=True)
        self._lock = Lock()
        self._files = 0
        self._of_files = 0
        self._progress: Progress | None = None
        self._task: TaskID | None = None

    def begin(self, title: str, *, files: int, size: int) -> None:
        """Draw the bar."""
        self.end()
        self._files, self._of_files = 0, files
        self._progress = _bar(self._console)
        self._task = self._progress.add_task(title, total=size, files=self._files_text())
        self._progress.start()

    def advance(self, size: int) -> None:
        """Move the bar."""
        if self._progress is not None and self._task is not None:
            self._progress.advance(self._task, size)

    def done(self, key: str) -> None:  # noqa: ARG002 - the contract's
        """Count a file."""
        with self._lock:
            self._files += 1
            text = self._files_text()
        if self._progress is not None and self._task is not None:
            self._progress.update(self._task, files=text)

    def end(self) -> None:
        """Leave the bar as it is and stop drawing."""
        if self._progress is not None:
            self._progress.stop()
        self._progress = self._task = None

    def _files_text(self) -> str:
        return f"{self._files:,}/{self._of_files:,} files"


def files_text(count: int) -> str:
    """Return a number of files in words: ``1 file``, ``2,000 files``."""
    return f"{count:,} file{'' if count == 1 else 's'}"


def size_text(size: int) -> str:
    """Return a size in words: ``999 B``, ``1.5 kB``, ``2.0 GB``."""
    if abs(size) < 1000:
        return f"{size} B"
    value = float(size)
    for unit in ("kB", "MB", "GB", "TB"):
        value /= 1000
        if abs(value) < 999.95 or unit == "TB":
            break
    return f"{value:,.1f} {unit}"


def _bar(console: Console) -> Progress:
    from rich import progress as rich

    return rich.Progress(
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.TextColumn("{task.fields[files]}"),
        rich.DownloadColumn(),
        rich.TransferSpeedColumn(),
        rich.TimeRemainingColumn(),
        console=console,
    )
