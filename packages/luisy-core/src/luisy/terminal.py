"""Show a run on a terminal; on a pipe, in plain lines."""

from __future__ import annotations

import sys
import time
import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click
from luisy_protocol.errors import ConfigurationError, LuisyError
from luisy_protocol.progress import Silent, TransferProgress
from luisy_protocol.terminal import files_text, size_text, terminal_progress

from luisy.pipeline import name_of
from luisy.plan import Plan, Reason, Step, Verdict
from luisy.show import Outcome
from luisy.tally import Tally

if TYPE_CHECKING:
    import luigi

    from luisy.adoption import Adoption
    from luisy.progress_line import ProgressLine

COLOURS = {
    Verdict.RUN: "yellow",
    Verdict.DOWNLOAD: "cyan",
    Verdict.KEEP: "green",
    Verdict.MISSING: "red",
    Verdict.UNNEEDED: "bright_black",
}
_SHOWN = 40
_REASONS = 5


class Terminal:
    """Shows a run to the person who started it.

    Args:
        is_quiet: Show what was asked for and what went wrong, nothing else.
        is_verbose: Show also what is kept and what is not needed, and every task.
    """

    def __init__(self, *, is_quiet: bool = False, is_verbose: bool = False) -> None:
        self._is_quiet = is_quiet
        self._is_verbose = is_verbose
        self._line: ProgressLine | None = None
        self._tally: Tally | None = None
        self._running: dict[str, float] = {}
        self._done = 0
        self._count = 0

    def warn(self, text: str) -> None:
        """Write a warning to stderr."""
        click.secho(f"luisy: {text}", fg="yellow", err=True)

    def plan(self, plan: Plan, *, upload: tuple[int, int] | None) -> None:
        """Write the plan: a line for each task that does something, and the counts."""
        if self._is_quiet:
            return
        write_plan(plan, upload=upload, is_verbose=self._is_verbose)

    def adoptions(self, adoptions: Sequence[Adoption]) -> None:
        """Write what is going to be adopted."""
        for one in adoptions:
            before = f"was {one.previous_hash[:12]}" if one.previous_hash else "had no record"
            renamed = f", renamed from {one.former_key}" if one.former_key else ""
            click.echo(
                f"{click.style('adopt', fg='yellow')}  {click.style(one.node.name, bold=True)}  "
                f"{one.node.key}  ({before}{renamed})"
            )
        count = len(adoptions)
        click.echo(f"Plan: {count:,} to adopt" if count else "Nothing to adopt.")

    def approve(self) -> bool:
        """Ask for a `y`.

        Raises:
            ConfigurationError: If there is nobody to ask.
        """
        if not sys.stdin.isatty():
            raise ConfigurationError(
                "there is no terminal to ask on: give --no-ask to go ahead, or --dry-run to look"
            )
        try:
            answer = click.prompt("Type 'y' to proceed", default="n", show_default=False, err=True)
        except click.Abort:
            click.echo()
            answer = "n"
        if answer.lower() == "y":
            return True
        click.echo("Nothing was done.")
        return False

    def transfer(self) -> TransferProgress:
        """Return a bar, or plain lines."""
        return Silent() if self._is_quiet else terminal_progress()

    def begin(self, tasks: Sequence[str]) -> None:
        """Start the progress line."""
        self._count = len(tasks)
        if self._is_quiet or not sys.stderr.isatty():
            return
        from luisy.progress_line import ProgressLine

        self._tally = Tally(tasks)
        self._line = ProgressLine(tasks, running=self._running.keys(), tally=self._tally)

    def started(self, task: str) -> None:
        """Name what runs."""
        self._running[task] = time.monotonic()

    def advanced(self, task: str, done: int, total: int) -> None:
        """Show how far it is."""
        if self._tally:
            self._tally.note(task, done, total)

    def ended(self, task: str, *, succeeded: bool) -> None:
        """Count what is done."""
        seconds = time.monotonic() - self._running.pop(task, time.monotonic())
        self._done += 1
        if not self._is_quiet and (self._is_verbose or self._line is None):
            word = "done" if succeeded else "failed"
            self._write(f"[{self._done}/{self._count}] {word} {task} ({seconds:.1f} s)")
        if self._line:
            self._line.advance()

    def end(self) -> None:
        """Remove the progress line."""
        if self._line:
            self._line.stop()
            self._line = None

    def summary(self, outcome: Outcome) -> None:
        """Write what was done; what went wrong goes to stderr."""
        for task in outcome.failed:
            click.secho(f"failed: {task}", fg="red", err=True)
        for task, because in outcome.not_run.items():
            reason = f" (needs {because})" if because else " (another worker has it, or nobody)"
            click.secho(f"not run: {task}{reason}", fg="red", err=True)
        if self._is_quiet:
            return
        counts = [
            (len(outcome.ran), "ran"),
            (len(outcome.downloaded), "downloaded"),
            (sum(1 for _ in outcome.plan.having(Verdict.KEEP)), "kept"),
            (len(outcome.failed), "failed"),
            (len(outcome.not_run), "not run"),
            (len(outcome.uploaded), "uploaded"),
        ]
        text = ", ".join(f"{count:,} {word}" for count, word in counts if count)
        colour = "green" if outcome.succeeded else "red"
        click.secho(f"{text or 'nothing done'} in {outcome.seconds:.1f} s", fg=colour, bold=True)
        if outcome.log and not outcome.succeeded:
            click.echo(f"luigi's log: {outcome.log}", err=True)

    def _write(self, text: str) -> None:
        if self._line:
            self._line.write(text)
        else:
            click.echo(text, err=True)


def write_plan(plan: Plan, *, upload: tuple[int, int] | None, is_verbose: bool = False) -> None:
    """Write a plan to stdout.

    Args:
        plan: The plan.
        upload: The files and bytes to be sent, if known.
        is_verbose: Whether to name also what is kept and what is not needed.
    """
    shown = [Verdict.MISSING, Verdict.DOWNLOAD, Verdict.RUN]
    if is_verbose:
        shown = [Verdict.UNNEEDED, Verdict.KEEP, *shown]
    for verdict in shown:
        steps = [step for step in plan.having(verdict) if step.key or step.reasons]
        _write_steps(steps, verdict, is_verbose=is_verbose)
    for note in plan.notes:
        click.echo(f"{click.style('note      ', fg='yellow')} {note}")
    click.echo(_counts(plan, upload))


def _write_steps(steps: list[Step], verdict: Verdict, *, is_verbose: bool) -> None:
    limit = len(steps) if is_verbose else _SHOWN
    for step in steps[:limit]:
        label = click.style(f"{verdict:<10}", fg=COLOURS[verdict])
        click.echo(f"{label} {click.style(step.name, bold=True)}{_detail(step)}")
        reasons = step.reasons if verdict in {Verdict.RUN, Verdict.MISSING} else ()
        for text in reason_texts(reasons, limit=len(reasons) if is_verbose else _REASONS):
            click.echo(f"{'':<10}   {text}")
    if len(steps) > limit:
        click.echo(f"{'':<10} and {len(steps) - limit:,} more (--verbose shows all)")


def reason_texts(reasons: Sequence[Reason], *, limit: int) -> list[str]:
    """Return the words of the first reasons, and how many more there are."""
    texts = [reason.text for reason in reasons]
    if len(texts) <= limit + 1:
        return texts
    return [*texts[:limit], f"and {len(texts) - limit:,} more reasons"]


def _detail(step: Step) -> str:
    if step.verdict is Verdict.DOWNLOAD:
        return f"  {step.key} ({size_text(step.size)})"
    return f"  {step.key}" if step.key else ""


def _counts(plan: Plan, upload: tuple[int, int] | None) -> str:
    if not plan.has_work:
        return "Nothing to do: everything is up to date."
    downloads = list(plan.having(Verdict.DOWNLOAD))
    files, size = sum(step.files for step in downloads), sum(step.size for step in downloads)
    texts = [
        f"{sum(1 for _ in plan.having(Verdict.RUN)):,} to run",
        f"{files_text(files)} to download ({size_text(size)})" if downloads else "",
        f"{sum(1 for _ in plan.having(Verdict.KEEP)):,} kept",
        _upload(plan, upload),
    ]
    return "Plan: " + ", ".join(text for text in texts if text)


def _upload(plan: Plan, upload: tuple[int, int] | None) -> str:
    if not plan.uploads:
        return ""
    if upload is None:
        return f"{len(plan.uploads):,} to upload afterwards"
    return f"{files_text(upload[0])} to upload ({size_text(upload[1])})"


def write_failure(task: luigi.Task, error: BaseException) -> None:
    """Write why a task failed: the traceback of its `run`, from its own code on.

    An error of ours says by itself what is wrong.
    """
    if isinstance(error, LuisyError):
        click.echo(f"{name_of(task)} failed: {error}", err=True)
    else:
        write_traceback(f"{name_of(task)} failed", error)


def write_traceback(title: str, error: BaseException) -> None:
    """Write the traceback of an error from the user's own code on."""
    trace = error.__traceback__
    while (
        trace and trace.tb_next and trace.tb_frame.f_globals.get("__name__", "").startswith(_OURS)
    ):
        trace = trace.tb_next
    lines = traceback.format_exception(type(error), error, trace)
    click.echo(f"{title}:\n{''.join(lines)}", err=True, nl=False)


_OURS = ("click.", "contextlib", "importlib", "luigi.", "luisy.")
