"""Makes what a fresh clone lacks, then hands over to hatch.

Called by `tools/hatch` with any Python from 3.11 on, before anything is installed: it uses the
standard library only.

1. ``.venv`` gets hatch, and with it uv. A stamp says for which requirements; while it is true,
   nothing is done.
2. With ``--servers``, ``npm ci`` installs Azurite below ``tools/servers``, again only when its lock
   changed.
3. hatch's environments, in ``.hatch``, go when the metadata of a package changed: hatch renews
   dependencies by itself, but not the entry points of what it installed.
4. hatch runs with the remaining arguments from the root of the repository.

pip and uv read different settings. Where somebody configured pip (an index, a folder of wheels, a
certificate), uv is told the same, unless it has a setting of its own.
"""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENTS = ROOT / ".hatch"
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
REQUIREMENTS = ROOT / "tools/requirements.txt"
SERVERS = ROOT / "tools/servers"
NODE_MAJOR = 20

# pip takes the best version of all indexes; uv stops at the first that has the name, unless told.
PIP_TO_UV = {
    "index-url": "UV_DEFAULT_INDEX",
    "extra-index-url": "UV_INDEX",
    "find-links": "UV_FIND_LINKS",
    "cert": "SSL_CERT_FILE",
}


def main(arguments: list[str]) -> int:
    """Prepare what is missing and run hatch."""
    with_servers = arguments[:1] == ["--servers"]
    try:
        prepare_venv()
        prepare_environments()
        if with_servers:
            prepare_servers()
    except subprocess.CalledProcessError as error:
        print(f"Set-up failed: {' '.join(map(str, error.cmd))} (exit {error.returncode})")
        return 1
    return run_hatch(arguments[1:] if with_servers else arguments)


def prepare_venv() -> None:
    """Make ``.venv`` with hatch, unless it is there as the requirements want it."""
    wanted = digest([REQUIREMENTS])
    if works(BIN / "python") and read(VENV / "hatch.stamp") == wanted:
        return
    started = time.monotonic()
    say(f"Making .venv with hatch and uv (Python {sys.version.split()[0]})")
    if not works(BIN / "python"):
        subprocess.run([sys.executable, "-m", "venv", "--clear", VENV], check=True)
    install = ["-m", "pip", "install", "-qq", "-r", str(REQUIREMENTS)]
    subprocess.run([str(BIN / "python"), *install], check=True, stdin=subprocess.DEVNULL)
    (VENV / "hatch.stamp").write_text(wanted)
    say(f".venv is ready after {time.monotonic() - started:.0f} s; the next time it is reused")


def prepare_environments() -> None:
    """Remove hatch's environments if the packages' metadata is not what they were made from."""
    stamp = ENVIRONMENTS / "metadata.stamp"
    wanted = digest([*sorted(ROOT.glob("packages/*/pyproject.toml")), SERVERS / "pyproject.toml"])
    if read(stamp) == wanted:
        return
    if ENVIRONMENTS.exists():
        say("A pyproject.toml changed: the environments are made anew")
        shutil.rmtree(ENVIRONMENTS)
    ENVIRONMENTS.mkdir()
    stamp.write_text(wanted)


def prepare_servers() -> None:
    """Install Azurite from its lock file, unless it is there as the lock wants it."""
    stamp = SERVERS / "node_modules/lock.stamp"
    wanted = digest([SERVERS / "package-lock.json"])
    if read(stamp) == wanted:
        return
    npm = shutil.which("npm")
    if npm is None or node_major() < NODE_MAJOR:
        sys.exit(
            f"Node {NODE_MAJOR} or newer with npm must be on PATH: the tests start Azurite on it."
        )
    started = time.monotonic()
    say("Installing Azurite under tools/servers (npm ci)")
    # Azurite asks for a newer Node than it needs; every other warning is of its own dependencies.
    install = [npm, "ci", "--no-audit", "--no-fund", "--loglevel=error"]
    subprocess.run(install, cwd=SERVERS, check=True, stdin=subprocess.DEVNULL)
    stamp.write_text(wanted)
    say(f"Azurite is ready after {time.monotonic() - started:.0f} s; the next time it is reused")


def run_hatch(arguments: list[str]) -> int:
    """Run hatch from the root and return its exit code."""
    sys.stdout.flush()
    environment = {"HATCH_DATA_DIR": str(ENVIRONMENTS), **os.environ, **uv_settings()}
    command = [str(BIN / "hatch"), *arguments]
    return subprocess.run(command, cwd=ROOT, env=environment, check=False).returncode


def uv_settings() -> dict[str, str]:
    """Return pip's settings in the words of uv, as far as uv has none of its own."""
    settings = pip_settings()
    found = {uv: settings[pip] for pip, uv in PIP_TO_UV.items() if settings.get(pip)}
    if "UV_INDEX" in found:
        found["UV_INDEX_STRATEGY"] = "unsafe-best-match"
    return {name: value for name, value in found.items() if name not in os.environ}


def pip_settings() -> dict[str, str]:
    """Return what ``pip config`` tells; a variable of the environment wins over a file."""
    command = [str(BIN / "python"), "-m", "pip", "config", "list"]
    told = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    settings: dict[str, str] = {}
    for line in sorted(told.splitlines(), key=lambda line: line.startswith(":env:")):
        name, _, value = line.partition("=")
        section, _, key = name.rpartition(".")
        if section in {"global", "install", ":env:"}:
            settings[key] = " ".join(str(ast.literal_eval(value)).split())
    return settings


def node_major() -> int:
    """Return the major version of the Node on PATH, 0 without one."""
    if not (node := shutil.which("node")):
        return 0
    version = subprocess.run(
        [node, "--version"], capture_output=True, text=True, check=False
    ).stdout
    major = version.strip().lstrip("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def works(python: Path) -> bool:
    """Tell whether this interpreter exists and starts: one that was upgraded away does not."""
    return python.exists() and subprocess.run([python, "-c", ""], check=False).returncode == 0


def digest(paths: list[Path]) -> str:
    """Return the digest of some files, which a stamp keeps."""
    return hashlib.sha256(b"\0".join(path.read_bytes() for path in paths)).hexdigest()


def read(path: Path) -> str:
    """Return the text of a file, empty without one."""
    return path.read_text() if path.exists() else ""


def say(text: str) -> None:
    """Tell what happens, at once."""
    print(f"==> {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
