"""Write explanations for a person: the verdict, the reasons, the chain to each change, the diff."""

from __future__ import annotations

from collections.abc import Sequence

import click
from luisy_protocol.record import Record

from luisy.explanation import CODE_CAUSES, CodeChange, Explanation, part_text
from luisy.terminal import COLOURS, reason_texts

_LINES = 60
_REASONS = 20


def write_explanations(explanations: Sequence[Explanation]) -> None:
    """Write explanations; a change that several tasks share is shown once."""
    if not explanations:
        click.echo("Everything is up to date; --all explains it anyway.")
    shown: dict[str, str] = {}
    for number, explanation in enumerate(explanations):
        if number:
            click.echo()
        _write(explanation, shown)


def _write(explanation: Explanation, shown: dict[str, str]) -> None:
    step = explanation.step
    verdict = click.style(str(step.verdict), fg=COLOURS[step.verdict], bold=True)
    click.echo(f"{click.style(step.name, bold=True)}  {verdict}  {step.key}")
    for line in _origin(explanation.record, is_present=step.is_present):
        click.echo(click.style(f"  {line}", dim=True))
    told = CODE_CAUSES if explanation.changes else set()
    others = [reason for reason in step.reasons if reason.cause not in told]
    for text in reason_texts(others, limit=_REASONS):
        click.echo(f"  {text}")
    texts = {reason.subject: reason.text for reason in step.reasons}
    for change in explanation.changes:
        _write_change(change, texts.get(change.part, ""), step.name, shown)
    for one in explanation.unresolved:
        click.echo(
            click.style(
                f"  not followed: {one.expression} at {one.file}:{one.line}; "
                f"instead counts: {one.taken}",
                fg="yellow",
            )
        )


def _origin(record: Record | None, *, is_present: bool) -> list[str]:
    if record is None:
        return []
    verbs = {"external": "first seen", "adopted": "adopted", "run": "made"}
    verb = verbs.get(record.origin, record.origin)
    when = record.time.replace("T", " ").removesuffix("+00:00")
    place = f" on {record.host}" if record.host else ""
    version = f" by luisy {record.version}" if record.version else ""
    gone = "" if is_present else "; not there now"
    lines = [f"{verb} {when} UTC{place}{version}{gone}"]
    if record.hash:
        lines.append(f"record {record.hash[:12]}, content {record.sha256[:12]}")
    if record.previous_hash:
        lines.append(f"before it was adopted its hash was {record.previous_hash[:12]}")
    return lines


def _write_change(change: CodeChange, text: str, task: str, shown: dict[str, str]) -> None:
    click.echo(f"  {text or f'code changed: {part_text(change.part)}'}")
    if len(change.chain) > 1:
        chain = " -> ".join(part_text(part) for part in change.chain)
        click.echo(click.style(f"    reached by {chain}", dim=True))
    if change.part.startswith("library:"):
        return
    if change.part in shown:
        click.echo(click.style(f"    the diff is shown at {shown[change.part]}", dim=True))
        return
    shown[change.part] = task
    if change.before is None:
        click.echo(click.style("    the source of that time was not kept here", dim=True))
    lines = change.diff()
    for line in lines[:_LINES]:
        click.secho(f"    {line}", fg=_colour(line))
    if len(lines) > _LINES:
        click.echo(f"    and {len(lines) - _LINES} more lines (--json has all)")


def _colour(line: str) -> str | None:
    if line.startswith("@@"):
        return "cyan"
    if line.startswith(("---", "+++")):
        return None
    return {"+": "green", "-": "red"}.get(line[:1])
