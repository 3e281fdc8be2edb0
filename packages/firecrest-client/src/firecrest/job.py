"""Jobs: follow one until it has ended.

A job is looked up in the accounting, because the queue forgets jobs that have ended. What that
means:

1. A job that was just submitted may not be listed for a while. It is given a minute, then
   `JobNotFound`.
2. An array has a row per task, its pending part one for all. It has ended when every row has.
3. A `|` in a job's name shifts the columns after it. The state is then found as the one value of
   the row that the scheduler has as a state.
4. "CANCELLED by 1001" is CANCELLED.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from firecrest.call import Call
from firecrest.client import Client
from firecrest.compute import Compute
from firecrest.errors import JobNotFound, PollingIterException
from firecrest.steps import BlockingPart, ConcurrentPart, Steps, endpoint
from firecrest.types import JobAcct

if TYPE_CHECKING:
    from firecrest.types import JobQueue

ENDED = frozenset(
    {
        "BOOT_FAIL",
        "CANCELLED",
        "COMPLETED",
        "DEADLINE",
        "FAILED",
        "NODE_FAIL",
        "OUT_OF_MEMORY",
        "PREEMPTED",
        "REVOKED",
        "TIMEOUT",
    }
)
UNDERWAY = frozenset(
    {
        "COMPLETING",
        "CONFIGURING",
        "PENDING",
        "REQUEUED",
        "RESIZING",
        "RUNNING",
        "SIGNALING",
        "STAGE_OUT",
        "STOPPED",
        "SUSPENDED",
    }
)
ACCOUNTING_LAG = 60.0
SLOWEST = 30.0


@dataclass(frozen=True, slots=True)
class JobOutcome:
    """How a job has ended.

    Attributes:
        job_id: The job.
        state: COMPLETED, or the state of the first row that is anything else.
        rows: The rows of the accounting: one, or one for each task of an array.
    """

    job_id: str
    state: str
    rows: tuple[JobAcct, ...]

    @property
    def is_success(self) -> bool:
        """Whether all of it completed."""
        return self.state == "COMPLETED"


def state_of(row: JobAcct) -> str:
    """Return the state of a row without what follows it, also if its columns are shifted."""
    values = [row.get("state", ""), *(str(value) for value in row.values())]
    words = [text.split()[0].rstrip("+") for text in values if text.strip()]
    known = (word for word in words if word in ENDED or word in UNDERWAY)
    return next(known, words[0] if words else "")


def overall_state(rows: Sequence[JobAcct]) -> str:
    """Return the first state that is not COMPLETED, if any; empty without rows."""
    states = [state_of(row) for row in rows]
    return next((s for s in states if s != "COMPLETED"), "COMPLETED" if states else "")


def rows_of(job_id: str, rows: Sequence[JobAcct]) -> tuple[JobAcct, ...]:
    """Return the rows that belong to a job: itself, or the tasks of its array."""
    return tuple(
        row for row in rows if row["jobid"] == job_id or row["jobid"].startswith(f"{job_id}_")
    )


def follow_job(
    call: Call,
    machine: str,
    job_id: str,
    *,
    timeout: float | None = None,
    progress: Callable[[str], None] | None = None,
) -> Steps[JobOutcome]:
    """Look at the accounting until the job has ended, first often, then every half minute."""
    started = now = yield from call.pause(0)
    wait, shown = 1.0, ""
    while True:
        listed = yield from Compute.poll(call.client, machine, [job_id])
        rows = rows_of(job_id, listed)
        state = overall_state(rows)
        if progress and state and state != shown:
            shown = state
            progress(state)
        if rows and all(state_of(row) in ENDED for row in rows):
            return JobOutcome(job_id, state, rows)
        elapsed = now - started
        if timeout is not None and elapsed >= timeout:
            raise PollingIterException(
                job_id,
                f"job {job_id} on {machine!r} is {state or 'not listed'} after {elapsed:.0f} s",
            )
        if not rows and elapsed >= ACCOUNTING_LAG:
            raise JobNotFound(
                call.responses, f"the accounting of {machine!r} does not list job {job_id}"
            )
        left = SLOWEST if timeout is None else max(timeout - elapsed, 0.0)
        now = yield from call.pause(min(wait, left))
        wait = min(wait * 1.5, SLOWEST)


class Jobs(Client):
    """The methods about one job."""

    @endpoint
    def wait_for_job(
        self,
        machine: str,
        jobid: str | int,
        timeout: float | None = None,
        *,
        progress: Callable[[str], None] | None = None,
    ) -> Steps[JobOutcome]:
        """Wait until a job has ended, well or not, and return how.

        Args:
            machine: The machine.
            jobid: The job; of an array the number before the underscore waits for all of it.
            timeout: Give up after so many seconds; None to wait as long as it takes.
            progress: Told the state at every change of it.

        Raises:
            JobNotFound: If the accounting does not list it within a minute.
            PollingIterException: If it has not ended in time; the job goes on.
        """
        return (
            yield from follow_job(
                Call(self), machine, str(jobid), timeout=timeout, progress=progress
            )
        )


class JobSteps:
    """One job on one machine.

    Attributes:
        machine: The machine.
        job_id: The job.
    """

    def __init__(self, client: Client, machine: str, job_id: str | int) -> None:
        self._client = client
        self.machine = machine
        self.job_id = str(job_id)

    @property
    def client(self) -> Client:
        """The client."""
        return self._client

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.machine!r}, {self.job_id!r})"

    @endpoint
    def rows(self) -> Steps[tuple[JobAcct, ...]]:
        """Return its rows of the accounting: none yet, one, or one for each task of an array."""
        listed = yield from Compute.poll(self._client, self.machine, [self.job_id])
        return rows_of(self.job_id, listed)

    @endpoint
    def state(self) -> Steps[str]:
        """Return its state: PENDING, RUNNING, COMPLETED ...; empty if it is not listed yet."""
        return overall_state((yield from JobSteps.rows(self)))

    @endpoint
    def active(self) -> Steps[list[JobQueue]]:
        """Return its rows of the queue, with the ends of its output, while it is there."""
        return (yield from Compute.poll_active(self._client, self.machine, [self.job_id]))

    @endpoint
    def cancel(self) -> Steps[str]:
        """Cancel it and return what the scheduler says."""
        return (yield from Compute.cancel(self._client, self.machine, self.job_id))

    @endpoint
    def wait(
        self, timeout: float | None = None, *, progress: Callable[[str], None] | None = None
    ) -> Steps[JobOutcome]:
        """Wait until it has ended; see `wait_for_job`."""
        return (
            yield from follow_job(
                Call(self._client), self.machine, self.job_id, timeout=timeout, progress=progress
            )
        )


class Job(JobSteps, BlockingPart):
    """One job, for the synchronous client."""


class AsyncJob(JobSteps, ConcurrentPart):
    """One job, for the asynchronous client."""
