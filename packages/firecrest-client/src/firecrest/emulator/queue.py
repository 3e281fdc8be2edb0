"""A small batch queue that runs real scripts on this computer.

A job is PENDING until a slot is free and what it depends on has ended well, RUNNING while its
script runs in a session of its own, and then COMPLETED, FAILED, CANCELLED or TIMEOUT. Job numbers
start at 1 and are never used twice. One thread per job waits for its process; nothing polls.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from firecrest.emulator import batch

PENDING, RUNNING = "PENDING", "RUNNING"
_DEFAULT_LIMIT = 24 * 3600


class SchedulerError(Exception):
    """The scheduler refused; the text is what its command prints."""


@dataclass(slots=True)
class Job:
    """One job, or one element of an array job. The queue alone changes it, under its lock.

    Attributes:
        id: ``12``, or ``12_3`` for an element of an array.
        user: Whose it is.
        name: Its name.
        partition: Where it runs.
        script: The real path of the script.
        out: The real path of its output.
        err: The real path of its error output, which may be the same.
        limit: In seconds.
        after: The job that must end well before this one starts.
        state: As Slurm names it.
        submitted, started, ended: When, in local time.
        exit_code: ``<status>:<signal>``.
    """

    id: str
    user: str
    name: str
    partition: str
    script: Path
    out: Path
    err: Path
    limit: int
    after: str = ""
    state: str = PENDING
    submitted: datetime = field(default_factory=datetime.now)
    started: datetime | None = None
    ended: datetime | None = None
    exit_code: str = "0:0"
    process: subprocess.Popen[bytes] | None = None

    @property
    def is_active(self) -> bool:
        """Whether it has not ended."""
        return self.ended is None

    @property
    def elapsed(self) -> int:
        """Seconds of running so far."""
        if self.started is None:
            return 0
        return int(((self.ended or datetime.now()) - self.started).total_seconds())


@dataclass(frozen=True, slots=True)
class Submission:
    """A script to run.

    Attributes:
        user: For whom.
        script: The real path of the script.
        folder: The directory that it starts in.
        locate: Finds the real path of an output file that the script names.
        environment: What it finds in its environment.
        after: A job that must end well before; empty for none.
        name: The job's name, if not the script's own word or its file name.
        partition: Where, if the script does not say.
    """

    user: str
    script: Path
    folder: Path
    locate: Callable[[str], Path]
    environment: Mapping[str, str] = field(default_factory=dict)
    after: str = ""
    name: str = ""
    partition: str = "part01"


class Scheduler(Protocol):
    """What the compute service asks of a queue, here or in Slurm."""

    def submit(self, submission: Submission) -> str:
        """Return the number of the new job, or raise `SchedulerError`."""
        ...

    def active(self, ids: Sequence[str]) -> list[Job]:
        """Return the jobs that have not ended, or raise `SchedulerError` for an unknown number."""
        ...

    def accounted(self, ids: Sequence[str]) -> list[Job]:
        """Return jobs, ended or not; unknown numbers are left out."""
        ...

    def cancel(self, job_id: str) -> None:
        """End a job, or raise `SchedulerError`."""
        ...

    def close(self) -> None:
        """End every job."""
        ...


class LocalQueue:
    """Runs at most `slots` jobs at once."""

    def __init__(self, *, slots: int) -> None:
        self._slots = slots
        self._jobs: dict[str, Job] = {}
        self._environments: dict[str, tuple[Path, Mapping[str, str]]] = {}
        self._next = 1
        self._changed = threading.Condition()
        self._closed = False

    def submit(self, submission: Submission) -> str:
        """Queue a script."""
        try:
            script = submission.script.read_text(errors="replace")
            asked = batch.read(
                script,
                file_name=submission.name or submission.script.name,
                partition=submission.partition,
                default_limit=_DEFAULT_LIMIT,
            )
        except (OSError, ValueError) as error:
            raise SchedulerError(str(error)) from error
        with self._changed:
            number = str(self._next)
            self._next += 1
            for index in asked.array or (None,):
                job = _job(submission, asked, number, index)
                self._jobs[job.id] = job
                self._environments[job.id] = (submission.folder, submission.environment)
                threading.Thread(target=self._run, args=(job,), daemon=True).start()
        return number

    def active(self, ids: Sequence[str]) -> list[Job]:
        """Return the jobs that have not ended."""
        with self._changed:
            known = {job.id.partition("_")[0] for job in self._jobs.values()} | set(self._jobs)
            if not known.issuperset(ids):
                raise SchedulerError("slurm_load_jobs error: Invalid job id specified")
            return [job for job in self._chosen(ids) if job.is_active]

    def accounted(self, ids: Sequence[str]) -> list[Job]:
        """Return every job that was ever submitted, or those with these numbers."""
        with self._changed:
            return self._chosen(ids)

    def cancel(self, job_id: str) -> None:
        """End a job, waiting or running."""
        with self._changed:
            chosen = self._chosen([job_id])
            if not chosen:
                raise SchedulerError(
                    f"scancel: Terminating job {job_id}scancel: error: Kill job error on job id "
                    f"{job_id}: Invalid job id specified"
                )
            for job in chosen:
                self._end(job, "CANCELLED by 1001")

    def close(self) -> None:
        """End every job and start no other."""
        with self._changed:
            self._closed = True
            for job in self._jobs.values():
                self._end(job, "CANCELLED by 0")

    def _chosen(self, ids: Sequence[str]) -> list[Job]:
        jobs = list(self._jobs.values())
        if not ids:
            return jobs
        return [job for job in jobs if job.id in ids or job.id.partition("_")[0] in ids]

    def _run(self, job: Job) -> None:
        with self._changed:
            self._changed.wait_for(lambda: not job.is_active or self._may_start(job))
            if not job.is_active:
                return
            folder, environment = self._environments[job.id]
            try:
                process = _start(job, folder, environment)
            except OSError as error:
                job.err.write_text(f"{error}\n")
                self._finish(job, "FAILED", "1:0")
                return
            job.process, job.state, job.started = process, RUNNING, datetime.now()
        try:
            code = process.wait(timeout=job.limit)
        except subprocess.TimeoutExpired:
            with self._changed:
                self._end(job, "TIMEOUT")
            code = process.wait()
        with self._changed:
            if job.is_active:
                state = "FAILED" if code else "COMPLETED"
                self._finish(job, state, f"{code}:0" if code >= 0 else f"0:{-code}")

    def _may_start(self, job: Job) -> bool:
        running = sum(other.state == RUNNING for other in self._jobs.values())
        before = self._jobs.get(job.after)
        ready = not job.after or (before is not None and before.state == "COMPLETED")
        return ready and running < self._slots and not self._closed

    def _end(self, job: Job, state: str) -> None:
        if not job.is_active:
            return
        if job.process is not None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(job.process.pid, signal.SIGKILL)
        self._finish(job, state, "0:0" if state.startswith("CANCELLED") else "0:1")

    def _finish(self, job: Job, state: str, exit_code: str) -> None:
        job.state, job.exit_code, job.ended = state, exit_code, datetime.now()
        self._changed.notify_all()


def _job(submission: Submission, asked: batch.Directives, number: str, index: int | None) -> Job:
    job_id = number if index is None else f"{number}_{index}"
    names = [
        batch.fill(
            pattern,
            job=number,
            array=number,
            index="" if index is None else str(index),
            name=asked.name,
            user=submission.user,
        )
        for pattern in (asked.output, asked.error or asked.output)
    ]
    out, err = (submission.locate(name) for name in names)
    return Job(
        id=job_id,
        user=submission.user,
        name=asked.name,
        partition=asked.partition,
        script=submission.script,
        out=out,
        err=err,
        limit=asked.limit,
        after=submission.after or asked.after,
    )


def _start(job: Job, folder: Path, environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    interpreter = job.script.read_text(errors="replace").splitlines()[0][2:].split()
    array, _, index = job.id.partition("_")
    variables = {"SLURM_JOB_ID": array, "SLURM_JOB_NAME": job.name}
    if index:
        variables |= {"SLURM_ARRAY_JOB_ID": array, "SLURM_ARRAY_TASK_ID": index}
    with job.out.open("wb") as out, contextlib.ExitStack() as stack:
        err = subprocess.STDOUT if job.err == job.out else stack.enter_context(job.err.open("wb"))
        return subprocess.Popen(
            [*interpreter, str(job.script)],
            cwd=folder,
            env={"PATH": os.environ.get("PATH", os.defpath), **variables, **environment},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
