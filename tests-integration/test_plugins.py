"""What other packages add to the command is found without being imported."""

import pytest

BROKEN = "raise ImportError('this plugin is broken')\n"
ENTRY = "[luisy.commands]\nbroken = broken_plugin:group\n"


@pytest.fixture
def with_broken_plugin(team):
    """A team on whose path lies a distribution with a command that does not import."""
    info = team.code / "broken_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: broken-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY)
    (team.code / "broken_plugin.py").write_text(BROKEN)
    return team


def test_help_shows_a_broken_plugin_as_broken(with_broken_plugin):
    done = with_broken_plugin.run("luisy --help")
    assert done.code == 0, done.text
    lines = [line for line in done.out.splitlines() if "broken" in line]
    assert len(lines) == 1
    assert "Traceback" not in done.text


def test_broken_plugin_breaks_no_run(with_broken_plugin):
    with_broken_plugin.give_raw_files("anna")
    command = "luisy --module my_module.tasks FinalFile --working-dir ../anna --no-ask"
    assert with_broken_plugin.run(command).code == 0


def test_broken_plugin_says_why_when_it_is_called(with_broken_plugin):
    done = with_broken_plugin.run("luisy broken")
    assert done.code != 0
    assert "this plugin is broken" in done.complaint
