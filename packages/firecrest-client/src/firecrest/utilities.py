r"""The commands on files: each is one short command on the machine, and blocks until it is done.

The server stops a command after a few seconds (`CommandTimeout`) and bounds what it sends or takes
directly (`SizeLimitExceeded`); `parameters()` tells both limits. What takes longer goes through
`firecrest.storage`. Paths are absolute; a relative one counts from the home directory, `~` is a
plain character, and ``< > | ; " ' & \ ( )`` and backticks are refused by the server.
"""

# ruff: noqa: PLR0917 - the arguments and their order are those of the public client

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from firecrest.call import Call
from firecrest.client import Client
from firecrest.steps import Request, Steps, endpoint
from firecrest.token import user_of
from firecrest.types import LsFile, StatFile, UserId


@dataclass(frozen=True, slots=True)
class Command:
    """How a command is asked for: the verb, the status of success, and whether twice is fine."""

    method: str
    expects: int
    is_repeatable: bool = False


READ = Command("GET", 200, is_repeatable=True)
CHANGES = {
    "chmod": Command("PUT", 200, is_repeatable=True),
    "chown": Command("PUT", 200, is_repeatable=True),
    "compress": Command("POST", 201),
    "copy": Command("POST", 201),
    "extract": Command("POST", 201),
    "mkdir": Command("POST", 201),
    "rename": Command("PUT", 200),
    "rm": Command("DELETE", 204),
    "symlink": Command("POST", 201),
}


def given(arguments: Mapping[str, object]) -> dict[str, str]:
    """Return what is sent of the arguments of a command or a job.

    What is None or False is not: for some commands the server only looks whether it is there.
    """
    return {
        name: str(value)
        for name, value in arguments.items()
        if value is not None and value is not False
    }


# The answer's shape depends on the command; the return type of each method describes it.
def run(
    call: Call,
    name: str,
    machine: str,
    purpose: str,
    arguments: Mapping[str, object],
    *,
    is_repeatable: bool = False,
) -> Steps[Any]:
    """Run one command on a machine and return its output."""
    sent = given(arguments)
    command = CHANGES.get(name, READ)
    request = Request(
        command.method,
        f"/utilities/{name}",
        f"{purpose} on {machine!r}",
        machine=machine,
        query=sent if command is READ else None,
        form=None if command is READ else sent,
        is_repeatable=command.is_repeatable or is_repeatable,
    )
    answer = yield from call.send(request, expects=command.expects)
    return answer["output"] if answer else ""


class Utilities(Client):
    """The methods below /utilities that change or describe files."""

    @endpoint
    def list_files(
        self,
        machine: str,
        target_path: str,
        show_hidden: bool = False,
        recursive: bool = False,
    ) -> Steps[list[LsFile]]:
        """Return the entries of a directory, or the one entry of a file.

        Args:
            machine: The machine.
            target_path: The directory.
            show_hidden: Whether names that start with a dot count.
            recursive: Whether to descend; names are then relative paths.
        """
        call = Call(self)
        if recursive:
            yield from call.require("list_files(recursive=True)", (1, 16))
        shown = {"showhidden": show_hidden, "recursive": recursive}
        arguments = {"targetPath": target_path, **shown}
        purpose = f"list {target_path!r}"
        answer: list[LsFile] = yield from run(call, "ls", machine, purpose, arguments)
        return answer

    @endpoint
    def mkdir(self, machine: str, target_path: str, p: bool | None = None) -> Steps[str]:
        """Make a directory and return its path.

        Args:
            machine: The machine.
            target_path: The directory.
            p: Make its parents as well, and do not mind if it is there.

        Raises:
            AlreadyExists: If it is there.
        """
        purpose = f"make the directory {target_path!r}"
        form = {"targetPath": target_path, "p": p}
        yield from run(Call(self), "mkdir", machine, purpose, form, is_repeatable=bool(p))
        return target_path

    @endpoint
    def mv(self, machine: str, source_path: str, target_path: str) -> Steps[str]:
        """Rename or move a file, replacing the target silently, and return the target's path."""
        purpose = f"move {source_path!r} to {target_path!r}"
        form = {"targetPath": target_path, "sourcePath": source_path}
        yield from run(Call(self), "rename", machine, purpose, form)
        return target_path

    @endpoint
    def chmod(self, machine: str, target_path: str, mode: str) -> Steps[None]:
        """Change the mode of a file.

        Args:
            machine: The machine.
            target_path: The file.
            mode: As for the command: octal digits (``"640"``) or letters (``"u+x"``).
        """
        purpose = f"change the mode of {target_path!r}"
        form = {"targetPath": target_path, "mode": mode}
        yield from run(Call(self), "chmod", machine, purpose, form)

    @endpoint
    def chown(
        self, machine: str, target_path: str, owner: str | None = None, group: str | None = None
    ) -> Steps[None]:
        """Change the owner, the group or both of a file; with neither, do nothing."""
        if owner is None and group is None:
            return
        purpose = f"change the owner of {target_path!r}"
        form = {"targetPath": target_path, "owner": owner, "group": group}
        yield from run(Call(self), "chown", machine, purpose, form)

    @endpoint
    def copy(self, machine: str, source_path: str, target_path: str) -> Steps[str]:
        """Copy a file or a directory and return the target's path."""
        purpose = f"copy {source_path!r} to {target_path!r}"
        form = {"targetPath": target_path, "sourcePath": source_path}
        yield from run(Call(self), "copy", machine, purpose, form)
        return target_path

    @endpoint
    def symlink(self, machine: str, target_path: str, link_path: str) -> Steps[str]:
        """Make a symbolic link at `link_path` and return the path that it points to."""
        purpose = f"link {link_path!r} to {target_path!r}"
        form = {"targetPath": target_path, "linkPath": link_path}
        yield from run(Call(self), "symlink", machine, purpose, form)
        return target_path

    @endpoint
    def simple_delete(self, machine: str, target_path: str) -> Steps[None]:
        """Delete a file, or a directory with all that is in it."""
        purpose = f"delete {target_path!r}"
        form = {"targetPath": target_path}
        yield from run(Call(self), "rm", machine, purpose, form)

    @endpoint
    def file_type(self, machine: str, target_path: str) -> Steps[str]:
        """Return what the command ``file`` says about a file."""
        return (
            yield from _text(
                self, "file", machine, f"tell the type of {target_path!r}", target_path
            )
        )

    @endpoint
    def stat(
        self,
        machine: str,
        target_path: str,
        dereference: bool = False,
    ) -> Steps[StatFile]:
        """Return size, mode, times and so on of a file.

        Args:
            machine: The machine.
            target_path: The file.
            dereference: Whether to follow a symbolic link.
        """
        arguments = {"targetPath": target_path, "dereference": dereference}
        purpose = f"stat {target_path!r}"
        answer: StatFile = yield from run(Call(self), "stat", machine, purpose, arguments)
        return answer

    @endpoint
    def checksum(self, machine: str, target_path: str) -> Steps[str]:
        """Return the SHA-256 of a file in hexadecimal digits."""
        return (
            yield from _text(self, "checksum", machine, f"checksum {target_path!r}", target_path)
        )

    @endpoint
    def head(
        self,
        machine: str,
        target_path: str,
        bytes: str | int | None = None,  # noqa: A002
        lines: str | int | None = None,
        skip_ending: bool | None = False,
    ) -> Steps[str]:
        """Return the beginning of a text file: ten lines, unless told otherwise.

        Args:
            machine: The machine.
            target_path: The file.
            bytes: How many bytes.
            lines: How many lines; not together with `bytes`.
            skip_ending: Return everything but the last so many.
        """
        amount = {"lines": lines, "bytes": bytes, "skip_ending": str(bool(skip_ending))}
        purpose = f"read {target_path!r}"
        return (yield from _text(self, "head", machine, purpose, target_path, amount))

    @endpoint
    def tail(
        self,
        machine: str,
        target_path: str,
        bytes: str | int | None = None,  # noqa: A002
        lines: str | int | None = None,
        skip_beginning: bool | None = False,
    ) -> Steps[str]:
        """Return the end of a text file: ten lines, unless told otherwise.

        Args:
            machine: The machine.
            target_path: The file.
            bytes: How many bytes.
            lines: How many lines; not together with `bytes`.
            skip_beginning: Return everything from this byte or line on.
        """
        amount = {"lines": lines, "bytes": bytes, "skip_beginning": str(bool(skip_beginning))}
        purpose = f"read {target_path!r}"
        return (yield from _text(self, "tail", machine, purpose, target_path, amount))

    @endpoint
    def view(self, machine: str, target_path: str) -> Steps[str]:
        """Return the first ten lines of a text file, for that is all that servers send.

        For a whole file use `simple_download`, or `head` with a large `bytes`.
        """
        return (yield from _text(self, "view", machine, f"view {target_path!r}", target_path))

    @endpoint
    def whoami(self, machine: str | None = None) -> Steps[str | None]:
        """Return the name of the user.

        Args:
            machine: Ask this machine; with None the name is read from the access token, unverified,
                and is None if the token does not tell.
        """
        if machine is None:
            return user_of((yield from Call(self).token()), self._sa_role)
        answer: str | None = yield from run(Call(self), "whoami", machine, "ask for the user", {})
        return answer

    @endpoint
    def groups(self, machine: str) -> Steps[UserId]:
        """Return the user and the groups with their numbers."""
        call = Call(self)
        yield from call.require("groups", (1, 15))
        purpose = "ask for the groups"
        answer: UserId = yield from run(call, "whoami", machine, purpose, {"groups": True})
        return answer


def _text(
    client: Client,
    name: str,
    machine: str,
    purpose: str,
    target_path: str,
    further: Mapping[str, object] | None = None,
) -> Steps[str]:
    """Run a command whose output about a file is text."""
    arguments = {"targetPath": target_path, **(further or {})}
    answer: str = yield from run(Call(client), name, machine, purpose, arguments)
    return answer
