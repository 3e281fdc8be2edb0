"""Where luigi's log goes: to a file, unless the user has a place for it.

luigi writes all that it does to stderr where nobody tells it otherwise. Here it writes to
``<working dir>/<project>/.luisy/logs``. What its own configuration says about logging wins; and a
program that has set up logging sees luigi's messages, too. A log that cannot be written, on a full
disk for instance, stops nothing: it lacks some lines, and who watches is told so once, at the end.
"""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import get_config
from luigi.interface import core
from luisy_protocol.os_errors import translate

from luisy.workspace import Workspace

_LOGGERS = ("luigi", "luigi-interface")
_LOGS_KEPT = 20
_OF_OUR_MAKING = "logging disabled in settings"  # see `_silent_luigi`


@contextmanager
def log_of_luigi(
    workspace: Workspace,
    root: luigi.Task,
    *,
    warn: Callable[[str], None],
    is_passed_on: bool = False,
) -> Iterator[str]:
    """Send luigi's log to a file while the block lasts, unless luigi's configuration says where.

    Args:
        workspace: The working directory.
        root: The task that is going to run; the log is in the folder of its project.
        warn: Told, in a sentence, if the file could not be written.
        is_passed_on: Whether the program, if it has set up logging, gets the messages as well.

    Yields:
        The path of the file; empty where luigi's own configuration says where its log goes.
    """
    if _is_configured():
        yield ""
        return
    project = getattr(root, "project_name", None) or "luigi"
    folder = workspace.private(str(project)) / "logs"
    _remove_old_logs(folder)
    handler = _LateFile(str(folder / f"{time.strftime('%Y%m%dT%H%M%S')}.log"))
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(_is_news)
    passes_on = is_passed_on and logging.getLogger().hasHandlers()
    with _silent_luigi():
        before = [(logger, logger.level, logger.propagate) for logger in _loggers()]
        for logger, level, _ in before:
            logger.addHandler(handler)
            logger.setLevel(level or logging.INFO)
            logger.propagate = logger.propagate and passes_on
        try:
            yield handler.baseFilename
        finally:
            for logger, level, propagate in before:
                logger.removeHandler(handler)
                logger.setLevel(level)
                logger.propagate = propagate
            handler.close()
            if handler.failure:
                error = translate(handler.failure, f"write {handler.baseFilename}")
                warn(f"luigi's log is incomplete: {error}")


def _is_news(record: logging.LogRecord) -> bool:
    return record.msg != _OF_OUR_MAKING


def _is_configured() -> bool:
    parser = CmdlineParser.get_instance()
    level = getattr(parser.known_args, "core_log_level", None) if parser else None
    return bool(core().logging_conf_file or level or get_config().has_section("logging"))


@contextmanager
def _silent_luigi() -> Iterator[None]:
    """Keep luigi from setting up logging by itself."""
    config = get_config()
    before = config.get("core", "no_configure_logging", "false")
    config.set("core", "no_configure_logging", "true")
    try:
        yield
    finally:
        config.set("core", "no_configure_logging", before)


def _loggers() -> list[logging.Logger]:
    return [logging.getLogger(name) for name in _LOGGERS]


def _remove_old_logs(folder: Path) -> None:
    with suppress(OSError):
        for old in sorted(folder.glob("*.log"))[:-_LOGS_KEPT]:
            old.unlink()


class _LateFile(logging.FileHandler):
    """A log file that, with its folder, is made when there is something to log.

    What goes wrong is kept in `failure`. `logging` would write a traceback to stderr for each
    message, or raise what is wrong where the message comes from.
    """

    def __init__(self, path: str) -> None:
        super().__init__(path, encoding="utf-8", delay=True)
        self.failure: OSError | None = None

    def emit(self, record: logging.LogRecord) -> None:
        try:
            super().emit(record)
        except OSError as error:  # of the opening
            self._fail(error)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        error = sys.exc_info()[1]
        if isinstance(error, OSError):
            self._fail(error)
        else:
            super().handleError(record)

    def close(self) -> None:
        try:
            super().close()
        except OSError as error:
            self.failure = error

    def _open(self):  # type: ignore[no-untyped-def]  # the type is long, and logging's
        Path(self.baseFilename).parent.mkdir(parents=True, exist_ok=True)
        return super()._open()

    def _fail(self, error: OSError) -> None:
        self.failure = error
        self.close()
