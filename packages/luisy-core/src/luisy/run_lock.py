"""Let one run at a time work in a project's folder.

The lock is held while something is executed, not while a plan is made. Who holds it is written
beside it, so that the one who waits can say for whom.
"""

from __future__ import annotations

import json
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from luisy_protocol.errors import Unavailable
from luisy_protocol.locking import locked
from luisy_protocol.os_errors import translated

from luisy.workspace import Workspace

_FOREVER = 10.0 * 365 * 24 * 3600


@contextmanager
def alone(
    workspace: Workspace, projects: Iterable[str], *, waiting: Callable[[str], None]
) -> Iterator[bool]:
    """Hold the locks of some projects during the block, waiting for those of others.

    Args:
        workspace: The working directory.
        projects: The projects that the run writes to.
        waiting: Told, in a sentence, whom the run waits for.

    Yields:
        Whether it had to wait: then what was known before may be outdated.
    """
    with ExitStack() as stack:
        waited = [
            _acquire(stack, workspace.private(project), project, waiting)
            for project in sorted(projects)
        ]
        yield any(waited)


def _acquire(stack: ExitStack, folder: Path, project: str, waiting: Callable[[str], None]) -> bool:
    with translated(f"write {folder}"):
        folder.mkdir(parents=True, exist_ok=True)
    lock, holder = folder / "lock", folder / "running"
    waited = False
    try:
        stack.enter_context(locked(lock, patience=0))
    except Unavailable:
        waited = True
        waiting(f"another run ({_who(holder)}) works on {project}; waiting for it to end")
        stack.enter_context(locked(lock, patience=_FOREVER))
    stack.callback(_remove, holder)
    with suppress(OSError):  # it only tells who it is: a full disk is no reason not to go on
        holder.write_text(json.dumps({"pid": os.getpid(), "host": platform.node()}), "utf-8")
    return waited


def _remove(holder: Path) -> None:
    with suppress(OSError):
        holder.unlink()


def _who(holder: Path) -> str:
    with suppress(OSError, ValueError, KeyError, TypeError):
        known = json.loads(holder.read_text("utf-8"))
        return f"process {known['pid']} on {known['host']}"
    return "of an unknown process"
