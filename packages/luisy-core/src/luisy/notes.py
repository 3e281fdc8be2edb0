"""What a plan cannot tell for sure, in words: tasks of which luisy keeps no record.

There is no record of a task of plain luigi, nor of one whose output is no file in the working
directory (a table, a file elsewhere). Such a task is done when its ``complete()`` says so. That is
what luigi promises, and luisy does not run a task against it: one that writes to a database would
write twice. But whoever reads the plan must know what is taken on trust, and what stays as it is on
that trust although something below it has changed.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from luisy.pipeline import Kind, Pipeline
from luisy.plan import Cause, Step, Verdict

_UNRECORDED = {Kind.PLAIN, Kind.PLAIN_EXTERNAL}
_SHOWN = 3
_TRUSTED = (
    "no record is kept of {}: done is what complete() says, and a change of the output is not "
    "noticed"
)
_OUTDATED = (
    "not run again although something below has changed: {}. complete() says done, and no record "
    "is kept; remove the output and what was made of it, or let a luisy.Task write it below the "
    "working directory"
)


def notes(pipeline: Pipeline, steps: Sequence[Step]) -> tuple[str, ...]:
    """Return a sentence on what is taken on trust, and one on what is outdated nevertheless.

    Args:
        pipeline: The tasks.
        steps: The verdicts on them.
    """
    done = [at for at, step in enumerate(steps) if step.kind in _UNRECORDED and step.is_fresh]
    if not done:
        return ()
    outdated = _above_changes(pipeline, steps)
    rows = [
        (_TRUSTED, [steps[at].name for at in done if at not in outdated]),
        (_OUTDATED, [steps[at].name for at in done if at in outdated]),
    ]
    return tuple(words.format(_listed(names)) for words, names in rows if names)


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _above_changes(pipeline: Pipeline, steps: Sequence[Step]) -> set[int]:
    """Return the tasks without a record that require, also through each other, what has changed."""
    found: set[int] = set()
    for at, node in enumerate(pipeline.nodes):
        if not node.key and _has_changed(steps, found, node.requires):
            found.add(at)
    return found


def _has_changed(steps: Sequence[Step], found: set[int], below: Iterable[int]) -> bool:
    return any(
        at in found
        or steps[at].verdict in {Verdict.RUN, Verdict.DOWNLOAD}
        or any(reason.cause is not Cause.MISSING for reason in steps[at].reasons)
        for at in below
    )
