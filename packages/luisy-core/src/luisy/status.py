"""Sum up a plan: one line for each layer and task family."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from luisy.pipeline import Kind, Pipeline
from luisy.plan import Plan, Step


@dataclass(slots=True)
class Family:
    """How the outputs of one task family are.

    Attributes:
        layer: The folder of the project in which they are; empty for tasks without outputs.
        family: The name of the task's class.
        fresh: How many are what the present code and data would make.
        outdated: How many are there, but are not.
        missing: How many are not there.
        size: The bytes of those that are there.
        reasons: Why some are outdated, and how many for each reason.
    """

    layer: str
    family: str
    fresh: int = 0
    outdated: int = 0
    missing: int = 0
    size: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def as_json(self) -> dict[str, Any]:
        """Return it as a JSON object."""
        return {
            "layer": self.layer,
            "family": self.family,
            "fresh": self.fresh,
            "outdated": self.outdated,
            "missing": self.missing,
            "size": self.size,
            "reasons": dict(self.reasons),
        }


def sum_up(pipeline: Pipeline, plan: Plan, sizes: Sequence[int]) -> list[Family]:
    """Return a line for each layer and family, layer by layer in the order of the pipeline.

    Args:
        pipeline: The tasks.
        plan: The verdicts on them.
        sizes: The bytes of each output that is there.
    """
    families: dict[tuple[str, str], Family] = {}
    for node, step, size in zip(pipeline.nodes, plan.steps, sizes, strict=True):
        if node.kind is Kind.WRAPPER:
            continue
        layer = node.key.split("/")[1] if node.key.count("/") > 1 else ""
        name = node.task.get_task_family()
        family = families.setdefault((layer, name), Family(layer, name))
        _count(family, step, size)
    layers = list(dict.fromkeys(layer for layer, _ in families))
    return sorted(families.values(), key=lambda family: layers.index(family.layer))


def _count(family: Family, step: Step, size: int) -> None:
    family.size += size
    if step.is_fresh:
        family.fresh += 1
    elif step.is_present:
        family.outdated += 1
        family.reasons.update(reason.text for reason in step.reasons[:1])
    else:
        family.missing += 1
