"""What is measured. Each case sets up, then returns the function whose time counts.

A case runs in a process of its own, in an empty working directory, so that nothing is warm but what
it warms itself.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

Case: TypeAlias = Callable[[Path], Callable[[], object]]


def walk_chain(folder: Path) -> Callable[[], object]:
    """Walk the pipeline of a chain of 10,000 tasks."""
    import luisy
    from luisy.pipeline import discover

    from tools.bench.pipelines import chain

    luisy.set_working_dir(str(folder))
    root = chain(10_000)
    return lambda: discover(root)


def plan_chain(folder: Path) -> Callable[[], object]:
    """Walk, hash, look at the disk and plan a chain of 10,000 tasks."""
    import luisy

    from tools.bench.pipelines import chain

    root = chain(10_000)
    return lambda: luisy.build(root, working_dir=str(folder), dry_run=True)


def plan_ladder(folder: Path) -> Callable[[], object]:
    """Walk, hash, look at the disk and plan a ladder of 30 diamonds: 2**30 paths, 60 tasks."""
    import luisy

    from tools.bench.pipelines import ladder

    root = ladder(30)
    return lambda: luisy.build(root, working_dir=str(folder), dry_run=True)


def run_chain(folder: Path) -> Callable[[], object]:
    """Run a chain of 500 trivial tasks with one worker."""
    import luisy

    from tools.bench.pipelines import chain

    root = chain(500)
    return lambda: luisy.build(root, working_dir=str(folder))


def run_nothing(folder: Path) -> Callable[[], object]:
    """Run a chain of 500 tasks that is up to date."""
    import luisy

    from tools.bench.pipelines import chain

    root = chain(500)
    luisy.build(root, working_dir=str(folder))
    return lambda: luisy.build(root, working_dir=str(folder))


def read_records(folder: Path) -> Callable[[], object]:
    """Read 100,000 local records."""
    from luisy_protocol import LocalRecords, Record

    path = folder / ".luisy.hash"
    parts = {f"my_module/util.py:helper_{number}": "0" * 64 for number in range(20)}
    LocalRecords(path).append(
        Record(
            key=f"my_module/interim/part_{number}.csv",
            hash=f"{number:064x}",
            sha256=f"{number:064x}",
            size=number,
            parts=parts,
        )
        for number in range(100_000)
    )
    return lambda: LocalRecords(path).read()


def import_luigi(folder: Path) -> Callable[[], object]:
    """Start Python and import luigi, to compare with."""
    return lambda: _python("import luigi")


def import_luisy(folder: Path) -> Callable[[], object]:
    """Start Python and import luisy."""
    return lambda: _python("import luisy")


def show_help(folder: Path) -> Callable[[], object]:
    """Run the command with --help."""
    command = [str(Path(sys.executable).with_name("luisy")), "--help"]
    return lambda: subprocess.run(command, check=True, capture_output=True)


def _python(code: str) -> None:
    subprocess.run([sys.executable, "-c", code], check=True)


CASES: dict[str, Case] = {
    "import luigi": import_luigi,
    "import luisy": import_luisy,
    "luisy --help": show_help,
    "walk a chain of 10,000": walk_chain,
    "plan a chain of 10,000": plan_chain,
    "plan a ladder of 30 diamonds": plan_ladder,
    "run a chain of 500": run_chain,
    "run it again": run_nothing,
    "read 100,000 records": read_records,
}
