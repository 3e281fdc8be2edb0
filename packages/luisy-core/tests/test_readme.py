"""The examples of the README, as a user would type them."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"```(python|console)\n(.*?)```", re.DOTALL)


@pytest.fixture
def blocks():
    found = [(kind, text) for kind, text in BLOCK.findall(README.read_text(encoding="utf-8"))]
    module, from_python, test = [text for kind, text in found if kind == "python"]
    session = next(text for kind, text in found if text.startswith("$ mkdir"))
    return {"module": module, "session": session, "from_python": from_python, "test": test}


@pytest.fixture
def folder(tmp_path, blocks):
    (tmp_path / "weather.py").write_text(blocks["module"])
    return tmp_path


def run(*command, cwd):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(cwd)}
    done = subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def type_session(session, cwd):
    """Type each line after a prompt; return what was shown and what the README shows."""
    shown = ""
    for line in session.splitlines():
        if line.startswith("$ "):
            shown = run("bash", "-c", line[2:], cwd=cwd)
    return shown, session.partition("$ cat ")[2].partition("\n")[2]


def test_command_makes_the_report(blocks, folder):
    shown, expected = type_session(blocks["session"], folder)
    assert shown == expected


def test_python_makes_the_report(blocks, folder):
    type_session(blocks["session"].partition("$ luisy")[0], folder)
    code = blocks["from_python"] + "\nprint(frame['fahrenheit'].tolist())"
    assert run(sys.executable, "-c", code, cwd=folder).splitlines()[-1] == "[32.0, 212.0]"


def test_test_of_the_example_passes(blocks, folder):
    (folder / "test_weather.py").write_text(blocks["test"])
    (folder / "conftest.py").write_text('pytest_plugins = ["luisy.testing.fixtures"]\n')
    shown = run(sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", ".", cwd=folder)
    assert "1 passed" in shown


def test_file_name_in_the_text_is_true():
    from luisy import Parameter
    from luisy.file_name import file_name

    odd, plain = (
        file_name("Report", [("city", Parameter(), name)]) for name in ("New York", "berlin")
    )
    text = README.read_text(encoding="utf-8")
    assert f"`{odd}.csv`" in text
    assert f"`{plain}_day=" in text


def test_every_public_setting_is_in_the_table():
    from luisy.config import _VARIABLES

    text = README.read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for pair in _VARIABLES.items() for name in pair)
