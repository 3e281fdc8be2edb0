"""The scheduler: submit, follow and cancel jobs; look at nodes, partitions and reservations.

The server makes a task of each of these and the client waits for it, at most as long as
`polling_sleep_times` last or `timeout` says. What servers of version 1.16 do, and a client cannot
mend:

* Right after a submission `poll` may not list the job, or calls it "allocation" and PENDING.
  `wait_for_job` knows that.
* `poll_active` of a job that has ended fails once the scheduler forgot it, and one such job spoils
  the whole list. It puts the start into `time` and the elapsed time into `start_time`. It is slow
  with many jobs, and slower with pending arrays.
* `poll` without ids lists other users' jobs as well; `time_left` is the end and `time` the CPU
  time. Start and end are days (2026-11-21); other forms are ignored without a word.
* A `|` in the name of a job shifts the columns of its row.
* Paths of output files end at the first space.
"""

# ruff: noqa: PLR0917 - the arguments and their order are those of the public client

from __future__ import annotations

import json
import logging
import re
from collections.abc import Mapping, Sequence
from datetime import date
from io import BytesIO
from pathlib import Path
from typing import Any, TypeAlias
from urllib.parse import quote

from luisy_protocol.errors import ConfigurationError

from firecrest.call import Call
from firecrest.client import Client
from firecrest.multipart import FormBody
from firecrest.steps import Request, Steps, endpoint
from firecrest.tasks import wait_until_done
from firecrest.types import (
    JobAcct,
    JobQueue,
    JobSubmit,
    NodeInfo,
    PartitionInfo,
    ReservationInfo,
    Task,
)

Names: TypeAlias = Sequence[str | int] | str | int


def joined(names: Names | None) -> str | None:
    """Return names as the server wants them; a single one need not be in a list."""
    if names is None:
        return None
    if isinstance(names, str | int):
        return str(names)
    return ",".join(map(str, names)) or None


class Compute(Client):
    """The methods below /compute."""

    @endpoint
    def submit(
        self,
        machine: str,
        job_script: str | None = None,
        local_file: bool | None = True,
        script_str: str | None = None,
        script_local_path: str | Path | None = None,
        script_remote_path: str | None = None,
        account: str | None = None,
        env_vars: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[JobSubmit]:
        """Submit a batch script and return what the scheduler says.

        Exactly one of the four scripts must be given. A script that is sent runs in a new directory
        `firecrest/<task id>` in the user's base directory; one on the machine in its own directory.

        Args:
            machine: The machine.
            job_script: A local path, or with ``local_file=False`` one on the machine (the old
                spelling).
            local_file: See `job_script`.
            script_str: The text of the script.
            script_local_path: The path of a script on this computer.
            script_remote_path: The path of a script on the machine.
            account: The project to charge.
            env_vars: Variables for the job. Servers cut a value at its first comma, so that is
                refused.
            timeout: How many seconds to wait for the scheduler.

        Raises:
            ConfigurationError: If not exactly one script is given, or a variable holds a comma.
            TaskFailed: If the scheduler refuses the script.
        """
        if job_script is not None:
            if local_file:
                script_local_path = _only_one(script_local_path, job_script)
            else:
                script_remote_path = _only_one(script_remote_path, job_script)
        request = _submission(
            machine,
            script_str=script_str,
            script_local_path=script_local_path,
            script_remote_path=script_remote_path,
            fields=_submission_fields(account, env_vars),
        )
        task = yield from scheduled(Call(self), request, expects=201, timeout=timeout)
        job: JobSubmit = task["data"] | {"firecrest_taskid": task["hash_id"]}
        return job

    @endpoint
    def poll(
        self,
        machine: str,
        jobs: Names | None = None,
        start_time: str | date | None = None,
        end_time: str | date | None = None,
        page_size: int | None = None,
        page_number: int | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[list[JobAcct]]:
        """Return jobs from the accounting, ended ones included.

        Args:
            machine: The machine.
            jobs: Their ids; the tasks of an array have an id each (36_0, 36_1).
            start_time: The first day, 2026-11-21; other forms are ignored by servers.
            end_time: The last day.
            page_size: How many rows to return.
            page_number: Which page, from 0.
            timeout: How many seconds to wait for the scheduler.
        """
        query = {
            "jobs": joined(jobs),
            "starttime": _day(self, start_time),
            "endtime": _day(self, end_time),
            "pageSize": page_size,
            "pageNumber": page_number,
        }
        request = _query(machine, "acct", "ask the accounting", query)
        task = yield from scheduled(Call(self), request, timeout=timeout)
        return task["data"] or []

    @endpoint
    def poll_active(
        self,
        machine: str,
        jobs: Names | None = None,
        page_size: int | None = None,
        page_number: int | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[list[JobQueue]]:
        """Return the user's jobs in the queue, with the ends of their output.

        Args:
            machine: The machine.
            jobs: Their ids. One that the scheduler has forgotten fails the whole call.
            page_size: How many rows to return.
            page_number: Which page, from 0.
            timeout: How many seconds to wait for the scheduler.
        """
        query = {"jobs": joined(jobs), "pageSize": page_size, "pageNumber": page_number}
        request = _query(machine, "jobs", "ask the queue", query)
        task = yield from scheduled(Call(self), request, timeout=timeout)
        rows = task["data"] or {}
        return list(rows.values()) if isinstance(rows, dict) else rows

    @endpoint
    def nodes(
        self, machine: str, nodes: Names | None = None, *, timeout: float | None = None
    ) -> Steps[list[NodeInfo]]:
        """Return the compute nodes, or those of the given names."""
        query = {"nodes": joined(nodes)}
        answer: list[NodeInfo] = yield from _inventory(self, machine, "nodes", query, timeout)
        return answer

    @endpoint
    def partitions(
        self, machine: str, partitions: Names | None = None, *, timeout: float | None = None
    ) -> Steps[list[PartitionInfo]]:
        """Return the partitions, or those of the given names."""
        query = {"partitions": joined(partitions)}
        answer: list[PartitionInfo] = yield from _inventory(
            self, machine, "partitions", query, timeout
        )
        return answer

    @endpoint
    def reservations(
        self, machine: str, reservations: Names | None = None, *, timeout: float | None = None
    ) -> Steps[list[ReservationInfo]]:
        """Return the reservations of the scheduler, or those of the given names."""
        query = {"reservations": joined(reservations)}
        answer: list[ReservationInfo] = yield from _inventory(
            self, machine, "reservations", query, timeout
        )
        return answer

    @endpoint
    def cancel(
        self, machine: str, job_id: str | int, *, timeout: float | None = None
    ) -> Steps[str]:
        """Cancel a job and return what the scheduler says.

        Raises:
            TaskFailed: If there is no such job.
        """
        request = Request(
            "DELETE",
            f"/compute/jobs/{quote(str(job_id), safe='')}",
            f"cancel job {job_id} on {machine!r}",
            machine=machine,
            is_repeatable=True,
        )
        answer: str = (yield from scheduled(Call(self), request, timeout=timeout))["data"]
        return answer


def _day(client: Client, day: str | date | None) -> str | None:
    if day is None:
        return None
    text = f"{day:%Y-%m-%d}" if isinstance(day, date) else day
    if not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        client.log(logging.WARNING, f"{text!r} is not a day like 2026-11-21: servers ignore it")
    return text


def scheduled(
    call: Call, request: Request, *, expects: int = 200, timeout: float | None = None
) -> Steps[Task]:
    """Send a request that the server makes a task of, and return the task when it is done."""
    answer = yield from call.send(request, expects=expects)
    return (
        yield from wait_until_done(
            call, answer["task_id"], purpose=request.purpose, timeout=timeout
        )
    )


def _query(machine: str, path: str, purpose: str, query: Mapping[str, object]) -> Request:
    return Request(
        "GET",
        f"/compute/{path}",
        f"{purpose} of {machine!r}",
        machine=machine,
        query={name: str(value) for name, value in query.items() if value is not None},
        is_repeatable=True,
    )


# The rows' shape depends on the kind; the return type of each method describes it.
def _inventory(
    client: Client, machine: str, kind: str, query: Mapping[str, object], timeout: float | None
) -> Steps[Any]:
    call = Call(client)
    yield from call.require(kind, (1, 16))
    request = _query(machine, kind, f"list the {kind}", query)
    return (yield from scheduled(call, request, timeout=timeout))["data"]


def _only_one(given: object, job_script: str) -> str:
    if given is not None:
        raise ConfigurationError("submit takes one script: job_script is the old spelling of it")
    return job_script


def _submission(
    machine: str,
    *,
    script_str: str | None,
    script_local_path: str | Path | None,
    script_remote_path: str | None,
    fields: Mapping[str, str],
) -> Request:
    given = [script_str, script_local_path, script_remote_path]
    if sum(script is not None for script in given) != 1:
        raise ConfigurationError(
            "submit takes exactly one of script_str, script_local_path and script_remote_path"
        )
    purpose = f"submit a job on {machine!r}"
    if script_remote_path is not None:
        form = {"targetPath": script_remote_path, **fields}
        return Request("POST", "/compute/jobs/path", purpose, machine=machine, form=form)
    body = _script_body(script_str, script_local_path, fields)
    return Request("POST", "/compute/jobs/upload", purpose, machine=machine, body=body)


def _script_body(
    script_str: str | None, script_local_path: str | Path | None, fields: Mapping[str, str]
) -> FormBody:
    if script_local_path is not None:
        path = Path(script_local_path)
        return FormBody(fields, path, filename=path.name)
    return FormBody(fields, BytesIO((script_str or "").encode()), filename="script.batch")


def _submission_fields(account: str | None, env_vars: Mapping[str, Any] | None) -> dict[str, str]:
    fields = {"account": account} if account else {}
    for name, value in (env_vars or {}).items():
        if "," in str(value):
            raise ConfigurationError(
                f"env_vars[{name!r}] holds a comma, where FirecREST would cut it; write it into "
                "the script, or into a file on the machine"
            )
    if env_vars:
        fields["env"] = json.dumps(dict(env_vars))
    return fields
