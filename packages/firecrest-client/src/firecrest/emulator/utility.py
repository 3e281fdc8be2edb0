"""What the commands of the utilities service have in common: how they answer and how they fail."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import CommandFailed, from_command


def utility(name: str) -> Callable[[Callable[[Call, str], Answer]], Handler]:
    """Check the machine, and turn a failed command of `name` into the server's answer."""

    def decorate(function: Callable[[Call, str], Answer]) -> Handler:
        @wraps(function)
        def handler(call: Call) -> Answer:
            try:
                call.site.check_machine(call.machine)
                return function(call, name)
            except CommandFailed as error:
                raise from_command(name, str(error)) from error
            except OSError as error:
                text = f"{name}: {error.strerror or error}"
                raise from_command(name, text) from error

        return handler

    return decorate


def done(name: str, output: object = "", *, status: int = 200) -> Answer:
    """Answer that a command has succeeded, with its output."""
    return Answer(status, {"description": f"Success to {name} file.", "output": output})
