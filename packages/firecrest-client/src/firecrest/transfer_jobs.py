"""Work on files that is too long for a command: jobs in the transfer partition.

Such a job ends "COMPLETED" even if its command failed; only its error file tells (`job_file_err`).
`compress` and `extract` try the short command first and, where asked to (`fail_on_timeout=False`),
submit the job when the server stopped the command, wait for the job and read that file.
"""

# ruff: noqa: PLR0917 - the arguments and their order are those of the public client

from __future__ import annotations

from collections.abc import Mapping

from firecrest.call import Call
from firecrest.client import Client
from firecrest.compute import scheduled
from firecrest.errors import CommandTimeout, FirecrestException, TransferJobFailed
from firecrest.job import follow_job
from firecrest.steps import Request, Steps, endpoint
from firecrest.types import InternalTransferJobSubmit
from firecrest.utilities import given, run


class TransferJobs(Client):
    """The methods below /storage/xfer-internal, and compress and extract."""

    @endpoint
    def compress(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        dereference: bool = False,
        fail_on_timeout: bool = True,
        *,
        timeout: float | None = None,
    ) -> Steps[str]:
        """Pack a file or a directory into a tar.gz and return the path of that.

        Args:
            machine: The machine.
            source_path: What to pack.
            target_path: The archive.
            dereference: Whether to pack what symbolic links point to.
            fail_on_timeout: Raise `CommandTimeout` if it takes too long, instead of running a job.
            timeout: How many seconds to wait for that job.
        """
        form = {"targetPath": target_path, "sourcePath": source_path, "dereference": dereference}
        yield from _run(self, "compress", machine, form, fail_on_timeout, timeout)
        return target_path

    @endpoint
    def extract(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        extension: str = "auto",
        fail_on_timeout: bool = True,
        *,
        timeout: float | None = None,
    ) -> Steps[str]:
        """Unpack an archive into a directory and return the path of that.

        Args:
            machine: The machine.
            source_path: The archive.
            target_path: The directory.
            extension: What it is: .zip, .tar, .tgz, .gz, .bz2, or auto to go by its name.
            fail_on_timeout: Raise `CommandTimeout` if it takes too long, instead of running a job.
            timeout: How many seconds to wait for that job.
        """
        form = {"targetPath": target_path, "sourcePath": source_path, **_archive(extension)}
        yield from _run(self, "extract", machine, form, fail_on_timeout, timeout)
        return target_path

    @endpoint
    def submit_move_job(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that moves a file or a directory.

        Args:
            machine: The machine.
            source_path: What to move.
            target_path: Where to.
            job_name: The name of the job.
            time: Its limit, as for sbatch.
            stage_out_job_id: A job that must end well first; if it fails, this one waits for ever.
            account: The project to charge.
            timeout: How many seconds to wait for the scheduler.
        """
        form = _form(source_path, target_path, job_name, time, stage_out_job_id, account)
        return (yield from _submit(Call(self), "mv", machine, form, timeout))

    @endpoint
    def submit_copy_job(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that copies; the arguments are those of `submit_move_job`."""
        form = _form(source_path, target_path, job_name, time, stage_out_job_id, account)
        return (yield from _submit(Call(self), "cp", machine, form, timeout))

    @endpoint
    def submit_rsync_job(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that runs rsync; the arguments are those of `submit_move_job`."""
        form = _form(source_path, target_path, job_name, time, stage_out_job_id, account)
        return (yield from _submit(Call(self), "rsync", machine, form, timeout))

    @endpoint
    def submit_delete_job(
        self,
        machine: str,
        target_path: str,
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that deletes; the arguments are those of `submit_move_job`."""
        form = _form(None, target_path, job_name, time, stage_out_job_id, account)
        return (yield from _submit(Call(self), "rm", machine, form, timeout))

    @endpoint
    def submit_compress_job(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        dereference: bool = False,
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that packs; see `compress` and `submit_move_job` for the arguments."""
        call = Call(self)
        yield from call.require("submit_compress_job", (1, 16))
        form = _form(source_path, target_path, job_name, time, stage_out_job_id, account)
        form["dereference"] = dereference
        return (yield from _submit(call, "compress", machine, form, timeout))

    @endpoint
    def submit_extract_job(
        self,
        machine: str,
        source_path: str,
        target_path: str,
        extension: str = "auto",
        job_name: str | None = None,
        time: str | None = None,
        stage_out_job_id: str | None = None,
        account: str | None = None,
        *,
        timeout: float | None = None,
    ) -> Steps[InternalTransferJobSubmit]:
        """Submit a job that unpacks; see `extract` and `submit_move_job` for the arguments."""
        call = Call(self)
        yield from call.require("submit_extract_job", (1, 16))
        form = _form(source_path, target_path, job_name, time, stage_out_job_id, account)
        form |= _archive(extension)
        return (yield from _submit(call, "extract", machine, form, timeout))


def _archive(extension: str) -> dict[str, str]:
    """Name the kind of archive as the documentation says and as real servers read it."""
    return {"extension": extension, "type": extension}


def _form(
    source_path: str | None,
    target_path: str,
    job_name: str | None,
    time: str | None,
    stage_out_job_id: str | None,
    account: str | None,
) -> dict[str, object]:
    return {
        "targetPath": target_path,
        "sourcePath": source_path,
        "jobName": job_name,
        "time": time,
        "stageOutJobId": stage_out_job_id,
        "account": account,
    }


def _submit(
    call: Call, kind: str, machine: str, form: Mapping[str, object], timeout: float | None
) -> Steps[InternalTransferJobSubmit]:
    purpose = f"submit a {kind} job on {machine!r}"
    url = f"/storage/xfer-internal/{kind}"
    request = Request("POST", url, purpose, machine=machine, form=given(form))
    task = yield from scheduled(call, request, expects=201, timeout=timeout)
    job: InternalTransferJobSubmit = task["data"] | {"system": task.get("system", machine)}
    return job


def _run(
    client: Client,
    kind: str,
    machine: str,
    form: Mapping[str, object],
    fail_on_timeout: bool,
    timeout: float | None,
) -> Steps[None]:
    """Run the short command, and the job of the same name if the server stopped it."""
    call, purpose = Call(client), f"{kind} {form['sourcePath']!r}"
    yield from call.require(kind, (1, 16))
    try:
        yield from run(call, kind, machine, purpose, form)
    except FirecrestException as error:
        if fail_on_timeout or not _has_timed_out(error):
            raise
    else:
        return
    job = yield from _submit(call, kind, machine, form, timeout)
    yield from follow_job(call, job["system"], job["jobid"], timeout=timeout)
    wrote = yield from run(call, "head", machine, purpose, {"targetPath": job["job_file_err"]})
    if wrote.strip():
        raise TransferJobFailed(
            call.responses, f"Cannot {purpose}: job {job['jobid']} wrote: {wrote.strip()}"
        )


def _has_timed_out(error: FirecrestException) -> bool:
    said = error.responses[-1].text if error.responses else ""
    return isinstance(error, CommandTimeout) or Client.TIMEOUT_STR in said
