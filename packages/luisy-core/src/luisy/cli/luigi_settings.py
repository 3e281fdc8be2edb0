"""What luigi's own configuration and flags say about a run."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import click
import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import get_config
from luigi.interface import core
from luigi.retcodes import retcode
from luisy_protocol.os_errors import translated

from luisy.show import Outcome
from luisy.workspace import Workspace

_HOST_OPTIONS = (
    "default-scheduler-host",
    "default-scheduler-url",
    "scheduler_host",
    "scheduler_url",
)
_LOGGERS = ("luigi", "luigi-interface")
_LOGS_KEPT = 20


def uses_local_scheduler() -> bool:
    """Tell whether to schedule in this process: unless a central scheduler is configured."""
    if core().local_scheduler:
        return True
    config, parser = get_config(), CmdlineParser.get_instance()
    given = parser.known_args if parser else None
    is_flagged = any(
        getattr(given, f"core_{name}", None) for name in ("scheduler_host", "scheduler_url")
    )
    is_configured = any(config.get("core", option, "") for option in _HOST_OPTIONS)
    return not (is_flagged or is_configured)


def return_code(outcome: Outcome) -> int:
    """Return the exit code of a run: luigi's own where its configuration has a section for them."""
    if outcome.succeeded:
        return 0
    codes = retcode()
    configured = [
        codes.task_failed if outcome.failed else 0,
        codes.not_run if outcome.not_run else 0,
    ]
    return max(configured) or 1


@contextmanager
def log_of_luigi(workspace: Workspace, root: luigi.Task) -> Iterator[str]:
    """Send luigi's log to a file while the block lasts, unless the user has configured it.

    Yields:
        The path of the file; empty where luigi's own configuration says where its log goes.
    """
    settings = core()
    parser = CmdlineParser.get_instance()
    level = getattr(parser.known_args, "core_log_level", None) if parser else None
    if settings.logging_conf_file or level or get_config().has_section("logging"):
        yield ""
        return
    get_config().set("core", "no_configure_logging", "true")
    project = getattr(root, "project_name", None) or "luigi"
    folder = workspace.private(str(project)) / "logs"
    _remove_old_logs(folder)
    handler = _LateFile(str(folder / f"{time.strftime('%Y%m%dT%H%M%S')}.log"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False
    try:
        yield handler.baseFilename
    finally:
        for name in _LOGGERS:
            logging.getLogger(name).removeHandler(handler)
        handler.close()


def _remove_old_logs(folder: Path) -> None:
    with suppress(OSError):
        for old in sorted(folder.glob("*.log"))[:-_LOGS_KEPT]:
            old.unlink()


class _LateFile(logging.FileHandler):
    """A log file that, with its folder, is made when there is something to log."""

    def __init__(self, path: str) -> None:
        super().__init__(path, encoding="utf-8", delay=True)

    def _open(self):  # type: ignore[no-untyped-def]  # the type is long, and logging's
        with translated(f"write {self.baseFilename}"):
            Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()


def write_parameters(cls: type[luigi.Task]) -> None:
    """Write the parameters of a task."""
    click.echo(f"{cls.get_task_family()}: {(cls.__doc__ or '').strip() or 'a task'}\n")
    for name, parameter in cls.get_params():
        flag = f"--{name.replace('_', '-')}"
        click.echo(f"  {flag:<24} {parameter.description or type(parameter).__name__}")
