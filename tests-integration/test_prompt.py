"""The question before a run, on a terminal."""

import os
import pty
import select

import pytest


def converse(team, line, key):
    """Run a command on a terminal of its own, answer its question, return all it printed.

    The key is pressed again when nothing comes of it: Python sees a signal that arrives just before
    it waits for a key only at the next key, and a test is fast enough for that.
    """
    words = team.command(line)
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(team.code)
        os.execve(words[0], words, team.environment({}))
    printed = b""
    while b"proceed" not in printed:
        printed += os.read(terminal, 1024)
    os.write(terminal, key)
    try:
        while True:
            while not select.select([terminal], [], [], 20)[0]:
                os.write(terminal, key)
            printed += os.read(terminal, 1024)
    except OSError:  # how Linux tells that the other side has closed the terminal
        pass
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), printed.decode()


@pytest.mark.parametrize("key", [b"n\r", b"\x03", b"\x04"], ids=["no", "Ctrl-C", "Ctrl-D"])
def test_nothing_is_done_when_the_person_does_not_want_it(team, key):
    team.give_raw_files("anna")
    before = team.files("anna")

    code, printed = converse(
        team, "luisy --module my_module.tasks FinalFile --working-dir ../anna", key
    )

    assert code == 1
    assert "Nothing was done." in printed
    assert "interrupted" not in printed
    assert team.files("anna") == before


def test_run_goes_ahead_when_the_person_types_y(team):
    team.give_raw_files("anna")

    code, _ = converse(
        team, "luisy --module my_module.tasks FinalFile --working-dir ../anna", b"y\r"
    )

    assert code == 0
    assert "final/FinalFile.csv" in team.files("anna")
