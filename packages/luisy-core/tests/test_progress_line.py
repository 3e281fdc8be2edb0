"""The progress line on a real terminal, made by pty."""

import os
import pty
import sys

import pytest

PROGRAM = """
import os, sys
from luisy.terminal import Terminal
show = Terminal()
show.begin(["A", "B"])
show.started("A")
child = os.fork()
if child == 0:
    print("from the child", flush=True)
    os._exit(0)
os.waitpid(child, 0)
print("from the parent", flush=True)
show.advanced("A", 3, 7)
show.ended("A", succeeded=True)
show.end()
print("after", flush=True)
"""


@pytest.fixture
def written():
    """What the program writes to a terminal."""
    process, terminal = pty.fork()
    if process == 0:
        os.environ["TERM"] = "xterm"
        os.execv(sys.executable, [sys.executable, "-c", PROGRAM])
    text = b""
    while True:
        try:
            chunk = os.read(terminal, 4096)
        except OSError:
            break
        if not chunk:
            break
        text += chunk
    assert os.waitpid(process, 0)[1] == 0
    return text.decode()


def test_line_is_shown_and_nobody_is_kept_from_writing(written):
    assert "0/2" in written
    assert "Running" in written
    assert written.count("from the child") == 1
    assert written.count("from the parent") == 1
    assert written.rstrip().endswith("after")
