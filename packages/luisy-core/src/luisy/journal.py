"""Write down what made an output, at the moment when it is made, in the process that makes it.

The inputs are noted before the task starts: if one changes while the task runs, the output's record
tells of what was there at the beginning, and the next plan sees the difference.
"""

from __future__ import annotations

import platform
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from datetime import UTC, datetime
from importlib.metadata import version

from luisy_protocol.errors import IntegrityError
from luisy_protocol.record import Record

from luisy.facts import Identity
from luisy.fingerprints import Fingerprint, Fingerprints
from luisy.pipeline import Kind, Node
from luisy.workspace import Workspace


@dataclass(slots=True)
class Journal:
    """Writes the records of outputs.

    Attributes:
        workspace: Where the outputs and the records are.
    """

    workspace: Workspace
    _memories: dict[str, Fingerprints] = field(default_factory=dict)

    def digests(self, inputs: Iterable[Node]) -> dict[str, str]:
        """Return the digest of each input that is on disk, by key."""
        found = {node.key: self._fingerprint(node) for node in inputs}
        return {key: seen.content.sha256 for key, seen in found.items() if seen}

    def made(self, node: Node, identity: Identity, inputs: Mapping[str, str]) -> Record:
        """Record an output that a task has just made from these inputs.

        Raises:
            IntegrityError: If the task ended without an output.
        """
        seen = self._fingerprint(node)
        if seen is None:
            raise IntegrityError(f"{node.name} ended without writing {node.key}")
        record = Record(
            key=node.key,
            hash=identity.hash,
            sha256=seen.content.sha256,
            size=seen.content.size,
            files=seen.files,
            inputs=inputs,
            requires=identity.requires,
            parts=identity.parts,
            parameters=identity.parameters,
            **_stamp(),
        )
        self.workspace.records(node.project).append([record])
        self._memories[node.project].save()
        return record

    def externals(self, nodes: Iterable[Node]) -> list[Record]:
        """Record inputs that a person made, as they are on disk now."""
        records = [self._external(node) for node in nodes if node.kind is Kind.EXTERNAL]
        return self.keep(record for record in records if record)

    def keep(self, records: Iterable[Record]) -> list[Record]:
        """Append records, each to its project's."""
        by_project: dict[str, list[Record]] = {}
        for record in records:
            by_project.setdefault(record.key.partition("/")[0], []).append(record)
        for project, some in by_project.items():
            self.workspace.records(project).append(some)
        return [record for some in by_project.values() for record in some]

    def _external(self, node: Node) -> Record | None:
        seen = self._fingerprint(node)
        if seen is None:
            return None
        return Record(
            key=node.key,
            hash="",
            sha256=seen.content.sha256,
            size=seen.content.size,
            files=seen.files,
            origin="external",
            **_stamp(),
        )

    def _fingerprint(self, node: Node) -> Fingerprint | None:
        memory = self._memories.get(node.project)
        if memory is None:
            memory = self._memories[node.project] = self.workspace.fingerprints(node.project)
        return memory.of(self.workspace.path(node.key), is_folder=node.is_folder)


def _stamp() -> dict[str, str]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "version": _version(),
    }


@cache
def _version() -> str:
    return version("luisy-core")
