"""Starts a server as a child process and waits for the line that says where it listens."""

from __future__ import annotations

import queue
import re
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from typing import IO

START_SECONDS = 120
STOP_SECONDS = 15


class StartError(RuntimeError):
    """A server ended, or stayed silent, before it said where it listens."""


@contextmanager
def serving(
    command: Sequence[str], ready: re.Pattern[str], *, env: Mapping[str, str] | None = None
) -> Iterator[re.Match[str]]:
    """Run `command` until the block ends, and yield the match of the output line `ready`.

    The child gets a pipe as standard input and must end when that closes, so that it never outlives
    this process. It has its own session: Ctrl-C at the terminal reaches the tests, not the server.

    Raises:
        StartError: With what the server printed, if that line does not come.
    """
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=env,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    ) as process:
        try:
            yield _await(_lines_of(process), ready, command[0])
        finally:
            _stop(process)


def _lines_of(process: subprocess.Popen[str]) -> queue.Queue[str | None]:
    """Drain the output in a thread as long as the server runs, so that it never blocks on it."""
    lines: queue.Queue[str | None] = queue.Queue(maxsize=1000)
    stdout = process.stdout
    assert stdout is not None
    threading.Thread(target=_drain, args=(stdout, lines), daemon=True).start()
    return lines


def _drain(stdout: IO[str], lines: queue.Queue[str | None]) -> None:
    for line in stdout:
        _offer(lines, line)
    _offer(lines, None)


def _offer(lines: queue.Queue[str | None], line: str | None) -> None:
    with suppress(queue.Full):  # nobody reads after the start: the rest is dropped
        lines.put_nowait(line)


def _await(lines: queue.Queue[str | None], ready: re.Pattern[str], name: str) -> re.Match[str]:
    seen: list[str] = []
    while True:
        try:
            line = lines.get(timeout=START_SECONDS)
        except queue.Empty:
            message = f"{name} said nothing for {START_SECONDS} s: {''.join(seen)}"
            raise StartError(message) from None
        if line is None:
            raise StartError(f"{name} ended before it listened: {''.join(seen)}")
        if match := ready.search(line):
            return match
        seen.append(line)


def _stop(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
