"""The commands of the scheduler."""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated

import typer

from firecrest.cli.session import Json, System, client_of
from firecrest.cli.show import print_json, print_rows
from firecrest.job import ENDED

PANEL = "Compute commands"
Jobs = Annotated[list[str] | None, typer.Argument(help="The ids of the jobs.")]
Names = Annotated[list[str] | None, typer.Argument(help="Their names.")]
Day = "A day such as 2026-11-21; servers ignore other forms."


def submit(
    ctx: typer.Context,
    job_script: Annotated[str, typer.Argument(help="The path of the batch script.")],
    system: System,
    account: Annotated[str | None, typer.Option(help="The project to charge.")] = None,
    local: Annotated[bool, typer.Option(help="Whether the script is on this computer.")] = True,
    env_vars: Annotated[
        list[str] | None,
        typer.Option("-e", "--env-var", metavar="VAR=VALUE", help="A variable for the job."),
    ] = None,
) -> None:
    """Submit a batch script and print what the scheduler says, as JSON."""
    job = client_of(ctx).submit(
        system,
        script_local_path=job_script if local else None,
        script_remote_path=None if local else job_script,
        account=account,
        env_vars=dict(map(_variable, env_vars or [])) or None,
    )
    print_json(job)


def _variable(text: str) -> tuple[str, str]:
    name, is_there, value = text.partition("=")
    if not is_there or not name:
        raise typer.BadParameter(f"{text!r} is not VAR=VALUE")
    return name, value


def poll(
    ctx: typer.Context,
    system: System,
    jobs: Jobs = None,
    start_time: Annotated[
        str | None, typer.Option(metavar="DAY", help=f"From when on. {Day}")
    ] = None,
    end_time: Annotated[str | None, typer.Option(metavar="DAY", help=f"Until when. {Day}")] = None,
    as_json: Json = False,
) -> None:
    """Show jobs from the accounting, ended ones included."""
    rows = client_of(ctx).poll(system, jobs, start_time, end_time)
    columns = {
        "Job ID": "jobid",
        "Name": "name",
        "Partition": "partition",
        "User": "user",
        "State": "state",
        "Start": "start_time",
        "CPU time": "time",
        "End": "time_left",
        "Nodes": "nodes",
        "Node list": "nodelist",
        "Exit code": "exit_code",
    }
    print_rows(rows, columns, title=f"Accounting of {system}", as_json=as_json)


def poll_active(
    ctx: typer.Context, system: System, jobs: Jobs = None, as_json: Json = False
) -> None:
    """Show your jobs in the queue."""
    rows = client_of(ctx).poll_active(system, jobs)
    # Servers put the start time into `time` and the elapsed time into `start_time`.
    columns = {
        "Job ID": "jobid",
        "Name": "name",
        "Partition": "partition",
        "User": "user",
        "State": "state",
        "Start": "time",
        "Elapsed": "start_time",
        "Time left": "time_left",
        "Nodes": "nodes",
        "Node list": "nodelist",
    }
    print_rows(rows, columns, title=f"Queue of {system}", as_json=as_json)


def wait(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The id of the job.")],
    system: System,
    wait_timeout: Annotated[
        float | None,
        typer.Option("--wait-timeout", metavar="SECONDS", help="Give up after so long."),
    ] = None,
    as_json: Json = False,
) -> None:
    """Wait until a job has ended; exit with 1 unless it completed."""
    outcome = client_of(ctx).wait_for_job(system, job, wait_timeout, progress=_tell)
    if as_json:
        print_json(list(outcome.rows))
    else:
        typer.echo(outcome.state)
    if not outcome.is_success:
        raise typer.Exit(1)


def _tell(state: str) -> None:
    if state not in ENDED:
        typer.echo(state, err=True)


def cancel(
    ctx: typer.Context,
    job: Annotated[str, typer.Argument(help="The id of the job.")],
    system: System,
) -> None:
    """Cancel a job."""
    typer.echo(client_of(ctx).cancel(system, job))


INVENTORY = {
    "nodes": (
        "Show the compute nodes.",
        {
            "Node": "NodeName",
            "Partitions": "Partitions",
            "Features": "ActiveFeatures",
            "State": "State",
        },
    ),
    "partitions": (
        "Show the partitions.",
        {
            "Partition": "PartitionName",
            "State": "State",
            "CPUs": "TotalCPUs",
            "Nodes": "TotalNodes",
            "Default": "Default",
        },
    ),
    "reservations": (
        "Show the reservations of the scheduler.",
        {
            "Reservation": "ReservationName",
            "State": "State",
            "Nodes": "Nodes",
            "Start": "StartTime",
            "End": "EndTime",
            "Features": "Features",
        },
    ),
}


def _showing(kind: str, columns: Mapping[str, str]) -> Callable[..., None]:
    """Make the command that shows what the client's method of this name returns."""

    def command(
        ctx: typer.Context,
        system: System,
        names: Names = None,
        as_json: Json = False,
    ) -> None:
        rows = getattr(client_of(ctx), kind)(system, names)
        print_rows(rows, columns, title=f"{kind.capitalize()} of {system}", as_json=as_json)

    return command


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for function in (submit, poll, poll_active, wait, cancel):
        app.command(rich_help_panel=PANEL)(function)
    for kind, (text, columns) in INVENTORY.items():
        app.command(f"get-{kind}", help=text, rich_help_panel=PANEL)(_showing(kind, columns))
