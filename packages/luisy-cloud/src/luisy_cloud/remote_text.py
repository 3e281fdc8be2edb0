"""What `luisy remote` prints."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import click
from luisy_protocol.sync import RemoteOutput
from luisy_protocol.terminal import files_text, size_text

from luisy_cloud.garbage import Garbage
from luisy_cloud.remote_state import RemoteState

_COLOURS = {"fresh": "green", "outdated": "yellow", "absent": "bright_black"}
_REASONS = 3


def write_states(states: Sequence[RemoteState]) -> None:
    """Print what a store holds of each output of a pipeline."""
    width = max((len(state.key) for state in states), default=0)
    for state in states:
        size = size_text(state.remote.size) if state.remote else ""
        word = click.style(f"{state.state:10}", fg=_COLOURS.get(state.state, "red"))
        detail = f"  ({_some(state.reasons)})" if state.reasons else ""
        wanted = f"  -> {_some(state.wanted_by)}" if state.wanted_by else ""
        click.echo(f"{word} {state.key:{width}} {size:>10}{detail}{wanted}".rstrip())
    counts = Counter(state.state for state in states)
    click.echo(", ".join(f"{count} {word}" for word, count in counts.items()))
    _write_downloads("here", [s.remote for s in states if s.wanted_by and s.remote])
    _write_downloads(
        "into an empty directory", [s.remote for s in states if s.for_newcomer and s.remote]
    )


def write_outputs(outputs: Sequence[RemoteOutput], *, is_long: bool) -> None:
    """Print the outputs that a store holds."""
    width = max((len(_shown(output)) for output in outputs), default=0)
    for output in outputs:
        line = f"{size_text(output.size):>10}  {_shown(output):{width}}  {_worth(output)}"
        record = output.record
        if is_long and record:
            line += f"  {record.time}  {record.host}  {record.sha256[:12]}"
        click.echo(line.rstrip())
    size = size_text(sum(output.size for output in outputs))
    files = files_text(sum(len(output.files) for output in outputs))
    click.echo(f"{len(outputs)} output{'' if len(outputs) == 1 else 's'}, {files}, {size}")


def write_garbage(found: Sequence[Garbage]) -> None:
    """Print what nobody claims."""
    if not found:
        click.echo("nothing to remove")
        return
    width = max(len(garbage.key) for garbage in found)
    for garbage in found:
        click.echo(f"{size_text(garbage.size):>10}  {garbage.key:{width}}  {garbage.reason}")
    files = files_text(sum(len(garbage.objects) for garbage in found))
    click.echo(f"to be removed: {files}, {size_text(sum(g.size for g in found))}")


def _write_downloads(where: str, outputs: Sequence[RemoteOutput]) -> None:
    files = sum(len(output.files) for output in outputs)
    size = sum(output.size for output in outputs)
    click.echo(f"--download {where} would fetch {files_text(files)}, {size_text(size)}")


def _shown(output: RemoteOutput) -> str:
    is_folder = output.record is not None and output.record.files is not None
    return output.key + "/" if is_folder else output.key


def _worth(output: RemoteOutput) -> str:
    if output.record is None:
        return "no record"
    return "recorded" if output.is_complete else "incomplete"


def _some(texts: Sequence[str]) -> str:
    more = f" and {len(texts) - _REASONS} more" if len(texts) > _REASONS else ""
    return "; ".join(texts[:_REASONS]) + more
