"""Shows the main job on real tables: two people, one store, one changed line.

Everything happens in a temporary folder, through the commands that a user types. After each step
the files are compared with what was said; the first difference ends the demonstration with exit
code 1, and the folder stays for a look.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
import time
from pathlib import Path

from tools.walkthrough.scenes import World, change_a_line, read_in_python, second_person, share
from tools.walkthrough.stage import CheckFailed, Stage

HERE = Path(__file__).parent


def main() -> int:
    """Play all scenes."""
    started = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="luisy-demo-"))
    world = World(folder)
    shutil.copytree(HERE / "project", world.code)
    environment = {"LUISY_REMOTE": world.store.as_uri(), "PYTHONPATH": str(world.code)}
    stage = Stage(world.code, environment)
    stage.tell(f"All of this happens in [bold]{folder}[/], which is removed at the end.")
    try:
        for scene in (share, second_person, read_in_python, change_a_line):
            scene(stage, world)
    except CheckFailed as error:
        stage.tell(f"\n[bold red]The demonstration failed:[/] {error}\nSee {folder}")
        return 1
    shutil.rmtree(folder)
    seconds = time.monotonic() - started
    stage.tell(f"\n[bold green]All {stage.checks} checks held[/], in {seconds:.0f} seconds.")
    return 0


if __name__ == "__main__":
    sys.exit(main())
