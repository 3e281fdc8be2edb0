"""The commands about the server: its services, machines, settings and tasks."""

from __future__ import annotations

from typing import Annotated, cast

import typer

from firecrest.cli.session import Json, OptionalSystem, client_of
from firecrest.cli.show import print_json, print_rows
from firecrest.types import Parameter

PANEL = "Status commands"
Name = Annotated[str | None, typer.Option("-n", "--name", help="Only the one of this name.")]


def services(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """Show the services of the server."""
    client = client_of(ctx)
    rows = [client.service(name)] if name else client.all_services()
    columns = {"Service": "service", "Status": "status", "Description": "description"}
    print_rows(rows, columns, title="Services of FirecREST", as_json=as_json)


def systems(ctx: typer.Context, name: Name = None, as_json: Json = False) -> None:
    """Show the machines."""
    client = client_of(ctx)
    rows = [client.system(name)] if name else client.all_systems()
    columns = {"System": "system", "Status": "status", "Description": "description"}
    print_rows(rows, columns, title="Systems", as_json=as_json)


def parameters(ctx: typer.Context, as_json: Json = False) -> None:
    """Show the settings of the server, such as its size limits."""
    found = client_of(ctx).parameters()
    if as_json:
        print_json(found)
        return
    columns = {"Name": "name", "Value": "value", "Unit": "unit", "Description": "description"}
    for section, rows in found.items():
        title = f"{section.capitalize()} parameters"
        print_rows(cast("list[Parameter]", rows), columns, title=title)


def filesystems(ctx: typer.Context, system: OptionalSystem = None, as_json: Json = False) -> None:
    """Show the file systems of all machines, or of one."""
    found = client_of(ctx).filesystems(system)
    if as_json:
        print_json(found)
        return
    columns = {
        "Name": "name",
        "Path": "path",
        "Status": "status",
        "Description": "description",
    }
    for name, rows in found.items():
        print_rows(rows, columns, title=f"File systems of {name}")


def tasks(
    ctx: typer.Context,
    taskids: Annotated[list[str] | None, typer.Argument(help="The tasks to show.")] = None,
    pager: Annotated[bool, typer.Option(help="Show a long list page by page.")] = True,
    as_json: Json = False,
) -> None:
    """Show your tasks on the server: what it does, or did, for you."""
    found = client_of(ctx).tasks(taskids)
    if as_json:
        print_json(found)
        return
    columns = {
        "Task ID": "hash_id",
        "Status": "status",
        "Description": "description",
        "System": "system",
        "Created": "created_at",
        "Updated": "updated_at",
    }
    rows = sorted(found.values(), key=lambda task: task.get("created_at", ""))
    print_rows(rows, columns, title="Tasks", pager=pager)


def whoami(ctx: typer.Context, system: OptionalSystem = None) -> None:
    """Print your name: on a machine, or as the access token tells it."""
    name = client_of(ctx).whoami(system)
    if name is None:
        typer.echo("The access token does not tell who you are; name a --system.", err=True)
        raise typer.Exit(1)
    typer.echo(name)


def identity(ctx: typer.Context, system: OptionalSystem = None) -> None:
    """Print your numbers and groups on a machine, as the command id does."""
    if system is None:
        raise typer.BadParameter("name the machine with --system (or FIRECREST_SYSTEM)")
    found = client_of(ctx).groups(system)
    user, group = found["user"], found["group"]
    groups = ",".join(f"{entry['id']}({entry['name']})" for entry in found["groups"])
    typer.echo(
        f"uid={user['id']}({user['name']}) gid={group['id']}({group['name']}) groups={groups}"
    )


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    for function in (services, systems, parameters, filesystems, tasks):
        app.command(rich_help_panel=PANEL)(function)
    app.command(rich_help_panel="Utilities commands")(whoami)
    app.command("id", rich_help_panel="Utilities commands")(identity)
