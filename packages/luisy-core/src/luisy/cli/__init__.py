"""The `luisy` command.

Exit codes: 0 everything is done, 1 something failed or was not wanted, 2 the command was misused
or a setting is missing or wrong, 130 interrupted; luigi's own where its configuration has them.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

import click
from luisy_protocol.errors import ConfigurationError, LuisyError, MissingPackage
from luisy_protocol.stdout import full_stdout, leave_stdout

from luisy import collector
from luisy.cli.group import Luisy

_MISUSED = (ConfigurationError, MissingPackage, click.ClickException)
_INTERRUPTED = 130


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command and end the process.

    Args:
        argv: The arguments; those of the process by default.
    """
    collector.rest()
    try:
        code = call(sys.argv[1:] if argv is None else argv)
    finally:
        collector.leave()
    sys.exit(code)


def call(argv: Sequence[str]) -> int:
    """Run the command and return its exit code."""
    signal.signal(signal.SIGTERM, _terminate)
    try:
        result = Luisy().main(list(argv), prog_name="luisy", standalone_mode=False)
        if sys.stdout:  # here somebody hears that there is no room for what tasks printed
            sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except (Exception, KeyboardInterrupt) as error:  # noqa: BLE001 - whatever it is, it ends here
        return _told(error)
    return result if isinstance(result, int) else 0


def __getattr__(name: str) -> Any:
    if name == "build":  # where luisy 1.4 has it
        from luisy.run import build

        return build
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _told(error: BaseException) -> int:
    """Tell the person why the command ends, and return its exit code."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        click.echo("luisy: interrupted; what was set aside has been put back", err=True)
        return _INTERRUPTED
    error = full_stdout(error) or error
    if isinstance(error, click.ClickException | LuisyError):
        text = error.format_message() if isinstance(error, click.ClickException) else error
        click.echo(f"luisy: {text}", err=True)
        return 2 if isinstance(error, _MISUSED) else 1
    if isinstance(error, BrokenPipeError):
        leave_stdout()  # whoever reads the output has enough of it, as `head` has
        return 1
    from luisy.cli.luigi_settings import code_of_luigi
    from luisy.terminal import write_traceback

    write_traceback("luisy: an unexpected error", error)
    return code_of_luigi("unhandled_exception")


def _terminate(signum: int, frame: object) -> None:  # noqa: ARG001 - the signature of a handler
    # Whoever stops the run politely gets the same tidy end as with Ctrl-C.
    raise KeyboardInterrupt
