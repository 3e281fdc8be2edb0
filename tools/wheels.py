"""Builds every package's wheel, installs each alone into a clean environment, and imports it.

The wheels stay in ``dist/``. What works in the repository may still lack a file or a dependency in
its wheel: only a clean environment tells.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
DIST = ROOT / "dist"
PYTHON = "Scripts/python.exe" if os.name == "nt" else "bin/python"


class WheelError(Exception):
    """A wheel does not do alone what its package promises."""


@dataclass(frozen=True, slots=True)
class Package:
    """What the metadata of one package says.

    Attributes:
        folder: Where it is.
        name: The distribution's name.
        version: Its version.
        imports: What it can be imported as; nothing for the meta-package.
        requires: The packages of this repository that it asks for.
    """

    folder: Path
    name: str
    version: str
    imports: tuple[str, ...]
    requires: tuple[str, ...]


def main() -> int:
    """Build all, then try each."""
    packages = {package.name: package for package in map(read, sorted(ROOT.glob("packages/*")))}
    shutil.rmtree(DIST, ignore_errors=True)
    try:
        for package in packages.values():
            run("uv", "build", "--quiet", "--wheel", "--out-dir", DIST, package.folder)
        for package in packages.values():
            try_alone(package, packages)
    except (WheelError, subprocess.CalledProcessError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def read(folder: Path) -> Package:
    """Return what ``pyproject.toml`` says."""
    metadata = tomllib.loads((folder / "pyproject.toml").read_text())
    project = metadata["project"]
    sources = metadata["tool"]["hatch"]["build"]["targets"]["wheel"].get("packages", [])
    names = [re.split(r"[\[=<>~! ;]", line)[0] for line in project["dependencies"]]
    return Package(
        folder=folder,
        name=project["name"],
        version=project["version"],
        imports=tuple(Path(source).name for source in sources),
        requires=tuple(name for name in names if (ROOT / "packages" / name).is_dir()),
    )


def try_alone(package: Package, packages: Mapping[str, Package]) -> None:
    """Install one wheel with what it asks for, and use it outside the repository.

    Raises:
        WheelError: If it brings other siblings than it asks for.
    """
    with tempfile.TemporaryDirectory() as folder:
        python = Path(folder, "environment", PYTHON)
        run("uv", "venv", "--quiet", "--python", sys.executable, python.parent.parent)
        install = ("uv", "pip", "install", "--quiet", "--find-links", DIST, "--python", python)
        run(*install, f"{package.name}=={package.version}")
        check_siblings(package, packages, python)
        imports = "; ".join(f"import {name}" for name in package.imports) or "import luisy"
        run(python, "-I", "-c", imports, cwd=folder)
    print(f"{package.name} {package.version}: builds, installs alone, imports", flush=True)


def check_siblings(package: Package, packages: Mapping[str, Package], python: Path) -> None:
    """Compare what came along with what the metadata asks for, step by step."""
    wanted, waiting = {package.name}, [package]
    while waiting:
        for name in waiting.pop().requires:
            if name not in wanted:
                wanted.add(name)
                waiting.append(packages[name])
    listing = run("uv", "pip", "list", "--quiet", "--format", "json", "--python", python)
    installed = {entry["name"] for entry in json.loads(listing)} & packages.keys()
    if installed != wanted:
        raise WheelError(f"{package.name} brings {sorted(installed)}, not {sorted(wanted)}")


def run(*command: str | Path, cwd: str | Path = ROOT) -> str:
    """Run a command and return its output; its complaints stay visible."""
    done = subprocess.run(command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


if __name__ == "__main__":
    sys.exit(main())
