"""What luigi's own configuration and flags say about a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click
from click.exceptions import Exit
from luigi.cmdline_parser import CmdlineParser
from luigi.configuration import get_config
from luigi.interface import core
from luigi.retcodes import retcode
from luisy_protocol.errors import LuisyError
from luisy_protocol.stdout import full_stdout

from luisy.missing import MissingInput
from luisy.show import Outcome
from luisy.terminal import write_traceback

_HOST_OPTIONS = (
    "default-scheduler-host",
    "default-scheduler-url",
    "scheduler_host",
    "scheduler_url",
)


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


@contextmanager
def return_codes() -> Iterator[None]:
    """End with the exit code that luigi's configuration has for what goes wrong in the block.

    Raises:
        Exit: With a code, where a run cannot be planned.
    """
    try:
        yield
    except MissingInput as error:
        click.echo(f"luisy: {error}", err=True)
        raise Exit(retcode().missing_data or 1) from error
    except (LuisyError, Exit, BrokenPipeError):
        raise
    except Exception as error:
        if told := full_stdout(error):
            raise told from error
        # luigi catches what goes wrong in `run`: this is the rest of the tasks' code.
        write_traceback("luisy cannot plan this", error)
        raise Exit(retcode().scheduling_error or 1) from error


def return_code(outcome: Outcome) -> int:
    """Return the exit code of a run: the one that luigi's configuration has for it, or 0 or 1."""
    if outcome.succeeded:
        return 0
    codes, configured = retcode(), [0]
    if outcome.failed:
        configured.append(codes.task_failed)
    if not all(outcome.not_run.values()):
        # Not for a failed task: another worker has it, or the scheduler did not let it run.
        configured += [codes.not_run, codes.already_running]
    return max(configured) or 1


def code_of_luigi(name: str) -> int:
    """Return the exit code that luigi's configuration has for an end, or 1."""
    return int(getattr(retcode(), name)) if get_config().has_section("retcode") else 1
