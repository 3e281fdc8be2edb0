"""A conversation with a command on a terminal of its own."""

from __future__ import annotations

import os
import pty
import select
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path


def converse(
    command: Sequence[str],
    keys: bytes,
    *,
    question: bytes,
    cwd: Path | None = None,
    env: Mapping[str, str] | None = None,
    meanwhile: Callable[[], object] = lambda: None,
) -> tuple[int, str]:
    """Run a command on a terminal and answer its question.

    The keys are pressed again when nothing comes of them: Python sees a signal that arrives just
    before it waits for a key only at the next key, and a test is fast enough for that.

    Args:
        command: The path of the program, and its arguments.
        keys: The answer.
        question: What the command prints when it waits for one.
        cwd: Where it runs.
        env: Its environment.
        meanwhile: Called when the question is open.

    Returns:
        Its exit code and all that it printed.
    """
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(cwd or ".")
        os.execve(command[0], [*command], os.environ if env is None else env)
    printed = b""
    while question not in printed:
        printed += os.read(terminal, 1024)
    meanwhile()
    os.write(terminal, keys)
    try:
        while True:
            while not select.select([terminal], [], [], 20)[0]:
                os.write(terminal, keys)
            printed += os.read(terminal, 1024)
    except OSError:  # how Linux tells that the other side has closed the terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), printed.decode()
