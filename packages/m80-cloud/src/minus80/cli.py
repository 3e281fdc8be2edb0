"""The command ``minus80``, which is also ``luisy m80``.

Exit codes: 0 done, 1 failed, 2 misused, 130 stopped with Ctrl-C.
"""

from __future__ import annotations

import json
import logging
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict
from functools import wraps
from pathlib import Path
from typing import ParamSpec

import click
from luisy_protocol.errors import ConfigurationError, LuisyError
from luisy_protocol.stdout import full_stdout

from minus80.cloud import CloudData
from minus80.folders import Folders
from minus80.folders import available as datasets_here
from minus80.listing import Listing
from minus80.names import slug_of
from minus80.settings import load_settings

_P = ParamSpec("_P")


def main() -> None:
    """Run the command ``minus80``."""
    try:
        cli(prog_name="minus80")
    except OSError as error:
        if told := full_stdout(error):
            sys.exit(f"Error: {told}")
        raise


def _reporting(command: Callable[_P, None]) -> Callable[_P, None]:
    """Show an error as one line on stderr, and warnings as notes there."""

    @wraps(command)
    def run(*args: _P.args, **kwargs: _P.kwargs) -> None:
        logging.basicConfig(format="%(message)s", level=logging.WARNING)
        try:
            with _notes():
                command(*args, **kwargs)
        except LuisyError as error:
            click.echo(f"Error: {error}", err=True)
            sys.exit(1)
        except KeyboardInterrupt:
            click.echo("Stopped; the next run goes on from here.", err=True)
            sys.exit(130)

    return run


@contextmanager
def _notes() -> Iterator[None]:
    def show(message: Warning | str, *_: object, **__: object) -> None:
        click.echo(f"Note: {message}", err=True)

    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.showwarning = show
        yield


_NAME = click.argument("name")
_DTYPE = click.argument("dtype")
_RAW = click.option("--raw", is_flag=True, help="NAME is that of a raw file.")
_JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
_YES = click.option("--yes", "-y", is_flag=True, help="Do not ask.")


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="m80-cloud")
def cli() -> None:
    """Freeze datasets and raw files, here and in S3.

    Shell completion: eval "$(_MINUS80_COMPLETE=bash_source minus80)", or zsh_source, fish_source.
    """


@cli.command("list")
@click.option("--name", help="Only datasets whose name begins with this.")
@click.option("--dtype", help="Only datasets of this type.")
@_JSON
@_reporting
def list_here(name: str | None, dtype: str | None, *, as_json: bool) -> None:
    """List the datasets on this machine."""
    found = datasets_here(name, dtype)
    if isinstance(found, bool):
        found = Listing({dtype: [name]} if found and dtype and name else {})
    _show(found, as_json=as_json)


@cli.command("delete")
@_NAME
@_DTYPE
@_YES
@_reporting
def delete_here(name: str, dtype: str, *, yes: bool) -> None:
    """Delete a dataset on this machine."""
    folders, slug = Folders(load_settings().basedir), slug_of(name, dtype)
    folder = folders.existing(slug)
    _ask(f"Delete {folder} for good?", yes=yes)
    folders.delete(slug)


@cli.group()
def cloud() -> None:
    """Datasets and raw files in the bucket of ~/.minus80.conf."""


@cloud.command("list")
@click.option("--name", help="Only what begins with this.")
@click.option("--dtype", help="Only this type.")
@click.option("--raw", is_flag=True, help="Raw files instead of datasets.")
@_JSON
@_reporting
def list_cloud(name: str | None, dtype: str | None, *, raw: bool, as_json: bool) -> None:
    """List what is in the cloud."""
    with _cloud() as data:
        _show(data.list(name, dtype, raw=raw), as_json=as_json)


@cloud.command(short_help="Store a dataset as one more version, or a raw file.")
@_NAME
@_DTYPE
@_RAW
@click.option("--compress", is_flag=True, help="Store contents compressed.")
@click.option("--tag", help="A name for the version.")
@click.option("--resend", is_flag=True, help="Send everything, even what seems to be there.")
@_reporting
def put(name: str, dtype: str, *, raw: bool, compress: bool, tag: str | None, resend: bool) -> None:
    """Store the dataset NAME of type DTYPE as one more version, or with --raw the file NAME."""
    with _cloud() as data:
        data.put(name, dtype, raw, compress, tag=tag, resend=resend)


@cloud.command(short_help="Fetch a dataset or a raw file.")
@_NAME
@_DTYPE
@_RAW
@click.option("--output", "-o", type=click.Path(path_type=Path), help="With --raw: where to.")
@click.option("--version", type=int, help="The number of an older version.")
@click.option("--tag", help="The tag of a version.")
@_reporting
def get(
    name: str,
    dtype: str,
    *,
    raw: bool,
    output: Path | None,
    version: int | None,
    tag: str | None,
) -> None:
    """Fetch the dataset NAME of type DTYPE, or with --raw the file NAME."""
    with _cloud() as data:
        data.get(name, dtype, raw, output, version=version, tag=tag)


@cloud.command(short_help="Remove a dataset or a raw file.")
@_NAME
@_DTYPE
@_RAW
@_YES
@_reporting
def remove(name: str, dtype: str, *, raw: bool, yes: bool) -> None:
    """Remove a dataset with all its versions, or a raw file, from the cloud."""
    with _cloud() as data:
        _ask(f"Remove {dtype} {name} from {data.url} for good?", yes=yes)
        data.remove(name, dtype, raw=raw)


@cloud.command()
@_NAME
@_DTYPE
@_JSON
@_reporting
def history(name: str, dtype: str, *, as_json: bool) -> None:
    """Show the versions of a dataset, the oldest first."""
    with _cloud() as data:
        found = data.history(name, dtype)
    if not as_json:
        click.echo(repr(found))
        return
    versions = [
        {**_without(asdict(version), "unknown"), "tags": found.tags_of(version)}
        for version in found.versions
    ]
    click.echo(json.dumps(versions, indent=2))


@cloud.command()
@_NAME
@_DTYPE
@click.argument("tag")
@click.option("--version", type=int, help="The number of the version; the current one by default.")
@_reporting
def tag(name: str, dtype: str, tag: str, *, version: int | None) -> None:
    """Give the name TAG to a version of a dataset."""
    with _cloud() as data:
        data.tag(name, dtype, tag, version=version)


@cloud.command()
@click.option("--dry-run", is_flag=True, help="Only tell what would be deleted.")
@_JSON
@_reporting
def gc(*, dry_run: bool, as_json: bool) -> None:
    """Free the space of contents that no version of any dataset needs."""
    with _cloud() as data:
        cleaned = data.clean(dry_run=dry_run)
    if as_json:
        click.echo(json.dumps(asdict(cleaned)))
        return
    would = "would free" if dry_run else "freed"
    click.echo(
        f"{would} {_count(cleaned.size, 'byte')} in {_count(cleaned.objects, 'object')}, and "
        f"{_count(cleaned.uploads, 'unfinished upload')}"
    )


@cloud.command(short_help="Compare what is stored with its digests.")
@click.argument("name", required=False)
@click.argument("dtype", required=False)
@_JSON
@_reporting
def verify(name: str | None, dtype: str | None, *, as_json: bool) -> None:
    """Read every byte of a dataset's versions, or of all, and compare it with its digest."""
    with _cloud() as data:
        verified = data.verify(name, dtype)
    if as_json:
        click.echo(json.dumps(asdict(verified), indent=2))
    else:
        for problem in verified.problems:
            click.echo(problem)
        problems = _count(len(verified.problems), "problem")
        click.echo(f"{_count(verified.contents, 'content')} read, {problems}")
    if verified.problems:
        sys.exit(1)


@cloud.command()
@_YES
@_reporting
def nuke(*, yes: bool) -> None:
    """Remove all datasets and raw files from the cloud, for good."""
    with _cloud() as data:
        _ask(f"Remove all datasets and raw files from {data.url} for good?", yes=yes)
        data.nuke(yes=True)


@contextmanager
def _cloud() -> Iterator[CloudData]:
    from luisy_protocol.terminal import terminal_progress

    data = CloudData(progress=terminal_progress() if sys.stderr.isatty() else None)
    try:
        yield data
    finally:
        data.close()


def _ask(question: str, *, yes: bool) -> None:
    """Go on if the person agrees, or said so before."""
    try:
        if not yes:
            click.confirm(question, abort=True)
    except click.Abort:
        if sys.stdin.isatty():
            raise
        click.echo(err=True)
        raise ConfigurationError("nothing was done; without a terminal, say --yes") from None


def _show(listing: Listing, *, as_json: bool) -> None:
    if as_json:
        click.echo(json.dumps({dtype: list(names) for dtype, names in listing.items()}))
    else:
        click.echo(repr(listing))


def _count(number: int, what: str) -> str:
    return f"{number:,} {what}{'' if number == 1 else 's'}"


def _without(entry: Mapping[str, object], name: str) -> dict[str, object]:
    return {key: value for key, value in entry.items() if key != name}
