"""Tell, for each task of a pipeline, what a store holds of its output and what that is worth."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.sync import RemoteOutput

if TYPE_CHECKING:
    import luigi
    from luisy.facts import Facts
    from luisy.pipeline import Pipeline
    from luisy.plan import Plan


@dataclass(frozen=True, slots=True)
class RemoteState:
    """What a store holds of one output.

    Attributes:
        key: The output.
        task: The task that makes it, as a person writes it.
        state: ``fresh``, ``outdated``, ``incomplete``, ``untrusted`` (without record), ``absent``.
        reasons: Why it is not fresh, a few words each.
        remote: What is there, if something is.
        wanted_by: Who would have it downloaded now: the tasks that would run and read it, or
            ``you`` for the task that was asked for, or for what a wrapper stands for.
        for_newcomer: Whether somebody with an empty working directory would download it.
    """

    key: str
    task: str
    state: str
    reasons: tuple[str, ...]
    remote: RemoteOutput | None
    wanted_by: tuple[str, ...]
    for_newcomer: bool


def remote_states(root: luigi.Task, remote: str, working_dir: Path) -> list[RemoteState]:
    """Compare a pipeline with a store.

    Args:
        root: The task at the pipeline's end.
        remote: The URL of the store.
        working_dir: The working directory, which decides what would be downloaded now.

    Raises:
        Unavailable, AccessDenied, NotFound: If the store cannot be read.
    """
    from luisy.planner import make_plan
    from luisy.show import Nothing
    from luisy.work import Settings, Work
    from luisy.workspace import Workspace

    work = Work(root, Settings(Workspace(working_dir), remote, download=True), Nothing())
    here = work.look()
    pipeline, facts = work.pipeline, work.facts
    newcomer = make_plan(pipeline, _with_empty_disk(facts), download=True)
    readers = _readers(pipeline, here)
    states = []
    for position, node in enumerate(pipeline.nodes):
        if node.key:
            state, reasons = _judge(pipeline, facts, position)
            wanted_by = readers[node.key] if _is_download(here, position) else ()
            newly = _is_download(newcomer, position)
            held = facts.remote[position]
            states.append(RemoteState(node.key, node.name, state, reasons, held, wanted_by, newly))
    return states


def _with_empty_disk(facts: Facts) -> Facts:
    from luisy.facts import Facts as Values
    from luisy.facts import LocalOutput

    nothing = [LocalOutput() for _ in facts.local]
    return Values(facts.identities, nothing, facts.remote, facts.is_complete)


def _is_download(plan: Plan, position: int) -> bool:
    from luisy.plan import Verdict

    return plan.steps[position].verdict is Verdict.DOWNLOAD


def _judge(pipeline: Pipeline, facts: Facts, position: int) -> tuple[str, tuple[str, ...]]:
    from luisy.pipeline import Kind
    from luisy.reasons import differences

    node, remote = pipeline.nodes[position], facts.remote[position]
    if remote is None:
        return "absent", ()
    if not remote.is_complete:
        return "incomplete", ("an object is missing or not as recorded",)
    if node.kind is Kind.EXTERNAL:
        return "fresh", ()
    if remote.record is None:
        return "untrusted", ("no record",)
    reasons = [reason.text for reason in differences(facts.identities[position], remote.record)]
    reasons += _changed_inputs(pipeline, facts, position)
    return ("outdated", tuple(reasons)) if reasons else ("fresh", ())


def _changed_inputs(pipeline: Pipeline, facts: Facts, position: int) -> Iterator[str]:
    remote = facts.remote[position]
    for key, digest in remote.record.inputs.items() if remote and remote.record else ():
        if key not in pipeline.keys:
            continue
        above = facts.remote[pipeline.keys[key]]
        is_other = above and above.record and above.record.sha256 != digest
        if above and (above.is_replaced or is_other):
            yield f"input changed: {key}"


def _readers(pipeline: Pipeline, plan: Plan) -> Mapping[str, tuple[str, ...]]:
    """Return, by the key of an output, who reads it when the plan is carried out."""
    from luisy.plan import Verdict

    readers: dict[str, list[str]] = {node.key: [] for node in pipeline.nodes}
    asked_for = [pipeline.root] if pipeline.root.key else pipeline.inputs(len(pipeline.nodes) - 1)
    for node in asked_for:
        readers[node.key].append("you")
    for position, step in enumerate(plan.steps):
        if step.verdict is Verdict.RUN:
            for node in pipeline.inputs(position):
                readers[node.key].append(step.name)
    return {key: tuple(names) for key, names in readers.items()}
