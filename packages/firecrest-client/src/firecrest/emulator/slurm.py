"""The real thing instead of the local queue: Slurm's own commands on this computer."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

from firecrest.emulator.queue import Job, SchedulerError, Submission

_ENDED_UNKNOWN = {"Unknown", "None", "N/A", ""}


def has_slurm() -> bool:
    """Tell whether ``sbatch`` is on this computer."""
    return shutil.which("sbatch") is not None


class SlurmQueue:
    """Hands jobs to Slurm and asks it about them."""

    def __init__(self) -> None:
        self._submitted: dict[str, Submission] = {}

    def submit(self, submission: Submission) -> str:
        """Submit with ``sbatch``."""
        after = [f"--dependency=afterok:{submission.after}"] if submission.after else []
        output = _run(
            [
                "sbatch",
                "--parsable",
                f"--chdir={submission.folder}",
                *after,
                str(submission.script),
            ],
            environment={**os.environ, **submission.environment},
        )
        number = output.strip().partition(";")[0]
        self._submitted[number] = submission
        return number

    def active(self, ids: Sequence[str]) -> list[Job]:
        """Ask ``squeue``."""
        chosen = [f"--jobs={','.join(ids)}"] if ids else []
        output = _run(["squeue", "--noheader", "--array", "--format=%i", *chosen])
        return [job for job_id in output.split() for job in self.accounted([job_id])]

    def accounted(self, ids: Sequence[str]) -> list[Job]:
        """Ask ``scontrol``, which remembers ended jobs for some minutes without accounting."""
        found: list[Job | None] = []
        for job_id in ids or list(self._submitted):
            try:
                output = _run(["scontrol", "--oneliner", "show", "job", job_id])
            except SchedulerError:
                continue
            found.extend(self._shown(line) for line in output.splitlines() if line.strip())
        return [job for job in found if job is not None]

    def cancel(self, job_id: str) -> None:
        """Use ``scancel``."""
        words = ["scancel", "--verbose", job_id]
        done = subprocess.run(words, check=False, capture_output=True, text=True)
        # An unknown number is an error in the text alone; the exit code is 0.
        if done.returncode or "error:" in done.stderr:
            raise SchedulerError(done.stderr.replace("\n", ""))

    def close(self) -> None:
        """Cancel what was submitted here and has not ended."""
        for number in self._submitted:
            subprocess.run(["scancel", number], check=False, capture_output=True)

    def _shown(self, line: str) -> Job | None:
        fields = dict(word.partition("=")[::2] for word in line.split(" ") if "=" in word)
        number = fields.get("ArrayJobId", fields.get("JobId", ""))
        submission = self._submitted.get(number)
        if submission is None:
            return None
        index = fields.get("ArrayTaskId", "")
        ended = fields.get("JobState", "") not in {"PENDING", "RUNNING", "COMPLETING", "SUSPENDED"}
        out = Path(fields.get("StdOut", submission.folder / f"slurm-{number}.out"))
        return Job(
            id=f"{number}_{index}" if index else number,
            user=submission.user,
            name=fields.get("JobName", ""),
            partition=fields.get("Partition", ""),
            script=submission.script,
            out=out,
            err=Path(fields.get("StdErr", out)),
            limit=_seconds(fields.get("TimeLimit", "")),
            state=fields.get("JobState", ""),
            submitted=_moment(fields.get("SubmitTime", "")) or datetime.now(),
            started=_moment(fields.get("StartTime", "")),
            ended=_moment(fields.get("EndTime", "")) if ended else None,
            exit_code=fields.get("ExitCode", "0:0"),
        )


def _run(words: Sequence[str], *, environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(words, check=False, capture_output=True, text=True, env=environment)
    if done.returncode:
        raise SchedulerError(done.stderr.strip() or done.stdout.strip())
    return done.stdout


def _moment(text: str) -> datetime | None:
    return None if text in _ENDED_UNKNOWN else datetime.fromisoformat(text)


def _seconds(text: str) -> int:
    if text in {"", "UNLIMITED", "Partition_Limit"}:
        return 365 * 86400
    days, _, clock = text.rpartition("-")
    hours, minutes, seconds = (int(part) for part in clock.split(":"))
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds
