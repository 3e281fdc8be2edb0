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

from luisy_protocol.digest import digest_listing
from luisy_protocol.errors import IntegrityError, NotFound
from luisy_protocol.record import Record

from luisy.facts import Identity
from luisy.fingerprints import Fingerprint, Fingerprints, member
from luisy.made import Made
from luisy.pipeline import Kind, Node
from luisy.swap import Swap
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
        return {key: seen.content.sha256 for key, seen in self.look(inputs).items()}

    def look(self, nodes: Iterable[Node]) -> dict[str, Fingerprint]:
        """Return what each output that is on disk is like now, by key."""
        found = {node.key: self._fingerprint(node) for node in nodes}
        return {key: seen for key, seen in found.items() if seen}

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
        more = yielded or {}
        record = Record(
            **_described(node, self._told(node, told) or self._fingerprint(node)),
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
            if not Swap(path).is_noted:  # else its files are the old ones, and the run undoes it
                shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)

    def adopted(
        self, node: Node, identity: Identity, inputs: Mapping[str, str], *, previous_hash: str
    ) -> Record:
        """Return the record of an output that counts, from now on, as made by the present code."""
        return Record(
            **_described(node, self._fingerprint(node)),
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
        return self.found((node, self._fingerprint(node)) for node in nodes)

    def found(self, seen: Iterable[tuple[Node, Fingerprint | None]]) -> list[Record]:
        """Record inputs that a person made, as somebody has seen them."""
        return self.keep(
            Record(**_described(node, found), hash="", origin="external", **_stamp())
            for node, found in seen
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

    def memory(self, project: str) -> Fingerprints:
        """Return the remembered digests of a project's outputs."""
        if project not in self._memories:
            self._memories[project] = self.workspace.fingerprints(project)
        return self._memories[project]

    def _told(self, node: Node, told: Made) -> Fingerprint | None:
        """Return what a task tells of its output, if it does and that is there.

        What somebody else did to the files meanwhile is for the next plan to see.
        """
        path = self.workspace.path(node.key)
        if told.files is None or not Path(path).is_dir():
            return None
        for name in told.written:
            self.memory(node.project).trust(member(path, name), told.files[name])
        return Fingerprint(digest_listing(told.files), told.files)

    def _fingerprint(self, node: Node) -> Fingerprint | None:
        return self.memory(node.project).of(self.workspace.path(node.key), is_folder=node.is_folder)


def _described(node: Node, seen: Fingerprint | None) -> dict[str, Any]:
    """Return the fields of a record that tell of the content."""
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


def _stamp() -> dict[str, Any]:
    return {
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "host": platform.node(),
        "version": _version(),
    }


@cache
def _version() -> str:
    return version("luisy-core")
