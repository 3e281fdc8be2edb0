"""The four scenes, each with its checks."""

from __future__ import annotations

import difflib
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from vega_datasets import local_data

from tools.walkthrough.stage import Stage

RUN = "--module my_module.tasks FinalFile"
RAW = {"raw/file_a.csv", "raw/file_b.csv"}
MADE = {"interim/MultipliedFile.csv", "final/FinalFile.csv"}
PROGRAM = """\
import luisy
from my_module.tasks import FinalFile

luisy.set_working_dir("../carla")
luisy.activate_download()
print(FinalFile().read().head(3))
"""


@dataclass(frozen=True, slots=True)
class World:
    """The folders of the demonstration: the team's code and store, and each person's own."""

    root: Path

    @property
    def code(self) -> Path:
        """The project, and the folder in which everybody types."""
        return self.root / "code"

    @property
    def store(self) -> Path:
        """The shared directory."""
        return self.root / "store"

    def outputs(self, owner: str) -> set[str]:
        """Return the files below a person's (or the store's) project folder, luisy's own aside."""
        project = self.root / owner / "my_module"
        files = (path.relative_to(project) for path in project.rglob("*") if path.is_file())
        return {path.as_posix() for path in files if not path.parts[0].startswith(".")}

    def content(self, owner: str, name: str) -> bytes:
        """Return the bytes of one of those files."""
        return (self.root / owner / "my_module" / name).read_bytes()


def share(stage: Stage, world: World) -> None:
    """Run everything and upload it."""
    stage.scene(
        "1. Anna has the raw files, runs the pipeline, and shares it",
        "FileA and FileB are real tables: the temperature in Seattle and in San Francisco, every"
        " hour of 2010.\nMultipliedFile needs FileA; FinalFile needs MultipliedFile and FileB.",
    )
    raw = world.root / "anna/my_module/raw"
    raw.mkdir(parents=True)
    world.store.mkdir()
    shutil.copy(local_data.seattle_temps.filepath, raw / "file_a.csv")
    shutil.copy(local_data.sf_temps.filepath, raw / "file_b.csv")
    stage.show(f"Set for everybody: LUISY_REMOTE={world.store.as_uri()}", "")
    stage.luisy(f"{RUN} --working-dir ../anna --upload --no-ask")
    stage.check("Anna has all four files", holds=world.outputs("anna") == RAW | MADE)
    same = all(world.content("store", n) == world.content("anna", n) for n in RAW | MADE)
    stage.check("the store has the same four, byte for byte", holds=same)
    records = (world.store / "my_module/.luisy.hash").is_file()
    stage.check("and their records", holds=records)


def second_person(stage: Stage, world: World) -> None:
    """Download what is needed, compute what is missing, upload it."""
    stage.scene(
        "2. Ben has nothing, and FinalFile is gone from the store",
        "He needs FinalFile: not there. So he needs MultipliedFile and FileB: both are. FileA is"
        " of no use to him.",
    )
    (world.store / "my_module/final/FinalFile.csv").unlink()
    said = stage.luisy(f"{RUN} --working-dir ../ben --download --no-ask")
    wanted = {"raw/file_b.csv", *MADE}
    stage.check("Ben has these three, and no file_a", holds=world.outputs("ben") == wanted)
    stage.check("only FinalFile was computed", holds=computed(said) == ["FinalFile"])
    same = world.content("ben", "final/FinalFile.csv") == world.content(
        "anna", "final/FinalFile.csv"
    )
    stage.check("it is what Anna has, byte for byte", holds=same)
    said = stage.luisy(f"{RUN} --working-dir ../ben --upload --no-ask")
    stage.check("the store has FinalFile again", holds=world.outputs("store") == RAW | MADE)
    stage.check("nothing was computed for that", holds=computed(said) == [])


def read_in_python(stage: Stage, world: World) -> None:
    """Read a result that is not there yet."""
    stage.scene("3. Carla wants the table, in Python")
    (world.code / "look.py").write_text(PROGRAM)
    stage.show("look.py", PROGRAM)
    said = stage.type("python look.py", [sys.executable, "look.py"])
    stage.check("she gets the frame", holds="2010/01" in said and "seattle" in said)
    only = world.outputs("carla") == {"final/FinalFile.csv"}
    stage.check("and no file but FinalFile was downloaded", holds=only)


def change_a_line(stage: Stage, world: World) -> None:
    """Change a comment, then a line that counts."""
    stage.scene("4. Anna edits a helper", "First only what it says about itself:")
    edit(stage, world, lambda text: text.replace("Correct a thermometer", "Mend a thermometer"))
    said = stage.luisy(f"{RUN} --working-dir ../anna --no-ask")
    stage.check("a docstring counts for nothing: nothing runs", holds=computed(said) == [])
    stage.tell("\nThen what it does:")
    edit(stage, world, lambda text: text.replace("* 1.02", "* 1.03"))
    before = world.content("anna", "final/FinalFile.csv")
    said = stage.luisy(f"{RUN} --working-dir ../anna --dry-run")
    named = all(name in said for name in ("MultipliedFile", "FinalFile"))
    stage.check("the plan names MultipliedFile and FinalFile", holds=named)
    reason = "calibrate" in said and "my_module/util.py" in said
    stage.check("and the reason: calibrate in my_module/util.py", holds=reason)
    kept = world.content("anna", "final/FinalFile.csv") == before and computed(said) == []
    stage.check("nothing has happened yet", holds=kept)
    said = stage.luisy(f"{RUN} --working-dir ../anna --no-ask")
    both = computed(said) == ["MultipliedFile", "FinalFile"]
    stage.check("now those two ran, and no more", holds=both)
    stage.check("the result is new", holds=world.content("anna", "final/FinalFile.csv") != before)


def edit(stage: Stage, world: World, change: Callable[[str], str]) -> None:
    """Change the helpers' file and show the difference."""
    path = world.code / "my_module/util.py"
    old = path.read_text()
    path.write_text(new := change(old))
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=1)
    stage.show("my_module/util.py", "\n".join(list(lines)[2:]))


def computed(output: str) -> list[str]:
    """Return the tasks that said that they compute, in order."""
    start, end = "[computing ", "]"
    lines = [line.strip() for line in output.splitlines()]
    return [line[len(start) : -len(end)] for line in lines if line.startswith(start)]
