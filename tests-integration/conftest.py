"""A team with one code base and one store; everything goes through the installed commands."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from vega_datasets import local_data

ROOT = Path(__file__).parent.parent
BIN = Path(sys.executable).parent
OURS = ("LUISY_", "LUIGI_", "WORKING_DIR", "CLOUD_", "FIRECREST_")


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.out + self.err

    @property
    def computed(self) -> list[str]:
        """The tasks whose run method was called, in order: they say so on standard output."""
        start = "[computing "
        lines = (line.strip() for line in self.out.splitlines())
        return [line[len(start) : -1] for line in lines if line.startswith(start)]

    @property
    def complaint(self) -> str:
        """The one line on standard error that tells the user what is wrong."""
        assert "Traceback" not in self.text, self.text
        lines = [line for line in self.err.splitlines() if line.strip()]
        assert len(lines) == 1, self.err
        return lines[0]


@dataclass(frozen=True, slots=True)
class Team:
    """Folders of a team: the code, the shared store, and a working directory for each person."""

    root: Path
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def code(self) -> Path:
        return self.root / "code"

    @property
    def store(self) -> Path:
        return self.root / "store"

    def run(self, line: str, **settings: str | None) -> Result:
        """Run a line of ``luisy``, ``luigi`` or ``python`` in the code's folder."""
        done = subprocess.run(
            self.command(line),
            cwd=self.code,
            env=self.environment(settings),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Result(done.returncode, done.stdout, done.stderr)

    def start(self, line: str) -> subprocess.Popen[str]:
        """Start a command line in a process group of its own, as a terminal does."""
        return subprocess.Popen(
            self.command(line),
            cwd=self.code,
            env=self.environment({}),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            start_new_session=True,
        )

    def command(self, line: str) -> list[str]:
        name, *arguments = line.split()
        return [str(BIN / name), *arguments]

    def environment(self, settings: Mapping[str, str | None]) -> dict[str, str]:
        inherited = {key: val for key, val in os.environ.items() if not key.startswith(OURS)}
        wanted = {**inherited, **self.settings, **settings}
        return {key: value for key, value in wanted.items() if value is not None}

    def files(self, owner: str) -> set[str]:
        """Return the files of somebody's project (or the store's), luisy's own aside."""
        project = self.root / owner / "my_module"
        files = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
        return {path.as_posix() for path in files if not path.parts[0].startswith(".")}

    def content(self, owner: str, name: str) -> bytes:
        return (self.root / owner / "my_module" / name).read_bytes()

    def give_raw_files(self, owner: str) -> None:
        raw = self.root / owner / "my_module/raw"
        raw.mkdir(parents=True)
        shutil.copy(local_data.seattle_temps.filepath, raw / "file_a.csv")
        shutil.copy(local_data.sf_temps.filepath, raw / "file_b.csv")

    def write_module(self, name: str, text: str) -> None:
        """Add a module ``my_module.<name>`` to the code."""
        (self.code / "my_module" / f"{name}.py").write_text(text)

    def edit(self, name: str, old: str, new: str) -> None:
        """Replace a text of one of the code's files, which must be there."""
        path = self.code / "my_module" / name
        assert old in path.read_text()
        path.write_text(path.read_text().replace(old, new))


def team_at(root: Path) -> Team:
    """Return a team whose folders are below `root`."""
    team = Team(root)
    team.settings["LUISY_REMOTE"] = team.store.as_uri()
    team.settings["PYTHONPATH"] = str(team.code)
    team.settings["PYTHONDONTWRITEBYTECODE"] = "1"
    return team


@pytest.fixture(scope="session")
def new_team() -> Callable[[Path], Team]:
    """Give teams whose code is written by the test."""
    return team_at


@pytest.fixture
def team(tmp_path: Path) -> Team:
    """A team with the documents' pipeline, an empty store, and nobody's files."""
    shutil.copytree(ROOT / "tools/walkthrough/project", tmp_path / "code")
    (tmp_path / "store").mkdir()
    return team_at(tmp_path)


@pytest.fixture(scope="session")
def after_anna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folders of a team after Anna, who has the raw files, ran everything and uploaded it."""
    root = tmp_path_factory.mktemp("after-anna")
    shutil.copytree(ROOT / "tools/walkthrough/project", root / "code")
    (root / "store").mkdir()
    team = team_at(root)
    team.give_raw_files("anna")
    command = "luisy --module my_module.tasks FinalFile --working-dir ../anna --upload --no-ask"
    done = team.run(command)
    assert done.code == 0, done.text
    return root


@pytest.fixture
def shared(after_anna: Path, tmp_path: Path) -> Team:
    """A copy of that team; records hold for wherever the folders are."""
    shutil.copytree(after_anna, tmp_path, dirs_exist_ok=True)
    return team_at(tmp_path)
