"""The work below one root task: look, plan, fetch, set aside, put back, send.

Every way to start a run (the `luisy` command, `luisy.build`, plain luigi, `Task.read`) goes through
these steps in this order, and leaves out what it does not need.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    NotFound,
    TransferFailed,
)
from luisy_protocol.record import Record
from luisy_protocol.sync import Arrived, RemoteOutput, Synchroniser

from luisy import collector
from luisy.aside import Aside, recover
from luisy.code_store import CodeStore
from luisy.config import Config
from luisy.facts import Facts
from luisy.fingerprints import Fingerprint
from luisy.journal import Journal
from luisy.missing import check_inputs
from luisy.pipeline import Kind, Node, Pipeline, discover
from luisy.plan import Plan, Verdict
from luisy.planner import make_plan
from luisy.show import Show
from luisy.store_access import open_synchroniser
from luisy.survey import survey
from luisy.workspace import Workspace
from luisy.yielded import Memory

if TYPE_CHECKING:
    import luigi

_CHANGED = (IntegrityError, NotFound, Conflict)


@dataclass(frozen=True, slots=True)
class Settings:
    """What a run is allowed to use.

    Attributes:
        workspace: The working directory.
        remote: The URL of the store, if one is configured.
        download: Whether outputs may come from the store.
        upload: Whether outputs are sent to it.
    """

    workspace: Workspace
    remote: str | None = None
    download: bool = False
    upload: bool = False

    @classmethod
    def of(cls, root: luigi.Task) -> Settings:
        """Return the settings of this process for a task, which may have its own wishes.

        Raises:
            ConfigurationError: If there is no working directory, or no store where one is needed.
        """
        config = Config()
        download = config.download or bool(getattr(root, "download", False))
        upload = config.upload or bool(getattr(root, "upload", False))
        remote = config.remote if download or upload else None
        return cls(Workspace(Path(config.working_dir)), remote, download, upload)


@dataclass(slots=True)
class Work:
    """What is to be done for one root task.

    Attributes:
        root: The task.
        settings: What may be used.
        show: Who is told.
        is_alone: Whether no other run works here, so that what has no record was left by a task
            that died. Where machines share a central scheduler, another may be about to record it.
    """

    root: luigi.Task
    settings: Settings
    show: Show
    is_alone: bool = True
    pipeline: Pipeline = field(init=False)
    facts: Facts = field(init=False)
    plan: Plan = field(init=False)
    journal: Journal = field(init=False)
    aside: Aside = field(init=False)
    downloaded: list[str] = field(default_factory=list)
    _synchroniser: Synchroniser | None = None
    _absent: set[str] = field(default_factory=set)
    _warned: set[str] = field(default_factory=set)
    _recorded: dict[str, str] = field(default_factory=dict)
    _seen: list[tuple[int, int]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.journal = Journal(self.settings.workspace)
        self.aside = Aside(self.settings.workspace)

    def look(self) -> Plan:
        """Walk the pipeline, gather the facts and make the plan.

        Raises:
            NotFound: If an input that a person must make is needed and is nowhere.
            Unavailable, AccessDenied: If the store cannot be read.
        """
        with collector.at_rest():
            return self._look()

    def _look(self) -> Plan:
        memory = Memory(self.settings.workspace)
        self.pipeline = discover(self.root, yielded=memory.yielded)
        self._seen = self._state()
        self.facts = survey(
            self.pipeline, memory, prints=self.journal.memory, synchroniser=self._store()
        )
        for warning in memory.warnings:
            if warning not in self._warned:
                self._warned.add(warning)
                self.show.warn(warning)
        if self._absent:
            self.facts = _without(self.facts, self.pipeline, self._absent)
        self.plan = make_plan(
            self.pipeline,
            self.facts,
            download=self.settings.download,
            upload=self.settings.upload,
        )
        return self.plan

    def check_inputs(self) -> None:
        """Check that no input is missing that only a person can make.

        Raises:
            MissingInput: If one is nowhere.
        """
        settings = self.settings
        asked = settings.remote if settings.download else None
        check_inputs(self.pipeline, self.plan, settings.workspace, asked_store=asked)

    def is_outdated(self) -> bool:
        """Tell whether records were written since the last look."""
        return self._state() != self._seen

    def fetch(self) -> None:
        """Download what is to be downloaded; plan anew without what cannot be.

        Raises:
            TransferFailed: If something did not arrive for another reason.
            NotFound: If what is absent was the last hope for a missing input.
        """
        self._keep_code(Verdict.DOWNLOAD)
        synchroniser = self._store()
        while synchroniser and (outputs := self._wanted()):
            # A folder stays in place: what has not changed in it need not travel again.
            self.aside.put(output.key for output in outputs if output.key in output.files)
            try:
                synchroniser.download(outputs, progress=self.show.transfer(), arrived=self._arrived)
            except TransferFailed as error:
                self._note_absent(error)
            finally:
                self._settle(output.key for output in outputs)
            self._keep_provenance()
            self.look()
            self.check_inputs()

    def recover(self) -> None:
        """Put back what dead runs have set aside; no run may be under way, this one included."""
        for project in self.pipeline.projects:
            recover(self.settings.workspace, project)

    def make_room(self) -> None:
        """Set aside what is to be made anew, and record the inputs that a person made."""
        self.aside.put(step.key for step in self.plan.having(Verdict.RUN) if step.key)
        self._record_externals()
        self._keep_code(Verdict.RUN)

    def settle(self) -> list[str]:
        """Remove what was set aside and has been replaced, put the rest back; return its keys."""
        return self._settle(self.aside.keys)

    def to_send(self) -> tuple[int, int] | None:
        """Return how many files and bytes would be sent now; None if that is not known yet."""
        if not self.plan.uploads or any(True for _ in self.plan.having(Verdict.RUN)):
            return None
        synchroniser = self._store()
        if synchroniser is None:
            return None
        self._record_externals()
        return synchroniser.to_send(self._records(self.plan.uploads))

    def send(self) -> list[str]:
        """Send every output whose record in the store differs; return the keys.

        Raises:
            TransferFailed: If some could not be sent.
            NotSupported: If the store has no compare-and-swap.
        """
        synchroniser = self._store()
        if synchroniser is None or not self.plan.uploads:
            return []
        self._record_externals()
        records = self._records(self.plan.uploads)
        sent: list[str] = []
        synchroniser.upload(
            records, progress=self.show.transfer(), stored=lambda record: sent.append(record.key)
        )
        return sent

    def node(self, key: str) -> Node:
        """Return the node that makes an output."""
        return self.pipeline.nodes[self.pipeline.keys[key]]

    def _keep_code(self, verdict: Verdict) -> None:
        from luisy.hashing import hash_class

        classes: dict[str, set[type]] = {}
        for node, step in zip(self.pipeline.nodes, self.plan.steps, strict=True):
            if step.verdict is verdict and node.kind is Kind.OUTPUT:
                classes.setdefault(node.project, set()).add(type(node.task))
        for project, some in classes.items():
            store = CodeStore(self.settings.workspace.private(project) / "code")
            store.keep(hash_class(cls) for cls in some)

    def _records(self, keys: Iterable[str]) -> list[Record]:
        known = {
            key: record
            for project in self.pipeline.projects
            for key, record in self.settings.workspace.records(project).read().records.items()
        }
        return [known[key] for key in keys if key in known]

    def _record_externals(self) -> None:
        """Record the inputs that a person made as the plan found them, if that is not known yet."""
        unknown = [
            (node, Fingerprint(local.content, local.files))
            for node, local in zip(self.pipeline.nodes, self.facts.local, strict=True)
            if node.kind is Kind.EXTERNAL
            and local.content
            and (local.record is None or local.record.sha256 != local.content.sha256)
            and self._recorded.get(node.key) != local.content.sha256
        ]
        for record in self.journal.found(unknown):
            self._recorded[record.key] = record.sha256

    def _wanted(self) -> list[RemoteOutput]:
        held = zip(self.plan.steps, self.facts.remote, strict=True)
        return [
            remote
            for step, remote in held
            if step.verdict is Verdict.DOWNLOAD and remote is not None
        ]

    def _arrived(self, output: Arrived) -> None:
        if output.record:
            self.journal.keep([output.record])
        else:
            self.journal.externals([self.node(output.key)])
        self.downloaded.append(output.key)

    def _keep_provenance(self) -> None:
        """Keep the store's records of what is not here: of what, and of which inputs, it was made.

        Without them, what was downloaded could not tell later that an input far below has changed.
        """
        rows = zip(
            self.pipeline.nodes,
            self.facts.identities,
            self.facts.local,
            self.facts.remote,
            strict=True,
        )
        self.journal.keep(
            remote.record
            for node, identity, local, remote in rows
            if remote and remote.record and remote.record != local.record
            if local.content is None and not os.path.lexists(self.settings.workspace.path(node.key))
            if remote.record.hash in {"", identity.hash}
        )

    def _note_absent(self, error: TransferFailed) -> None:
        for key, reason in error.failures.items():
            # An input that was replaced just now is there, and only has to be fetched once more.
            is_input = self.node(key).kind is Kind.EXTERNAL
            changed = (IntegrityError, NotFound) if is_input else _CHANGED
            if not isinstance(reason, changed):
                raise error
            self._absent.add(key)
            self.show.warn(f"{key} in the store cannot be used: {reason}")

    def _settle(self, keys: Iterable[str]) -> list[str]:
        aside, restored = set(self.aside.keys), []
        concerned = [key for key in keys if key in aside]
        for project in dict.fromkeys(key.partition("/")[0] for key in concerned):
            recorded = self.settings.workspace.records(project).read().records
            here = [key for key in concerned if key.startswith(f"{project}/")]
            replaced = {key for key in here if self._is_replaced(key, recorded.get(key))}
            self.aside.discard(replaced)
            if len(replaced) < len(here):
                prints = self.settings.workspace.fingerprints(project)
                restored += self.aside.settle(here, recorded, prints)
        return restored

    def _is_replaced(self, key: str, record: Record | None) -> bool:
        # A process that was killed may have left half an output: without a record.
        before = self.facts.local[self.pipeline.keys[key]].record
        is_recorded = record != before or not self.is_alone
        return is_recorded and os.path.lexists(self.settings.workspace.path(key))

    def _store(self) -> Synchroniser | None:
        settings = self.settings
        if self._synchroniser is None and (settings.download or settings.upload):
            if not settings.remote:
                wish = "--upload" if settings.upload else "--download"
                raise ConfigurationError(
                    f"{wish} needs a store and none is configured: set LUISY_REMOTE to its URL "
                    "(file:///shared/folder, for instance), or LUISY_AZURE_ACCOUNT_NAME, "
                    "LUISY_AZURE_CONTAINER_NAME and LUISY_AZURE_STORAGE_KEY"
                )
            self._synchroniser = open_synchroniser(settings.remote, settings.workspace.folder)
        return self._synchroniser

    def _state(self) -> list[tuple[int, int]]:
        state = []
        for project in self.pipeline.projects:
            with suppress(OSError):
                status = self.settings.workspace.records(project).path.stat()
                state.append((status.st_size, status.st_mtime_ns))
        return state


def _without(facts: Facts, pipeline: Pipeline, absent: set[str]) -> Facts:
    remote = [
        None if node.key in absent else held
        for node, held in zip(pipeline.nodes, facts.remote, strict=True)
    ]
    return Facts(facts.identities, facts.local, remote, facts.is_complete, facts.others)
