"""The package: what it exports, and what importing it does not import."""

import subprocess
import sys
import tomllib
from pathlib import Path

import luisy_protocol

PYPROJECT = Path(__file__).parents[1] / "pyproject.toml"


def test_all_is_sorted_and_true():
    assert luisy_protocol.__all__ == sorted(luisy_protocol.__all__)
    assert all(hasattr(luisy_protocol, name) for name in luisy_protocol.__all__)


def test_import_pulls_in_nothing_heavy():
    code = (
        "import sys, luisy_protocol, luisy_protocol.testing\n"
        "print(sorted({'rich', 'pytest', 'pandas', 'asyncio', 'requests'} & set(sys.modules)))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_extras_and_entry_point_are_declared():
    project = tomllib.loads(PYPROJECT.read_text())["project"]
    assert set(project["optional-dependencies"]) == {"terminal", "testing"}
    module, _, name = project["entry-points"]["luisy.stores"]["file"].partition(":")
    assert callable(getattr(__import__(module, fromlist=[name]), name))


def test_readme_example_runs(tmp_path, monkeypatch):
    readme = PYPROJECT.with_name("README.md").read_text()
    code = readme.partition("```python\n")[2].partition("```")[0]
    monkeypatch.chdir(tmp_path)
    printed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    shown = readme.partition("```text\n")[2].partition("```")[0]
    assert printed.stdout == shown
