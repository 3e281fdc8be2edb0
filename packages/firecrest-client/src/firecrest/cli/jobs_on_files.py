"""The commands that submit jobs on files: what takes longer than the server lets a command run."""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

from typing import Annotated

import typer

from firecrest.cli.files import ARCHIVES, Destination, Path, Source
from firecrest.cli.session import System, client_of
from firecrest.cli.show import print_json

app = typer.Typer(help="Submit a job that moves, copies, packs, unpacks or deletes files.")
JobName = Annotated[str | None, typer.Option(help="The name of the job.")]
Time = Annotated[str | None, typer.Option(help="Its limit, as for sbatch.")]
JobId = Annotated[str | None, typer.Option("--jobid", help="Run it after this job has ended well.")]
Account = Annotated[str | None, typer.Option(help="The project to charge.")]


@app.command()
def mv(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Move a file or a directory."""
    submit = client_of(ctx).submit_move_job
    print_json(submit(system, source, destination, job_name, time, job_id, account))


@app.command()
def cp(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Copy a file or a directory."""
    submit = client_of(ctx).submit_copy_job
    print_json(submit(system, source, destination, job_name, time, job_id, account))


@app.command()
def rsync(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Synchronise a directory with another."""
    submit = client_of(ctx).submit_rsync_job
    print_json(submit(system, source, destination, job_name, time, job_id, account))


@app.command()
def rm(
    ctx: typer.Context,
    path: Path,
    system: System,
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Delete a file, or a directory with all that is in it."""
    submit = client_of(ctx).submit_delete_job
    print_json(submit(system, path, job_name, time, job_id, account))


@app.command()
def compress(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Pack a file or a directory into a .tar.gz."""
    job = client_of(ctx).submit_compress_job(
        system,
        source,
        destination,
        job_name=job_name,
        time=time,
        stage_out_job_id=job_id,
        account=account,
    )
    print_json(job)


@app.command()
def extract(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    extension: Annotated[str, typer.Argument(help=f"What it is: {ARCHIVES}.")] = "auto",
    job_name: JobName = None,
    time: Time = None,
    job_id: JobId = None,
    account: Account = None,
) -> None:
    """Unpack an archive into a directory."""
    job = client_of(ctx).submit_extract_job(
        system,
        source,
        destination,
        extension,
        job_name=job_name,
        time=time,
        stage_out_job_id=job_id,
        account=account,
    )
    print_json(job)
