import os
import subprocess
import sys

import pytest

PLUGIN = """
def make_loud_output(text):
    return text.upper()
"""
ENTRY_POINTS = """
[luisy.extensions]
make_loud_output = loud_plugin:make_loud_output
broken = loud_plugin:missing
"""


@pytest.fixture
def plugin(tmp_path):
    """A folder with an installed distribution that adds names to luisy."""
    (tmp_path / "loud_plugin.py").write_text(PLUGIN)
    info = tmp_path / "loud_plugin-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: loud-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(ENTRY_POINTS)
    return tmp_path


def run(code, folder):
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    return subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize(
    "code",
    [
        "import luisy; print(luisy.make_loud_output('x'))",
        "from luisy import make_loud_output; print(make_loud_output('x'))",
        "from luisy.decorators import make_loud_output; print(make_loud_output('x'))",
    ],
    ids=["attribute", "from-luisy", "from-decorators"],
)
def test_name_of_an_installed_package_is_found(code, plugin):
    assert run(code, plugin).stdout == "X\n"


def test_installed_names_are_listed_but_not_imported(plugin):
    code = (
        "import luisy, sys; print('make_loud_output' in dir(luisy), 'loud_plugin' in sys.modules)"
    )
    assert run(code, plugin).stdout == "True False\n"


def test_broken_extension_breaks_only_its_own_name(plugin):
    code = "import luisy; luisy.make_loud_output('x'); luisy.broken"
    done = run(code, plugin)
    assert "AttributeError" in done.stderr.splitlines()[-1]
    assert "missing" in done.stderr.splitlines()[-1]


@pytest.mark.parametrize("module", ["luisy", "luisy.decorators"])
def test_missing_package_of_a_known_name_is_named(module, tmp_path):
    """With every entry point hidden, as if luisy-core were alone."""
    code = (
        "import importlib.metadata\n"
        "importlib.metadata.entry_points = lambda **_: []\n"
        f"from {module} import make_directory_output\n"
    )
    last = run(code, tmp_path).stderr.strip().splitlines()[-1]
    assert last.startswith("luisy_protocol.errors.MissingPackage: ")
    assert "pip install luisy-dirs" in last
