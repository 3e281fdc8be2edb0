"""Run a pipeline: plan, approve, execute, upload, in the order of the design."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import luigi

from luisy.adoption import adopt, candidates
from luisy.config import Config
from luisy.interruptions import Held
from luisy.luigi_log import log_of_luigi
from luisy.luigi_run import run_with_luigi
from luisy.pipeline import Kind, Node, Pipeline, name_of
from luisy.plan import Plan, Verdict
from luisy.run_lock import alone
from luisy.session import end_plain_run, session
from luisy.show import Nothing, Outcome, Show
from luisy.terminal import Terminal, write_failure
from luisy.work import Settings, Work


def _nothing() -> None: ...


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a run is to be done.

    Attributes:
        ask: Whether a person is asked before something is done.
        dry_run: Whether to end when the plan has been shown.
        workers: How many processes run tasks; None for what luigi's configuration says.
        local_scheduler: Whether to schedule here rather than ask a central scheduler.
        begins: Called when something is going to be done.
        failed: Told of a task whose `run` raised, in the process where it did.
    """

    ask: bool = False
    dry_run: bool = False
    workers: int | None = None
    local_scheduler: bool = True
    begins: Callable[[], None] = _nothing
    failed: Callable[[luigi.Task, BaseException], None] | None = None


def run(
    root: luigi.Task, settings: Settings, show: Show, wishes: Wishes, *, log: str = ""
) -> Outcome:
    """Bring the output of a task up to date.

    Args:
        root: The task.
        settings: What may be used.
        show: Who is told and asked.
        wishes: How it is to be done.
        log: Where luigi's log goes, for those who want to look.

    Raises:
        LuisyError: If something cannot be planned, fetched or sent. Tasks that fail are no error:
            the outcome tells of them.
    """
    began = time.monotonic()
    end_plain_run()
    settings.workspace.check_writable()
    work = Work(root, settings, show, is_alone=wishes.local_scheduler)
    work.look()
    work.check_inputs()
    show.plan(work.plan, upload=work.to_send())
    if wishes.dry_run or not work.plan.has_work:
        return Outcome(work.plan)
    if wishes.ask and not show.approve():
        return Outcome(work.plan, is_refused=True)
    wishes.begins()
    outcome = _execute(work, show, wishes)
    outcome.log = log
    outcome.seconds = time.monotonic() - began
    show.summary(outcome)
    return outcome


def update_hashes(
    root: luigi.Task, settings: Settings, show: Show, wishes: Wishes
) -> list[str] | None:
    """Let the outputs that are there count as made by the present code.

    Args:
        root: The task; what it requires is included.
        settings: What may be used.
        show: Who is told and asked.
        wishes: How it is to be done.

    Returns:
        The keys of the outputs that were adopted; None if the person did not want it.
    """
    settings.workspace.check_writable()
    work = Work(root, settings, show)
    work.look()
    chosen = candidates(work)
    show.adoptions(chosen)
    if not chosen or wishes.dry_run:
        return []
    if wishes.ask and not show.approve():
        return None
    with alone(settings.workspace, work.pipeline.projects, waiting=show.warn):
        return adopt(work, chosen)


def _execute(work: Work, show: Show, wishes: Wishes) -> Outcome:
    projects = work.pipeline.projects if wishes.local_scheduler else []
    with alone(work.settings.workspace, projects, waiting=show.warn) as waited:
        if waited or work.is_outdated():
            work.look()
            work.check_inputs()
            show.plan(work.plan, upload=work.to_send())
        plan = work.plan
        work.fetch()
        outcome = Outcome(plan, downloaded=work.downloaded)
        _run_tasks(work, show, wishes, outcome)
        if outcome.succeeded:
            outcome.uploaded = work.send()
        return outcome


def _run_tasks(work: Work, show: Show, wishes: Wishes, outcome: Outcome) -> None:
    progress = _Progress(work.plan, work.pipeline, show)
    if not progress.names:
        return
    try:
        if work.is_alone:
            work.recover()
        work.make_room()
        show.begin(list(progress.names.values()))
        progress.failed = wishes.failed
        with session(work, failed=wishes.failed, unplanned=progress.unplanned) as current:
            progress.name_of = current.name_of
            run_with_luigi(
                work.root, progress, workers=wishes.workers, local_scheduler=wishes.local_scheduler
            )
        outcome.ran = progress.having(succeeded=True)
        outcome.failed = progress.having(succeeded=False)
        outcome.not_run = dict(_not_run(work, progress))
    finally:
        with Held():  # Ctrl-C once more, from somebody impatient, does not stop this halfway
            show.end()
            work.settle()


@dataclass(slots=True)
class _Progress:
    """What became of the tasks that were to run."""

    plan: Plan
    pipeline: Pipeline
    show: Show
    names: dict[str, str] = field(init=False)
    name_of: Callable[[str], str] = str
    failed: Callable[[luigi.Task, BaseException], None] | None = None
    others: dict[str, str] = field(default_factory=dict)
    succeeded: dict[str, bool] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.names = {
            node.task.task_id: step.name
            for node, step in zip(self.pipeline.nodes, self.plan.steps, strict=True)
            if step.verdict is Verdict.RUN and node.kind is not Kind.WRAPPER
        }

    def started(self, task_id: str) -> None:
        """Note it, and pass it on."""
        self.begun.add(task_id)
        if task_id in self.names:
            self.show.started(self.names[task_id])

    def ended(self, task_id: str, *, succeeded: bool) -> None:
        """Note how it went, and pass it on."""
        self.succeeded[task_id] = succeeded
        if task_id in self.names:
            self.show.ended(self.names[task_id], succeeded=succeeded)

    def unplanned(self, task: luigi.Task, error: BaseException) -> None:
        """Note that a task that was yielded cannot be planned, and pass it on."""
        self.others[task.task_id] = name_of(task)
        self.succeeded[task.task_id] = False
        if self.failed:
            self.failed(task, error)

    def having(self, *, succeeded: bool, planned: bool | None = None) -> list[str]:
        """Return the names of the tasks that went so: all, the planned ones, or only the others."""
        return [
            self.names.get(task_id) or self.others.get(task_id) or self.name_of(task_id)
            for task_id, went in self.succeeded.items()
            if went is succeeded and planned in {None, task_id in self.names}
        ]


def _not_run(work: Work, progress: _Progress) -> Iterator[tuple[str, str]]:
    """Yield the tasks that were to run and did not, with a failed task that each waits for."""
    because: dict[int, str] = {}
    unplanned = next(iter(progress.having(succeeded=False, planned=False)), None)
    for position, (node, step) in enumerate(zip(work.pipeline.nodes, work.plan.steps, strict=True)):
        if step.verdict is not Verdict.RUN:
            continue
        went = progress.succeeded.get(node.task.task_id)
        if went is True and node.kind is not Kind.WRAPPER:
            continue
        if went is False:
            because[position] = step.name
            continue
        failed = next((because[below] for below in node.requires if below in because), None)
        if went is None and node.task.task_id in progress.begun:  # it required something meanwhile
            failed = failed or unplanned
        if failed is not None:
            because[position] = failed
        if node.kind is not Kind.WRAPPER and not _is_made(work, node):
            yield step.name, failed or ""


def _is_made(work: Work, node: Node) -> bool:
    # By a worker elsewhere that shares the central scheduler: what was there before lies aside.
    return bool(node.key) and Path(work.settings.workspace.path(node.key)).exists()


def build(
    task: luigi.Task,
    workers: int = 1,
    *,
    local_scheduler: bool = True,
    download: bool | None = None,
    upload: bool | None = None,
    working_dir: str | None = None,
    requirements_path: str | None = None,
    remote: str | None = None,
    ask: bool = False,
    no_ask: bool | None = None,
    dry_run: bool = False,
    hash_update_mode: bool = False,
    show: Show | None = None,
) -> Outcome:
    """Bring the output of a task, and of what it requires, up to date.

    Args:
        task: The task.
        workers: How many processes run tasks.
        local_scheduler: Whether to schedule here rather than ask luigi's central scheduler.
        download: Whether outputs may come from the store; None for what is configured.
        upload: Whether outputs are sent to it; None for what is configured.
        working_dir: The working directory; None for the one that is configured.
        requirements_path: The requirements file; None for the one that is configured.
        remote: The URL of the store; None for the one that is configured.
        ask: Whether to show the plan and ask on the terminal first.
        no_ask: The opposite, under the name it has on the command line.
        dry_run: Whether to plan only.
        hash_update_mode: Whether to run nothing, and to let the outputs that are there count as
            made by the present code.
        show: Who is told; by default nobody, or the terminal if it is asked.

    Returns:
        What was done; `succeeded` tells whether nothing failed.

    Raises:
        LuisyError: If something is misconfigured, or cannot be planned, fetched or sent.
    """
    given = {
        "download": download,
        "upload": upload,
        "working_dir": working_dir,
        "requirements_path": requirements_path,
        "remote": remote,
    }
    wants_ask = ask if no_ask is None else not no_ask
    with _settings({name: value for name, value in given.items() if value is not None}):
        wishes = Wishes(
            ask=wants_ask,
            dry_run=dry_run,
            workers=workers,
            local_scheduler=local_scheduler,
            failed=write_failure,
        )
        shown = show or (Terminal() if wants_ask else Nothing())
        settings = Settings.of(task)
        workspace = settings.workspace
        with log_of_luigi(workspace, task, warn=shown.warn, is_passed_on=True) as log:
            if not hash_update_mode:
                return run(task, settings, shown, wishes, log=log)
            adopted = update_hashes(task, settings, shown, wishes)
            outcome = run(task, settings, Nothing(), replace(wishes, dry_run=True))
            return replace(outcome, is_refused=adopted is None)


@contextmanager
def _settings(given: Mapping[str, object]) -> Iterator[None]:
    config = Config()
    before = {name: config.get_param(name) for name in given}
    config.update(given)
    try:
        yield
    finally:
        config.update(before)
