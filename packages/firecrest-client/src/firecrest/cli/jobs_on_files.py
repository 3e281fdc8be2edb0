"""The commands that submit jobs on files: what takes longer than the server lets a command run."""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

from collections.abc import Callable
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


COMMANDS = {
    "mv": ("submit_move_job", "Move a file or a directory."),
    "cp": ("submit_copy_job", "Copy a file or a directory."),
    "rsync": ("submit_rsync_job", "Synchronise a directory with another."),
    "compress": ("submit_compress_job", "Pack a file or a directory into a .tar.gz."),
}


def _from_here_to_there(method: str) -> Callable[..., None]:
    """Make the command that calls a method of the client with a source and a destination."""

    def command(
        ctx: typer.Context,
        source: Source,
        destination: Destination,
        system: System,
        job_name: JobName = None,
        time: Time = None,
        job_id: JobId = None,
        account: Account = None,
    ) -> None:
        submit = getattr(client_of(ctx), method)
        terms = {"job_name": job_name, "time": time, "stage_out_job_id": job_id, "account": account}
        print_json(submit(system, source, destination, **terms))

    return command


for _name, (_method, _help) in COMMANDS.items():
    app.command(_name, help=_help)(_from_here_to_there(_method))


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
    submit = client_of(ctx).submit_extract_job
    print_json(submit(system, source, destination, extension, job_name, time, job_id, account))
