"""Write down what made an output, at the moment when it is made, in the process that makes it.

The inputs are noted before the task starts: if one changes while the task runs, the output's record
tells of what was there at the beginning, and the next plan sees the difference.
"""

from __future__ import annotations

import platform
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from luisy_protocol.errors import IntegrityError, NotFound
from luisy_protocol.record import Record

from luisy.facts import Identity
from luisy.fingerprints import Fingerprint, Fingerprints
from luisy.made import Made
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

    def made(
        self,
        node: Node,
        identity: Identity,
        inputs: Mapping[str, str],
        *,
        yielded: Mapping[str, tuple[str, str]] | None = None,
        told: Made | None = None,
    ) -> Record:
        """Record an output that a task has just made.

        Args:
            node: The task.
            identity: What its output comes from.
            inputs: The digest of each input, by key.
            yielded: What it required while it ran, by key: the description of the task and its
            hash.
            told: What the task tells of its files by itself.

        Raises:
            IntegrityError: If the task ended without an output.
        """
        told = told or Made()
        for name, content in told.files.items():
            self.memory(node.project).trust(self.workspace.path(f"{node.key}/{name}"), content)
        more = yielded or {}
        record = Record(
            **self._seen(node),
            hash=identity.hash,
            inputs=inputs,
            requires={**identity.requires, **{key: made_by for key, (_, made_by) in more.items()}},
            yielded={key: text for key, (text, _) in more.items()},
            skipped=told.skipped,
            parts=identity.parts,
            parameters=identity.parameters,
            **_stamp(),
        )
        self.workspace.records(node.project).append([record])
        self.memory(node.project).save()
        return record

    def withdraw(self, node: Node) -> None:
        """Remove what a task has written before it failed: without a record it is worth nothing."""
        path = Path(self.workspace.path(node.key))
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def adopted(
        self, node: Node, identity: Identity, inputs: Mapping[str, str], *, previous_hash: str
    ) -> Record:
        """Return the record of an output that counts, from now on, as made by the present code."""
        return Record(
            **self._seen(node),
            hash=identity.hash,
            inputs=inputs,
            requires=identity.requires,
            parts=identity.parts,
            parameters=identity.parameters,
            origin="adopted",
            previous_hash=previous_hash,
            **_stamp(),
        )

    def externals(self, nodes: Iterable[Node]) -> list[Record]:
        """Record inputs that a person made, as they are on disk now."""
        return self.keep(
            Record(**self._seen(node), hash="", origin="external", **_stamp())
            for node in nodes
            if node.kind is Kind.EXTERNAL
        )

    def keep(self, records: Iterable[Record]) -> list[Record]:
        """Append records, each to its project's."""
        by_project: dict[str, list[Record]] = {}
        for record in records:
            by_project.setdefault(record.key.partition("/")[0], []).append(record)
        for project, some in by_project.items():
            self.workspace.records(project).append(some)
        return [record for some in by_project.values() for record in some]

    def _seen(self, node: Node) -> dict[str, Any]:
        """Return the fields of a record that tell of the content."""
        seen = self._fingerprint(node)
        if seen is None and node.kind is Kind.EXTERNAL:
            raise NotFound(f"the input {node.key} was there and is gone")
        if seen is None:
            raise IntegrityError(f"{node.name} ended without writing {node.key}")
        return {
            "key": node.key,
            "sha256": seen.content.sha256,
            "size": seen.content.size,
            "files": seen.files,
        }

    def memory(self, project: str) -> Fingerprints:
        """Return the remembered digests of a project's outputs."""
        if project not in self._memories:
            self._memories[project] = self.workspace.fingerprints(project)
        return self._memories[project]

    def _fingerprint(self, node: Node) -> Fingerprint | None:
        return self.memory(node.project).of(self.workspace.path(node.key), is_folder=node.is_folder)


def _stamp() -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "version": _version(),
    }


@cache
def _version() -> str:
    return version("luisy-core")
