r"""The commands on files: each is one short command on the machine, and blocks until it is done.

The server stops a command after a few seconds (`CommandTimeout`) and bounds what it sends or takes
directly (`SizeLimitExceeded`); `parameters()` tells both limits. What takes longer goes through
`firecrest.storage`. Paths are absolute; a relative one counts from the home directory, `~` is a
plain character, and ``< > | ; " ' & \ ( )`` and backticks are refused by the server.
"""

# ruff: noqa: PLR0917 - the arguments and their order are those of the public client

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from firecrest.call import Call
from firecrest.client import Client
from firecrest.steps import Request, Steps, endpoint
from firecrest.token import user_of
from firecrest.types import LsFile, StatFile, UserId


# The answer's shape depends on the command; the return type of each method describes it.
def run(
    call: Call,
    method: str,
    command: str,
    machine: str,
    purpose: str,
    arguments: Mapping[str, object],
    *,
    expects: int = 200,
    is_repeatable: bool | None = None,
) -> Steps[Any]:
    """Run one command on a machine and return its output.

    Arguments that are None or False are not sent: for some commands the server only looks whether
    they are there.
    """
    sent = {
        name: str(value)
        for name, value in arguments.items()
        if value is not None and value is not False
    }
    is_get = method == "GET"
    request = Request(
        method,
        f"/utilities/{command}",
        f"{purpose} on {machine!r}",
        machine=machine,
        query=sent if is_get else None,
        form=None if is_get else sent,
        is_repeatable=is_get if is_repeatable is None else is_repeatable,
    )
    answer = yield from call.send(request, expects=expects)
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
        arguments = {
            "targetPath": target_path,
            "showhidden": show_hidden,
            "recursive": recursive,
        }
        answer: list[LsFile] = yield from run(
            call, "GET", "ls", machine, f"list {target_path!r}", arguments
        )
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
        yield from run(
            Call(self),
            "POST",
            "mkdir",
            machine,
            f"make the directory {target_path!r}",
            {"targetPath": target_path, "p": p or None},
            expects=201,
            is_repeatable=bool(p),
        )
        return target_path

    @endpoint
    def mv(self, machine: str, source_path: str, target_path: str) -> Steps[str]:
        """Rename or move a file, replacing the target silently, and return the target's path."""
        yield from run(
            Call(self),
            "PUT",
            "rename",
            machine,
            f"move {source_path!r} to {target_path!r}",
            {"targetPath": target_path, "sourcePath": source_path},
        )
        return target_path

    @endpoint
    def chmod(self, machine: str, target_path: str, mode: str) -> Steps[None]:
        """Change the mode of a file.

        Args:
            machine: The machine.
            target_path: The file.
            mode: As for the command: octal digits (``"640"``) or letters (``"u+x"``).
        """
        yield from run(
            Call(self),
            "PUT",
            "chmod",
            machine,
            f"change the mode of {target_path!r}",
            {"targetPath": target_path, "mode": mode},
            is_repeatable=True,
        )

    @endpoint
    def chown(
        self, machine: str, target_path: str, owner: str | None = None, group: str | None = None
    ) -> Steps[None]:
        """Change the owner, the group or both of a file; with neither, do nothing."""
        if owner is None and group is None:
            return
        yield from run(
            Call(self),
            "PUT",
            "chown",
            machine,
            f"change the owner of {target_path!r}",
            {"targetPath": target_path, "owner": owner, "group": group},
            is_repeatable=True,
        )

    @endpoint
    def copy(self, machine: str, source_path: str, target_path: str) -> Steps[str]:
        """Copy a file or a directory and return the target's path."""
        yield from run(
            Call(self),
            "POST",
            "copy",
            machine,
            f"copy {source_path!r} to {target_path!r}",
            {"targetPath": target_path, "sourcePath": source_path},
            expects=201,
        )
        return target_path

    @endpoint
    def symlink(self, machine: str, target_path: str, link_path: str) -> Steps[str]:
        """Make a symbolic link at `link_path` and return the path that it points to."""
        yield from run(
            Call(self),
            "POST",
            "symlink",
            machine,
            f"link {link_path!r} to {target_path!r}",
            {"targetPath": target_path, "linkPath": link_path},
            expects=201,
        )
        return target_path

    @endpoint
    def simple_delete(self, machine: str, target_path: str) -> Steps[None]:
        """Delete a file, or a directory with all that is in it."""
        yield from run(
            Call(self),
            "DELETE",
            "rm",
            machine,
            f"delete {target_path!r}",
            {"targetPath": target_path},
            expects=204,
        )

    @endpoint
    def file_type(self, machine: str, target_path: str) -> Steps[str]:
        """Return what the command ``file`` says about a file."""
        purpose = f"tell the type of {target_path!r}"
        arguments = {"targetPath": target_path}
        answer: str = yield from run(Call(self), "GET", "file", machine, purpose, arguments)
        return answer

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
        answer: StatFile = yield from run(Call(self), "GET", "stat", machine, purpose, arguments)
        return answer

    @endpoint
    def checksum(self, machine: str, target_path: str) -> Steps[str]:
        """Return the SHA-256 of a file in hexadecimal digits."""
        purpose = f"checksum {target_path!r}"
        arguments = {"targetPath": target_path}
        answer: str = yield from run(Call(self), "GET", "checksum", machine, purpose, arguments)
        return answer

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
        return (
            yield from _excerpt(
                self, "head", machine, target_path, bytes, lines, {"skip_ending": bool(skip_ending)}
            )
        )

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
        skip = {"skip_beginning": bool(skip_beginning)}
        return (yield from _excerpt(self, "tail", machine, target_path, bytes, lines, skip))

    @endpoint
    def view(self, machine: str, target_path: str) -> Steps[str]:
        """Return the first ten lines of a text file, for that is all that servers send.

        For a whole file use `simple_download`, or `head` with a large `bytes`.
        """
        purpose = f"view {target_path!r}"
        arguments = {"targetPath": target_path}
        answer: str = yield from run(Call(self), "GET", "view", machine, purpose, arguments)
        return answer

    @endpoint
    def whoami(self, machine: str | None = None) -> Steps[str | None]:
        """Return the name of the user.

        Args:
            machine: Ask this machine; with None the name is read from the access token, unverified,
                and is None if the token does not tell.
        """
        if machine is None:
            return user_of((yield from Call(self).token()), self._sa_role)
        answer: str | None = yield from run(
            Call(self), "GET", "whoami", machine, "ask for the user", {}
        )
        return answer

    @endpoint
    def groups(self, machine: str) -> Steps[UserId]:
        """Return the user and the groups with their numbers."""
        call = Call(self)
        yield from call.require("groups", (1, 15))
        arguments = {"groups": True}
        answer: UserId = yield from run(
            call, "GET", "whoami", machine, "ask for the groups", arguments
        )
        return answer


def _excerpt(
    client: Client,
    command: str,
    machine: str,
    target_path: str,
    size: str | int | None,
    lines: str | int | None,
    skip: Mapping[str, bool],
) -> Steps[str]:
    arguments = {
        "targetPath": target_path,
        "lines": lines,
        "bytes": size,
        **{name: str(value) for name, value in skip.items()},
    }
    purpose = f"read {target_path!r}"
    answer: str = yield from run(Call(client), "GET", command, machine, purpose, arguments)
    return answer
