"""Adopt outputs that are there as if the present code had made them.

For a change of the code that a person knows to change no result, and for what luisy 1.4 made. Each
adopted record is marked so, and keeps the hash that the output had before. An output that is not
there is never adopted. One that luisy 1.4 wrote under another name, because it named odd parameter
values in another way, is renamed.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from luisy_protocol.os_errors import translated

from luisy.pipeline import Kind, Node
from luisy.task import Task
from luisy.work import Work
from luisy.yielded import Memory


@dataclass(frozen=True, slots=True)
class Adoption:
    """An output to be adopted.

    Attributes:
        node: The task that would make it.
        position: Where it is in the pipeline.
        previous_hash: The hash it was recorded with, by luisy 1.4 perhaps; empty if it was not.
        former_key: Where it is now, if it is to be renamed.
    """

    node: Node
    position: int
    previous_hash: str
    former_key: str = ""


def candidates(work: Work) -> list[Adoption]:
    """Return the outputs that are there and do not count as fresh, in the pipeline's order."""
    memory = Memory(work.settings.workspace)
    return list(_candidates(work, memory))


def adopt(work: Work, adoptions: Iterable[Adoption]) -> list[str]:
    """Record outputs as made by the present code from the present inputs; return their keys.

    Raises:
        LuisyError: If one cannot be renamed, or the records cannot be written.
    """
    chosen = list(adoptions)
    for adoption in chosen:
        if adoption.former_key:
            _rename(work, adoption)
    records = [
        work.journal.adopted(
            adoption.node,
            work.facts.identities[adoption.position],
            work.journal.digests(work.pipeline.inputs(adoption.position)),
            previous_hash=adoption.previous_hash,
        )
        for adoption in chosen
    ]
    return [record.key for record in work.journal.keep(records)]


def _candidates(work: Work, memory: Memory) -> Iterator[Adoption]:
    for position, (node, step) in enumerate(zip(work.pipeline.nodes, work.plan.steps, strict=True)):
        if node.kind is not Kind.OUTPUT or step.is_fresh:
            continue
        former = _former_key(work, node)
        if not step.is_present and not former:
            continue
        record = memory.record(node.key)
        before = record.hash if record else memory.legacy(former or node.key)
        yield Adoption(node, position, before or "", former)


def _former_key(work: Work, node: Node) -> str:
    if not isinstance(node.task, Task) or os.path.lexists(work.settings.workspace.path(node.key)):
        return ""
    former = node.task.former_key
    exists = os.path.lexists(work.settings.workspace.path(former))
    return former if former != node.key and exists else ""


def _rename(work: Work, adoption: Adoption) -> None:
    old = Path(work.settings.workspace.path(adoption.former_key))
    new = Path(work.settings.workspace.path(adoption.node.key))
    with translated(f"rename {old} to {new}"):
        old.rename(new)
