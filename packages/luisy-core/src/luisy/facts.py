"""All that the planner may know, as values: what each output must come from, and what is there.

What there is one of for every task is a tuple: a frozen dataclass takes four times as long to make.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from luisy_protocol.record import Content, Record
from luisy_protocol.sync import RemoteOutput


class Identity(NamedTuple):
    """What the output of a task instance must come from, by the present code.

    Attributes:
        hash: The hash of the instance.
        parts: The digest or version of each part of the code.
        parameters: The significant parameters, serialised.
        requires: The hash of each required instance, by its label.
    """

    hash: str
    parts: Mapping[str, str]
    parameters: Mapping[str, str]
    requires: Mapping[str, str]


class LocalOutput(NamedTuple):
    """An output as it is on disk.

    Attributes:
        content: Its digest and size, or None if it is not there.
        record: What is known about it, or None.
        files: For a directory that is there, the same of each file in it.
    """

    content: Content | None = None
    record: Record | None = None
    files: Mapping[str, Content] | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """One entry for each node of a pipeline.

    Attributes:
        identities: What each output must come from.
        local: What is on disk.
        remote: What the store holds; None for an output that it does not hold, and for all when no
            store was asked.
        is_complete: What ``complete()`` of a plain task says; False for the others.
        others: The content, by key, of recorded inputs that no task of the pipeline makes.
    """

    identities: Sequence[Identity]
    local: Sequence[LocalOutput]
    remote: Sequence[RemoteOutput | None]
    is_complete: Sequence[bool]
    others: Mapping[str, Content] = field(default_factory=dict)
