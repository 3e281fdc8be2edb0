"""Inputs that only a person can make and that are nowhere: which, where, and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress

from luisy_protocol.errors import ConfigurationError, NotFound

from luisy.config import Config
from luisy.pipeline import Pipeline
from luisy.plan import Plan, Step, Verdict
from luisy.workspace import Workspace

_SHOWN = 40


class MissingInput(NotFound):
    """An input that a run needs is nowhere."""


def check_inputs(
    pipeline: Pipeline, plan: Plan, workspace: Workspace, *, asked_store: str | None
) -> None:
    """Check that no input is missing that only a person can make.

    Args:
        pipeline: The tasks.
        plan: The verdicts on them.
        workspace: The working directory.
        asked_store: The URL of the store that was asked, if one was.

    Raises:
        MissingInput: If one is nowhere; it says which, and which task needs it.
    """
    missing = [at for at, step in enumerate(plan.steps) if step.verdict is Verdict.MISSING]
    if not missing:
        return
    needed_by = _needed_by(pipeline, plan, missing)
    inputs = [(plan.steps[at], needed_by.get(at, "")) for at in missing]
    if len(inputs) == 1:
        raise MissingInput(_sentence(*inputs[0], workspace, asked_store))
    lines = [_line(step, task, workspace) for step, task in inputs[:_SHOWN]]
    if len(inputs) > _SHOWN:
        lines.append(f"and {len(inputs) - _SHOWN:,} more")
    here = f", here and in {asked_store}" if asked_store else ""
    head = f"{len(inputs):,} inputs are missing{here}; put them in place{_or_fetch(asked_store)}:"
    raise MissingInput("\n  ".join([head, *lines]))


def _sentence(step: Step, task: str, workspace: Workspace, asked_store: str | None) -> str:
    needed = f", which {task} needs," if task else ""
    if not step.key:
        return f"{step.name}{needed} is not complete, and nothing can make it"
    place, advice = workspace.path(step.key), f"put it there{_or_fetch(asked_store)}"
    if not asked_store:
        return f"the input {step.name}{needed} is not at {place}; {advice}"
    there = f"{asked_store.rstrip('/')}/{step.key}"
    return f"the input {step.name}{needed} is neither at {place} nor at {there}; {advice}"


def _line(step: Step, task: str, workspace: Workspace) -> str:
    needed = f", for {task}" if task else ""
    return f"{workspace.path(step.key) if step.key else 'not complete:'} ({step.name}{needed})"


def _or_fetch(asked_store: str | None) -> str:
    """Return the other way to an input, if a store is configured that was not asked."""
    with suppress(ConfigurationError):
        if not asked_store and (store := Config().remote):
            return f", or fetch what {store} has with --download"
    return ""


def _needed_by(pipeline: Pipeline, plan: Plan, missing: Sequence[int]) -> dict[int, str]:
    """Return, for each input that is missing, the name of a task that needs it."""
    wanted, found = set(missing), dict[int, str]()
    for node, step in zip(pipeline.nodes, plan.steps, strict=True):
        if step.verdict is Verdict.RUN:
            for below in node.requires:
                if below in wanted:
                    found.setdefault(below, node.name)
    return found
