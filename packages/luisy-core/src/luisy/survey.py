"""Gather what the planner must know of a pipeline: the hashes, the disk, the store."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from luisy_protocol.record import Content, Record
from luisy_protocol.sync import RemoteOutput, Synchroniser

from luisy.facts import Facts, Identity, LocalOutput
from luisy.fingerprints import Fingerprints
from luisy.pipeline import Kind, Node, Pipeline
from luisy.workspace import Workspace


@dataclass(frozen=True, slots=True)
class Survey:
    """The facts, and what was said while they were gathered.

    Attributes:
        facts: For the planner.
        warnings: What a person should know: a record file that was set aside, and the like.
    """

    facts: Facts
    warnings: tuple[str, ...]


def identify(pipeline: Pipeline) -> list[Identity]:
    """Return what each output must come from, by the present code."""
    from luisy.hashing import hash_class, hash_instance

    identities: list[Identity] = []
    for node in pipeline.nodes:
        code = hash_class(type(node.task))
        parameters = _parameters(node)
        requires = {
            pipeline.nodes[below].label: identities[below].hash for below in node.requires
        }
        digest = hash_instance(code, parameters=parameters, requires=list(requires.items()))
        identities.append(Identity(digest, code.parts, parameters, requires))
    return identities


def survey(
    pipeline: Pipeline, workspace: Workspace, *, synchroniser: Synchroniser | None = None
) -> Survey:
    """Gather the facts of a pipeline.

    Args:
        pipeline: The tasks.
        workspace: Where outputs are.
        synchroniser: The way to the store, if it is to be asked.

    Raises:
        Unavailable, AccessDenied, NotFound: If the store cannot be read.
    """
    identities = identify(pipeline)
    records, warnings = _records(pipeline.projects, workspace)
    local, others = _look_at_disk(pipeline, workspace, records)
    remote = _look_at_store(pipeline, synchroniser)
    complete = [
        node.kind in {Kind.PLAIN, Kind.PLAIN_EXTERNAL} and bool(node.task.complete())
        for node in pipeline.nodes
    ]
    return Survey(Facts(identities, local, remote, complete, others), warnings)


def _parameters(node: Node) -> Mapping[str, str]:
    from luisy.task import Task

    if isinstance(node.task, Task):
        return node.task.significant_parameters()
    serialised: dict[str, str] = node.task.to_str_params(only_significant=True)
    return serialised


def _records(
    projects: Iterable[str], workspace: Workspace
) -> tuple[dict[str, Record], tuple[str, ...]]:
    records: dict[str, Record] = {}
    warnings: list[str] = []
    for project in projects:
        found = workspace.records(project).read()
        records.update(found.records)
        warnings.extend(found.warnings)
    return records, tuple(warnings)


def _look_at_disk(
    pipeline: Pipeline, workspace: Workspace, records: Mapping[str, Record]
) -> tuple[list[LocalOutput], dict[str, Content]]:
    memories = {project: workspace.fingerprints(project) for project in pipeline.projects}
    local: list[LocalOutput] = []
    others: dict[str, Content] = {}
    for node in pipeline.nodes:
        if not node.key:
            local.append(LocalOutput())
            continue
        memory, record = memories[node.project], records.get(node.key)
        found = memory.of(workspace.path(node.key), is_folder=node.is_folder)
        local.append(LocalOutput(found.content if found else None, record))
        for key in record.inputs if record else ():
            if key not in pipeline.keys and key not in others:
                _look_at_other(key, memory, workspace, others)
    for memory in memories.values():
        memory.save()
    return local, others


def _look_at_other(
    key: str, memory: Fingerprints, workspace: Workspace, others: dict[str, Content]
) -> None:
    path = workspace.path(key)
    found = memory.of(path) or memory.of(path, is_folder=True)
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
