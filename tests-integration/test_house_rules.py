"""Rules that hold for every package of the repository."""

import ast
import importlib
import importlib.metadata
import importlib.util
import json
import re
import subprocess
import sys
import tomllib
from itertools import chain
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parent.parent
IMPORTS = {
    "luisy-protocol": "luisy_protocol",
    "luisy-core": "luisy",
    "luisy-cloud": "luisy_cloud",
    "luisy-dirs": "luisy_dirs",
    "m80-cloud": "minus80",
    "firecrest-client": "firecrest",
}
MAY_IMPORT = {
    "luisy-protocol": set(),
    "luisy-core": {"luisy_protocol"},
    "luisy-cloud": {"luisy_protocol", "luisy"},
    "luisy-dirs": {"luisy_protocol", "luisy"},
    "m80-cloud": {"luisy_protocol"},
    "firecrest-client": {"luisy_protocol"},
}
PACKAGES = sorted(path.name for path in (ROOT / "packages").iterdir() if path.is_dir())
WITH_CODE = [name for name in IMPORTS if any((ROOT / "packages" / name / "src").rglob("*.py"))]
HEAVY = {
    "aiohttp", "azure", "boto3", "botocore", "httpx", "IPython", "matplotlib", "networkx",
    "numpy", "pandas", "polars", "pyarrow", "pyspark", "requests", "rich", "tables",
}  # fmt: skip


def metadata_of(name):
    return tomllib.loads((ROOT / "packages" / name / "pyproject.toml").read_text())["project"]


def test_there_are_no_packages_but_these():
    assert set(PACKAGES) == {*IMPORTS, "luisy"}


def test_version_is_the_same_everywhere():
    command = [sys.executable, ROOT / "tools/set-version"]
    told = subprocess.run(command, capture_output=True, text=True, check=False)
    assert told.returncode == 0, told.stdout
    assert {importlib.metadata.version(name) for name in PACKAGES} == {told.stdout.strip()}


@pytest.mark.parametrize("name", PACKAGES)
def test_siblings_are_pinned_to_the_version(name):
    project = metadata_of(name)
    extras = project.get("optional-dependencies", {}).values()
    for line in chain(project["dependencies"], *extras):
        sibling = re.split(r"[\[=<>~! ;]", line)[0]
        if sibling in PACKAGES:
            assert re.fullmatch(rf"{sibling}(\[.*\])?=={re.escape(project['version'])}", line)


def test_the_family_is_what_the_meta_package_asks_for():
    asked = {re.split(r"[\[=]", line)[0] for line in metadata_of("luisy")["dependencies"]}
    assert asked == set(IMPORTS)


@pytest.mark.parametrize("name", WITH_CODE)
def test_package_imports_only_what_the_arrows_allow(name):
    forbidden = set(IMPORTS.values()) - MAY_IMPORT[name] - {IMPORTS[name]}
    for path in (ROOT / "packages" / name / "src").rglob("*.py"):
        assert not imported_by(path) & forbidden, path


def imported_by(path):
    names = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            names.add(node.module.partition(".")[0])
    return names


@pytest.mark.parametrize("name", WITH_CODE)
def test_all_is_sorted_and_true(name):
    package = importlib.import_module(IMPORTS[name])
    declared = list(package.__all__)
    assert declared == sorted(declared)
    assert [name for name in declared if not hasattr(package, name)] == []
    modules = {f"{package.__name__}.{name}" for name in declared}
    public = {
        name
        for name, value in vars(package).items()
        if not name.startswith("_")
        and name != "TYPE_CHECKING"
        and str(getattr(value, "__module__", "")).partition(".")[0] not in sys.stdlib_module_names
        and not (isinstance(value, ModuleType) and value.__name__ not in modules)
    }
    assert public <= set(declared)


@pytest.mark.parametrize("name", WITH_CODE)
def test_import_pulls_in_no_heavy_library(name):
    loaded = loaded_by(IMPORTS[name])
    # luigi imports requests wherever it is installed.
    by_luigi = loaded_by("luigi") if "luigi" in loaded else set()
    assert not (loaded - by_luigi) & HEAVY


def loaded_by(module):
    code = f"import {module}, json, sys; print(json.dumps(list(sys.modules)))"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return {name.partition(".")[0] for name in json.loads(told.stdout)}


@pytest.mark.parametrize("name", PACKAGES)
def test_package_has_what_every_package_has(name):
    folder = ROOT / "packages" / name
    for file in ("README.md", "CHANGELOG.md", "LICENSE"):
        assert (folder / file).read_text().strip()
    assert (folder / "LICENSE").read_text() == (ROOT / "LICENSE").read_text()
    assert f"## {metadata_of(name)['version']}" in (folder / "CHANGELOG.md").read_text()
    if name in IMPORTS:
        assert (folder / "src" / IMPORTS[name] / "py.typed").exists()


@pytest.mark.parametrize("name", PACKAGES)
def test_readme_tells_all_that_a_readme_must(name):
    text = (ROOT / "packages" / name / "README.md").read_text()
    titles = [line[3:].lower() for line in text.splitlines() if line.startswith("## ")]
    wanted = ["install", "add", "settings", "errors", "will not"]
    places = [next((i for i, t in enumerate(titles) if word in t), None) for word in wanted]
    assert None not in places, f"{titles} lacks one of {wanted}"
    assert places == sorted(places)


def test_text_names_no_machine_and_no_registry():
    """What is written here must be true on every machine."""
    machine = [f"/{name}/" for name in ("work", "root", "farm", "home/runner")]
    hosts = ["registry.npm" + "js", "files.python" + "hosted", "pypi" + ".org"]
    pattern = re.compile("|".join(rf"(?<![\w./-]){re.escape(word)}" for word in machine + hosts))
    listing = ["git", "ls-files", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    found = []
    for name in filter(None, names.split("\0")):
        path = ROOT / name
        if path.is_file() and (match := pattern.search(path.read_text(errors="replace"))):
            found.append(f"{name}: {match[0]}")
    assert found == []
