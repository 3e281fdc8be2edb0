"""The question before a run, on a terminal."""

import pytest
from luisy_test_servers.terminal import converse


def answer(team, key):
    line = "luisy --module my_module.tasks FinalFile --working-dir ../anna"
    return converse(
        team.command(line), key, question=b"proceed", cwd=team.code, env=team.environment({})
    )


@pytest.mark.parametrize("key", [b"n\r", b"\x03", b"\x04"], ids=["no", "Ctrl-C", "Ctrl-D"])
def test_nothing_is_done_when_the_person_does_not_want_it(team, key):
    team.give_raw_files("anna")
    before = team.files("anna")

    code, printed = answer(team, key)

    assert code == 1
    assert "Nothing was done." in printed
    assert "interrupted" not in printed
    assert team.files("anna") == before


def test_run_goes_ahead_when_the_person_types_y(team):
    team.give_raw_files("anna")

    code, _ = answer(team, b"y\r")

    assert code == 0
    assert "final/FinalFile.csv" in team.files("anna")
