"""Gather what the planner must know of a pipeline: the hashes, the disk, the store."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from luisy_protocol.record import Content
from luisy_protocol.sync import RemoteOutput, Synchroniser

from luisy.facts import Facts, Identity, LocalOutput
from luisy.fingerprints import Fingerprints
from luisy.pipeline import Kind, Node, Pipeline
from luisy.workspace import Workspace
from luisy.yielded import Memory

if TYPE_CHECKING:
    from luisy.hashing import CodeHash


def identify(pipeline: Pipeline) -> list[Identity]:
    """Return what each output must come from, by the present code."""
    from luisy.hashing import hash_class, hash_instance

    identities: list[Identity] = []
    codes: dict[type, CodeHash] = {}
    for node in pipeline.nodes:
        cls = type(node.task)
        code = codes.get(cls) or codes.setdefault(cls, hash_class(cls))
        parameters = _parameters(node)
        requires = {pipeline.nodes[below].label: identities[below].hash for below in node.requires}
        digest = hash_instance(code, parameters=parameters, requires=list(requires.items()))
        identities.append(Identity(digest, code.parts, parameters, requires))
    return identities


def survey(
    pipeline: Pipeline,
    memory: Memory,
    *,
    prints: Callable[[str], Fingerprints],
    synchroniser: Synchroniser | None = None,
) -> Facts:
    """Gather the facts of a pipeline.

    Args:
        pipeline: The tasks.
        memory: The records, and where outputs are.
        prints: Returns the digests that are known of a project's files.
        synchroniser: The way to the store, if it is to be asked.

    Raises:
        Unavailable, AccessDenied, NotFound: If the store cannot be read.
    """
    identities = identify(pipeline)
    local, others = _look_at_disk(pipeline, memory, prints)
    remote = _look_at_store(pipeline, synchroniser)
    complete = [
        node.kind in {Kind.PLAIN, Kind.PLAIN_EXTERNAL} and bool(node.task.complete())
        for node in pipeline.nodes
    ]
    return Facts(identities, local, remote, complete, others)


def _parameters(node: Node) -> Mapping[str, str]:
    from luisy.task import Task

    if isinstance(node.task, Task):
        return node.task.significant_parameters()
    serialised: dict[str, str] = node.task.to_str_params(only_significant=True)
    return serialised


def _look_at_disk(
    pipeline: Pipeline, memory: Memory, prints: Callable[[str], Fingerprints]
) -> tuple[list[LocalOutput], dict[str, Content]]:
    workspace = memory.workspace
    local: list[LocalOutput] = []
    others: dict[str, Content] = {}
    for node in pipeline.nodes:
        if not node.key:
            local.append(LocalOutput())
            continue
        seen, record = prints(node.project), memory.record(node.key)
        found = seen.of(workspace.path(node.key), is_folder=node.is_folder)
        local.append(
            LocalOutput(found.content, record, found.files) if found else LocalOutput(None, record)
        )
        for key in record.inputs if record else ():
            if key not in pipeline.keys and key not in others:
                _look_at_other(key, seen, workspace, others)
    for project in pipeline.projects:
        prints(project).save()
    return local, others


def _look_at_other(
    key: str, prints: Fingerprints, workspace: Workspace, others: dict[str, Content]
) -> None:
    path = workspace.path(key)
    found = prints.of(path) or prints.of(path, is_folder=True)
    if found:
        others[key] = found.content


def _look_at_store(
    pipeline: Pipeline, synchroniser: Synchroniser | None
) -> list[RemoteOutput | None]:
    if synchroniser is None:
        return [None] * len(pipeline.nodes)
    held = synchroniser.look(pipeline.projects)
    return [_held(node, held, synchroniser) if node.key else None for node in pipeline.nodes]


def _held(
    node: Node, held: Mapping[str, RemoteOutput], synchroniser: Synchroniser
) -> RemoteOutput | None:
    found = held.get(node.key)
    if found is None and node.is_folder:
        return synchroniser.folder(node.key)
    return found
