"""The commands on files of a machine."""

# ruff: noqa: PLR0917 - typer makes options of the parameters

from __future__ import annotations

from typing import Annotated, cast

import typer

from firecrest.cli.session import Json, System, client_of
from firecrest.cli.show import print_json, print_rows

PANEL = "Utilities commands"
Path = Annotated[str, typer.Argument(help="The absolute path.")]
Source = Annotated[str, typer.Argument(help="The absolute path of what is there.")]
Destination = Annotated[str, typer.Argument(help="The absolute path of what will be there.")]
ARCHIVES = "auto, .zip, .tar, .tgz, .gz or .bz2"


def ls(
    ctx: typer.Context,
    path: Path,
    system: System,
    show_hidden: Annotated[
        bool, typer.Option("-a", "--show-hidden", help="Show names that start with a dot.")
    ] = False,
    recursive: Annotated[
        bool, typer.Option("-R", "--recursive", help="Descend into directories.")
    ] = False,
    as_json: Json = False,
) -> None:
    """List a directory."""
    rows = client_of(ctx).list_files(system, path, show_hidden, recursive)
    columns = {
        "Name": "name",
        "Type": "type",
        "Size": "size",
        "User": "user",
        "Group": "group",
        "Permissions": "permissions",
        "Last modified": "last_modified",
        "Link target": "link_target",
    }
    print_rows(rows, columns, title=f"{path} on {system}", as_json=as_json)


def mkdir(
    ctx: typer.Context,
    path: Path,
    system: System,
    parents: Annotated[
        bool, typer.Option("-p", help="Make the directories above as well; it may be there.")
    ] = False,
) -> None:
    """Make a directory."""
    client_of(ctx).mkdir(system, path, parents)


def mv(ctx: typer.Context, source: Source, destination: Destination, system: System) -> None:
    """Move or rename a file, a directory or a link."""
    client_of(ctx).mv(system, source, destination)


def cp(ctx: typer.Context, source: Source, destination: Destination, system: System) -> None:
    """Copy a file or a directory."""
    client_of(ctx).copy(system, source, destination)


def chmod(
    ctx: typer.Context,
    path: Path,
    mode: Annotated[str, typer.Argument(help="The mode, as for the command chmod.")],
    system: System,
) -> None:
    """Change the mode of a file."""
    client_of(ctx).chmod(system, path, mode)


def chown(
    ctx: typer.Context,
    path: Path,
    system: System,
    owner: Annotated[str | None, typer.Option(help="The new owner.")] = None,
    group: Annotated[str | None, typer.Option(help="The new group.")] = None,
) -> None:
    """Change the owner or the group of a file."""
    if owner is None and group is None:
        raise typer.BadParameter("give --owner, --group or both")
    client_of(ctx).chown(system, path, owner, group)


def compress(ctx: typer.Context, source: Source, destination: Destination, system: System) -> None:
    """Pack a file or a directory into a .tar.gz."""
    client_of(ctx).compress(system, source, destination)


def extract(
    ctx: typer.Context,
    source: Source,
    destination: Destination,
    system: System,
    extension: Annotated[str, typer.Argument(help=f"What it is: {ARCHIVES}.")] = "auto",
) -> None:
    """Unpack an archive into a directory."""
    client_of(ctx).extract(system, source, destination, extension)


def file(ctx: typer.Context, path: Path, system: System) -> None:
    """Tell the type of a file."""
    typer.echo(client_of(ctx).file_type(system, path))


def stat(
    ctx: typer.Context,
    path: Path,
    system: System,
    dereference: Annotated[
        bool, typer.Option("-L", "--dereference", help="Follow a symbolic link.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show size, mode, times and so on of a file."""
    found = client_of(ctx).stat(system, path, dereference)
    if as_json:
        print_json(found)
        return
    rows = [
        {"name": name, "value": oct(value) if name == "mode" else value}
        for name, value in cast("dict[str, int]", found).items()
    ]
    print_rows(rows, {"Attribute": "name", "Value": "value"}, title=f"{path} on {system}")


def symlink(
    ctx: typer.Context,
    target: Annotated[str, typer.Argument(help="The absolute path to point to.")],
    link_name: Annotated[str, typer.Argument(help="The absolute path of the link.")],
    system: System,
) -> None:
    """Make a symbolic link."""
    client_of(ctx).symlink(system, target, link_name)


def rm(
    ctx: typer.Context,
    path: Path,
    system: System,
    force: Annotated[bool | None, typer.Option(help="Do not ask, or do.")] = None,
) -> None:
    """Delete a file, or a directory with all that is in it."""
    if not force and not typer.confirm(f"Delete {path} on {system}, with all that is in it?"):
        raise typer.Abort
    client_of(ctx).simple_delete(system, path)


def checksum(ctx: typer.Context, path: Path, system: System) -> None:
    """Print the SHA-256 of a file."""
    typer.echo(client_of(ctx).checksum(system, path))


def head(
    ctx: typer.Context,
    path: Path,
    system: System,
    lines: Annotated[
        str | None,
        typer.Option("-n", "--lines", metavar="[-]NUM", help="So many; with -, all but the last."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("-c", "--bytes", metavar="[-]NUM", help="So many; with -, all but the last."),
    ] = None,
) -> None:
    """Print the beginning of a text file: ten lines by default."""
    skip = _is_marked(lines, size, mark="-")
    typer.echo(client_of(ctx).head(system, path, _bare(size), _bare(lines), skip), nl=False)


def tail(
    ctx: typer.Context,
    path: Path,
    system: System,
    lines: Annotated[
        str | None,
        typer.Option("-n", "--lines", metavar="[+]NUM", help="So many; with +, from there on."),
    ] = None,
    size: Annotated[
        str | None,
        typer.Option("-c", "--bytes", metavar="[+]NUM", help="So many; with +, from there on."),
    ] = None,
) -> None:
    """Print the end of a text file: ten lines by default."""
    skip = _is_marked(lines, size, mark="+")
    typer.echo(client_of(ctx).tail(system, path, _bare(size), _bare(lines), skip), nl=False)


def _is_marked(lines: str | None, size: str | None, *, mark: str) -> bool:
    """Check that at most one number is given, and tell whether it starts with the mark."""
    if lines is not None and size is not None:
        raise typer.BadParameter("give --lines or --bytes, not both")
    number = lines or size
    if number is not None and not number.removeprefix(mark).isdecimal():
        raise typer.BadParameter(f"{number!r} is not a number")
    return number is not None and number.startswith(mark)


def _bare(number: str | None) -> str | None:
    return None if number is None else number.lstrip("+-")


def add_to(app: typer.Typer) -> None:
    """Add the commands of this module."""
    functions = (
        ls,
        mkdir,
        mv,
        chmod,
        chown,
        cp,
        compress,
        extract,
        file,
        stat,
        symlink,
        rm,
        checksum,
        head,
        tail,
    )
    for function in functions:
        app.command(rich_help_panel=PANEL)(function)
