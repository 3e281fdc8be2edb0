"""The compute service: jobs. Each request starts a task; its answer is found there."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path, PurePosixPath

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.filesystem import Filesystem
from firecrest.emulator.queue import PENDING, Job, SchedulerError, Submission
from firecrest.emulator.refusal import CommandFailed, Refusal
from firecrest.emulator.tasks import Task, created

_TAIL = 1000
_PAGE_SIZE = 25
PARTITIONS = ("part01", "part02", "xfer")


def begin(
    call: Call,
    work: Callable[[Task], object],
    *,
    status: int = 200,
    with_url: bool = True,
) -> Answer:
    """Check the machine, start a task whose data is what `work` returns, and answer with its id."""
    check_machine(call)
    task = call.site.tasks.create(call, service="compute")

    def finish() -> None:
        try:
            call.site.tasks.update(task.id, "200", work(task))
        except (SchedulerError, CommandFailed) as error:
            call.site.tasks.update(task.id, "400", str(error))
        except OSError as error:
            call.site.tasks.update(task.id, "400", error.strerror or str(error))

    call.site.background(finish)
    return created(task, status=status, with_url=with_url)


def check_machine(call: Call) -> None:
    """Refuse an unknown or unreachable machine; the header's plural is the real server's."""
    if call.machine not in call.site.settings.machines:
        raise Refusal(
            400,
            {"description": "Failed to submit job", "error": "Machine does not exist"},
            {"X-Machine-Does-Not-Exists": "Machine does not exist"},
        )
    if not call.site.settings.machines[call.machine]:
        raise Refusal(400, {"description": "Failed to retrieve jobs information"})


def submit_upload(call: Call) -> Answer:
    """Submit a script that comes with the request."""
    description = "Failed to submit job"
    if call.file is None:
        raise Refusal(400, {"description": description, "error": "No file in query"})
    if not call.file.size:
        raise Refusal(400, {"description": description, "error": "Script file is empty"})
    environment = _environment(call)
    name = call.clean(PurePosixPath(call.file.name).name, "filename", description=description)
    content = call.file.content.read()

    def work(task: Task) -> object:
        folder = task_folder(call, task)
        script = call.filesystem.place(f"{folder}/{name}", command="sbatch")
        script.write_bytes(content)
        return submit(call, script, folder=folder, environment=environment)

    return begin(call, work, status=201)


def submit_path(call: Call) -> Answer:
    """Submit a script that is on the machine; it starts in its own directory."""
    check_machine(call)
    path = call.text("targetPath", operation="submit")
    environment = _environment(call)
    try:
        script = call.filesystem.existing(path, command=f"sbatch: error: {path}", need=0o400)
    except CommandFailed as error:
        header = "X-Permission-Denied" if "denied" in str(error) else "X-Invalid-Path"
        reason = f"{path} is an invalid path."
        body = {"description": "Failed to submit job", "error": reason}
        raise Refusal(404 if "denied" in str(error) else 400, body, {header: reason}) from error
    folder = str(PurePosixPath(call.filesystem.home, path).parent)
    return begin(
        call, lambda _: submit(call, script, folder=folder, environment=environment), status=201
    )


def task_folder(call: Call, task: Task) -> str:
    """Make the directory of a task's job, ``~/firecrest/<task id>``."""
    folder = f"{call.filesystem.home}/firecrest/{task.id}"
    call.filesystem.resolve(folder.rpartition("/")[0], command="mkdir").mkdir(exist_ok=True)
    call.filesystem.resolve(folder, command="mkdir").mkdir()
    return folder


def submit(
    call: Call,
    script: Path,
    *,
    folder: str,
    environment: Mapping[str, str],
    after: str = "",
    name: str = "",
) -> dict[str, str]:
    """Hand a script to the machine's queue and tell about the new job."""
    files = call.filesystem

    def locate(file_name: str) -> Path:
        return files.place(str(PurePosixPath(folder, file_name)), command=file_name)

    home = str(files.resolve(files.home, command="sbatch"))
    submission = Submission(
        user=call.user,
        script=script,
        folder=files.existing(folder, command="sbatch"),
        locate=locate,
        environment={"HOME": home, "USER": call.user, **environment},
        after=after,
        name=name,
    )
    queue = call.site.queue(call.machine)
    number = queue.submit(submission)
    job = next(iter(queue.accounted([number])), None)
    files_of_job = _files(files, job) if job else {}
    return {
        **files_of_job,
        "job_data_err": "",
        "job_data_out": "",
        "job_info_extra": "Job info returned successfully",
        "jobid": number,
        "result": "Job submitted",
    }


def _environment(call: Call) -> Mapping[str, str]:
    text = call.form.get("env")
    if not text:
        return {}
    try:
        found = json.loads(text)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        error = "Environment variables are not a JSON object"
        raise Refusal(400, {"description": "Failed to submit job", "error": error})
    return {str(name): str(value) for name, value in found.items()}


def _files(filesystem: Filesystem, job: Job) -> dict[str, str]:
    paths = {"job_file": job.script, "job_file_out": job.out, "job_file_err": job.err}
    return {name: filesystem.virtual(str(path)) for name, path in paths.items()}


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            file.seek(max(path.stat().st_size - _TAIL, 0))
            return file.read().decode(errors="replace").removesuffix("\n")
    except FileNotFoundError:
        return ""


def active(call: Call) -> Answer:
    """Tell about jobs that have not ended, as ``squeue``; time and start time are swapped there."""
    ids = _ids(call)

    def work(_: Task) -> object:
        jobs = [job for job in call.site.queue(call.machine).active(ids) if job.user == call.user]
        shown = _page(call, jobs)
        return {str(place): _active_row(call.filesystem, job) for place, job in enumerate(shown)}

    return begin(call, work)


def _active_row(filesystem: Filesystem, job: Job) -> dict[str, str]:
    is_pending = job.state == PENDING
    left = max(job.limit - job.elapsed, 0)
    return {
        **_files(filesystem, job),
        "job_data_err": _tail(job.err),
        "job_data_out": _tail(job.out),
        "job_info_extra": "Job info returned successfully",
        "jobid": job.id,
        "name": job.name,
        "nodelist": "" if is_pending else "localhost",
        "nodes": "1",
        "partition": job.partition,
        "start_time": _short(job.elapsed),
        "state": job.state,
        "time": _time(job.started, "N/A"),
        "time_left": _short(left),
        "user": job.user,
    }


def accounted(call: Call) -> Answer:
    """Tell about jobs, ended or not, as ``sacct``."""
    ids = _ids(call)
    start, end = (_day(call, name) for name in ("starttime", "endtime"))

    def work(_: Task) -> object:
        jobs = [
            job
            for job in call.site.queue(call.machine).accounted(ids)
            if (start is None or (job.ended or datetime.now()) >= start)
            and (end is None or job.submitted < end)
        ]
        return [_accounted_row(job) for job in _page(call, jobs)] or {}

    return begin(call, work)


def _accounted_row(job: Job) -> dict[str, str]:
    elapsed = _long(job.elapsed)
    ended = _time(job.ended, "Unknown")
    return {
        "cpu_time": elapsed,
        "elapsed_time": elapsed,
        "exit_code": job.exit_code,
        "jobid": job.id,
        "name": job.name,
        "nodelist": "None assigned" if job.state == PENDING else "localhost",
        "nodes": "1",
        "partition": job.partition,
        "start_time": _time(job.started, "Unknown"),
        "state": job.state,
        "termination_time": ended,
        "time": elapsed,
        "time_left": ended,
        "user": job.user,
    }


def cancel(call: Call) -> Answer:
    """End a job."""
    job_id = call.path["job_id"]

    def work(_: Task) -> object:
        call.site.queue(call.machine).cancel(job_id)
        return f"scancel: Terminating job {job_id}"

    return begin(call, work)


def nodes(call: Call) -> Answer:
    """Tell about the machine's one node."""
    row = {
        "ActiveFeatures": ["f7t"],
        "NodeName": "localhost",
        "Partitions": list(PARTITIONS),
        "State": ["MIXED"],
    }
    return begin(call, partial(_chosen, call, [row], "nodes", "NodeName"))


def partitions(call: Call) -> Answer:
    """Tell about the machine's partitions."""
    slots = str(call.site.settings.slots)
    rows = [
        {
            "Default": "YES" if name == PARTITIONS[0] else "NO",
            "PartitionName": name,
            "State": "UP",
            "TotalCPUs": slots,
            "TotalNodes": "1",
        }
        for name in PARTITIONS
    ]
    return begin(call, partial(_chosen, call, rows, "partitions", "PartitionName"))


def reservations(call: Call) -> Answer:
    """Tell about the scheduler's reservations."""
    rows = [
        {
            "ReservationName": kept.name,
            "State": kept.state,
            "Nodes": kept.node_type,
            "StartTime": kept.start,
            "EndTime": kept.end,
            "Features": [],
        }
        for kept in call.site.reservations.of_machine(call.machine)
    ]
    return begin(call, partial(_chosen, call, rows, "reservations", "ReservationName"))


def _chosen(
    call: Call, rows: Sequence[Mapping[str, object]], parameter: str, name: str, _: Task
) -> object:
    wanted = call.query.get(parameter)
    if not wanted:
        return rows
    names = wanted.split(",")
    if unknown := [each for each in names if all(row[name] != each for row in rows)]:
        raise SchedulerError(f"{unknown[0]} not found")
    return [row for row in rows if row[name] in names]


def _ids(call: Call) -> list[str]:
    text = call.query.get("jobs", "")
    ids = [part for part in text.split(",") if part]
    if any(not re.fullmatch(r"\d+(_\d+)?", job_id) for job_id in ids):
        error = f"{text} is an invalid job ID"
        raise Refusal(400, {"description": "Failed to retrieve job information", "error": error})
    return ids


def _day(call: Call, name: str) -> datetime | None:
    """Read a day; every other form is silently ignored, as by the real server."""
    try:
        return datetime.strptime(call.query.get(name, ""), "%Y-%m-%d")
    except ValueError:
        return None


def _page(call: Call, jobs: list[Job]) -> list[Job]:
    """Return one page; numbers start at 0."""
    if "pageNumber" not in call.query and "pageSize" not in call.query:
        return jobs
    try:
        size = int(call.query.get("pageSize", _PAGE_SIZE))
        number = int(call.query.get("pageNumber", 0))
    except ValueError:
        raise CommandFailed("pageSize and pageNumber must be integers") from None
    if number * size >= len(jobs) > 0:
        raise CommandFailed(f"Number of page {number} is out of range")
    return jobs[number * size : (number + 1) * size]


def _time(moment: datetime | None, missing: str) -> str:
    return moment.isoformat(timespec="seconds") if moment else missing


def _short(seconds: int) -> str:
    """``4:59``, ``1:04:59`` or ``2-01:04:59``, as squeue prints a time."""
    minutes, rest = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes}:{rest:02}"
    return _long(seconds).removeprefix("0")


def _long(seconds: int) -> str:
    """``00:00:05`` or ``1-00:00:05``, as sacct prints a time."""
    days, rest = divmod(seconds, 86400)
    text = str(timedelta(seconds=rest)).rjust(8, "0")
    return f"{days}-{text}" if days else text


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("POST", "/compute/jobs/upload", submit_upload),
    ("POST", "/compute/jobs/path", submit_path),
    ("GET", "/compute/jobs", active),
    ("GET", "/compute/acct", accounted),
    ("DELETE", "/compute/jobs/{job_id}", cancel),
    ("GET", "/compute/nodes", nodes),
    ("GET", "/compute/partitions", partitions),
    ("GET", "/compute/reservations", reservations),
)
