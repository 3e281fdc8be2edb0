"""What a run tells a person, and asks; `luisy.terminal` does it, a library call stays silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

from luisy_protocol.progress import Silent, TransferProgress

from luisy.plan import Plan

if TYPE_CHECKING:
    from luisy.adoption import Adoption


@dataclass(slots=True)
class Outcome:
    """What a run did.

    Attributes:
        plan: What it set out to do.
        ran: The tasks that ran and succeeded, by name.
        failed: The tasks whose ``run`` raised.
        not_run: The tasks that were to run and could not, each with the failed task it waits for.
        downloaded: The keys of the outputs that came from the store.
        uploaded: The keys of the outputs that were sent.
        log: Where luigi's log is; empty if it was not started.
        seconds: How long it took.
        is_refused: Whether the person did not want it.
    """

    plan: Plan
    ran: list[str] = field(default_factory=list)
    failed: list[str] = field(default_factory=list)
    not_run: dict[str, str] = field(default_factory=dict)
    downloaded: list[str] = field(default_factory=list)
    uploaded: list[str] = field(default_factory=list)
    log: str = ""
    seconds: float = 0.0
    is_refused: bool = False

    @property
    def succeeded(self) -> bool:
        """Whether everything that was to be done is done."""
        return not (self.failed or self.not_run or self.is_refused)


class Show(Protocol):
    """Shows a run to a person."""

    def warn(self, text: str) -> None:
        """Something the person should know."""

    def plan(self, plan: Plan, *, upload: tuple[int, int] | None) -> None:
        """What is going to be done; `upload` is the files and bytes to be sent, if known."""

    def adoptions(self, adoptions: Sequence[Adoption]) -> None:
        """These outputs are going to be adopted."""

    def approve(self) -> bool:
        """Ask whether to do it."""
        ...

    def transfer(self) -> TransferProgress:
        """Return what watches the next batch of transfers."""
        ...

    def begin(self, tasks: Sequence[str]) -> None:
        """These tasks are going to run."""

    def started(self, task: str) -> None:
        """A task starts."""

    def advanced(self, task: str, done: int, total: int) -> None:
        """A task has done so much of its work; called in the process that runs it."""

    def ended(self, task: str, *, succeeded: bool) -> None:
        """A task is over."""

    def end(self) -> None:
        """No task runs any more."""

    def summary(self, outcome: Outcome) -> None:
        """What was done."""


class Nothing:
    """Shows nothing and agrees to everything; what each method is for, `Show` tells."""

    def warn(self, text: str) -> None: ...  # noqa: D102

    def plan(self, plan: Plan, *, upload: tuple[int, int] | None) -> None: ...  # noqa: D102

    def adoptions(self, adoptions: Sequence[Adoption]) -> None: ...  # noqa: D102

    def approve(self) -> bool:  # noqa: D102
        return True

    def transfer(self) -> TransferProgress:  # noqa: D102
        return Silent()

    def begin(self, tasks: Sequence[str]) -> None: ...  # noqa: D102

    def started(self, task: str) -> None: ...  # noqa: D102

    def advanced(self, task: str, done: int, total: int) -> None: ...  # noqa: D102

    def ended(self, task: str, *, succeeded: bool) -> None: ...  # noqa: D102

    def end(self) -> None: ...  # noqa: D102

    def summary(self, outcome: Outcome) -> None: ...  # noqa: D102
