"""Explain the verdict on each task: what changed, how the task depends on it, and since when.

An explanation is a value. For each part of the code that differs from what the output's record
tells it holds the source that made the output, if it was kept (`luisy.code_store`), the present
source, and the chain of references from the task's class to the part.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from luisy_protocol.record import Record

from luisy.code_store import CodeStore
from luisy.pipeline import Kind
from luisy.plan import Cause, Step, Verdict

if TYPE_CHECKING:
    from luisy.hashing import CodeHash, Unresolved
    from luisy.work import Work


@dataclass(frozen=True, slots=True)
class CodeChange:
    """A part of the code that is not what made the output.

    Attributes:
        part: Its name: ``my_module/util.py:scale``.
        chain: The parts from the task's class down to this one.
        before: The source that made the output; None if it was not kept.
        now: The present source; empty for a part that is no longer used.
    """

    part: str
    chain: tuple[str, ...]
    before: str | None
    now: str

    def diff(self) -> list[str]:
        """Return a unified diff; empty if what was before is not known."""
        if self.before is None:
            return []
        return list(
            difflib.unified_diff(
                self.before.splitlines(),
                self.now.splitlines(),
                "when the output was made",
                "now",
                lineterm="",
            )
        )


@dataclass(frozen=True, slots=True)
class Explanation:
    """The verdict on one task, with all that led to it.

    Attributes:
        step: The verdict and its reasons.
        record: What is known of the output that is there, or was.
        hash: The hash of the task by the present code; empty for an input.
        changes: The parts of the code that differ.
        unresolved: What of the code could not be followed.
    """

    step: Step
    record: Record | None
    hash: str
    changes: tuple[CodeChange, ...]
    unresolved: tuple[Unresolved, ...]

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            **self.step.as_json(),
            "hash": self.hash,
            "record": _record_json(self.record),
            "changes": [
                {"part": change.part, "chain": list(change.chain), "diff": change.diff()}
                for change in self.changes
            ],
            "unresolved": [
                {
                    "file": one.file,
                    "line": one.line,
                    "expression": one.expression,
                    "taken": one.taken,
                }
                for one in self.unresolved
            ],
        }


def explain(work: Work) -> Iterator[Explanation]:
    """Yield an explanation for each task of a plan, requirements first."""
    from luisy.hashing import hash_class

    stores = {
        project: CodeStore(work.settings.workspace.private(project) / "code")
        for project in work.pipeline.projects
    }
    for position, (node, step) in enumerate(zip(work.pipeline.nodes, work.plan.steps, strict=True)):
        record = work.facts.local[position].record
        if node.kind is not Kind.OUTPUT:
            yield Explanation(step, record, "", (), ())
            continue
        code = hash_class(type(node.task))
        changes = tuple(_changes(code, record, stores[node.project])) if record else ()
        made_by = work.facts.identities[position].hash
        yield Explanation(step, record, made_by, changes, code.unresolved)


def concerned(explanations: Iterator[Explanation]) -> Iterator[Explanation]:
    """Leave out what is fresh and what nothing needs."""
    quiet = {Verdict.KEEP, Verdict.UNNEEDED}
    return (one for one in explanations if one.step.verdict not in quiet)


def _changes(code: CodeHash, record: Record, store: CodeStore) -> Iterator[CodeChange]:
    if not record.parts or record.origin == "external":
        return
    for part in sorted(code.parts.keys() | record.parts.keys()):
        before, now = record.parts.get(part), code.parts.get(part)
        if before == now:
            continue
        chain = tuple(_chain(code.reached_from, part)) if now else (part,)
        was = "" if before is None else _source(part, before, store)
        yield CodeChange(part, chain, was, code.sources.get(part, "") if now else "")


def _source(part: str, digest: str, store: CodeStore) -> str | None:
    if part.startswith("library:"):
        return f"{part.removeprefix('library:')} {digest}"
    return store.source(digest)


def _chain(reached_from: Mapping[str, str], part: str) -> list[str]:
    chain = [part]
    while (above := reached_from.get(chain[-1], "")) and above not in chain:
        chain.append(above)
    return chain[::-1]


def _record_json(record: Record | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "hash": record.hash,
        "sha256": record.sha256,
        "size": record.size,
        "origin": record.origin,
        "previous_hash": record.previous_hash,
        "time": record.time,
        "host": record.host,
        "version": record.version,
        "inputs": dict(record.inputs),
    }


def part_text(part: str) -> str:
    """Return the name of a part as a person reads it: ``scale in my_module/util.py``."""
    file, _, name = part.partition(":")
    if file in {"library", "file"}:
        return name
    return file if name == "*" else f"{name} in {file}"


CODE_CAUSES = {Cause.CODE, Cause.LIBRARY}
"""The reasons that a `CodeChange` says more about."""
