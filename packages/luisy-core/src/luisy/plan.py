"""What a run would do, as values: a verdict and its reasons for every task of a pipeline."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, NamedTuple

from luisy.pipeline import Kind


class Verdict(StrEnum):
    """What happens to one task."""

    KEEP = "keep"
    DOWNLOAD = "download"
    RUN = "run"
    UNNEEDED = "not needed"
    MISSING = "missing"


class Cause(StrEnum):
    """What kind of fact a reason is."""

    CODE = "code"
    LIBRARY = "library"
    PARAMETER = "parameter"
    REQUIREMENT = "requirement"
    INPUT = "input"
    MISSING = "missing"
    MODIFIED = "modified"
    UNRECORDED = "unrecorded"
    UPSTREAM = "upstream"
    INCOMPLETE = "incomplete"
    SKIPPED = "skipped"


class Reason(NamedTuple):
    """Why an output does not count as fresh, in words a person can act on.

    Attributes:
        cause: What kind of fact it is.
        text: The words.
        subject: The part of the code, the key or the task that it is about, if one.
    """

    cause: Cause
    text: str
    subject: str = ""


class Step(NamedTuple):
    """The verdict on one task; a tuple, for plans have very many.

    Attributes:
        name: The task as a person writes it.
        key: The key of its output; empty for a task without one that luisy knows.
        kind: What it is to the planner.
        verdict: What happens to it.
        reasons: Why its local output is not fresh; empty for one that is.
        requires: The positions, in the plan, of the tasks that it requires.
        is_present: Whether an output is there now.
        is_fresh: Whether the output that is there now is the right one.
        files: How many files a download of it moves.
        size: How many bytes.
    """

    name: str
    key: str
    kind: Kind
    verdict: Verdict
    reasons: tuple[Reason, ...]
    requires: tuple[int, ...]
    is_present: bool = False
    is_fresh: bool = False
    files: int = 0
    size: int = 0

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "task": self.name,
            "key": self.key,
            "kind": str(self.kind),
            "verdict": str(self.verdict),
            "reasons": [
                {"cause": str(reason.cause), "text": reason.text, "subject": reason.subject}
                for reason in self.reasons
            ],
            "requires": list(self.requires),
            "files": self.files,
            "size": self.size,
        }


@dataclass(frozen=True, slots=True)
class Plan:
    """A verdict for every task of a pipeline, in the pipeline's order.

    Attributes:
        steps: One for each task; requirements come before what requires them.
        uploads: The keys of the outputs to send when the run is over, in the pipeline's order.
        notes: What the plan cannot tell for sure, in sentences.
    """

    steps: tuple[Step, ...]
    uploads: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def having(self, verdict: Verdict) -> Iterator[Step]:
        """Yield the steps with this verdict."""
        return (step for step in self.steps if step.verdict is verdict)

    @property
    def has_work(self) -> bool:
        """Whether something is to be run, downloaded or uploaded."""
        return bool(self.uploads) or any(
            step.verdict in {Verdict.RUN, Verdict.DOWNLOAD} for step in self.steps
        )

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        counts = {str(verdict): sum(1 for _ in self.having(verdict)) for verdict in Verdict}
        return {
            "format": "luisy-plan",
            "version": 1,
            "counts": counts,
            "steps": [step.as_json() for step in self.steps],
            "uploads": list(self.uploads),
            "notes": list(self.notes),
        }
