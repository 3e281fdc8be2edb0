"""The stage of the demonstration: says what comes, shows commands as they are typed, checks."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.markup import escape


class CheckFailed(Exception):
    """What happened is not what was said."""


@dataclass(slots=True)
class Stage:
    """Where commands are typed, before the user's eyes.

    Attributes:
        folder: The folder in which every command runs.
        environment: Settings added to the environment of every command.
        console: Where all is shown.
        checks: How many checks held so far.
    """

    folder: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    checks: int = 0

    def scene(self, title: str, *paragraphs: str) -> None:
        """Open a step."""
        self.console.print()
        self.console.rule(f"[bold]{title}", align="left", style="cyan")
        for paragraph in paragraphs:
            self.tell(paragraph)

    def tell(self, text: str) -> None:
        """Say one thing."""
        self.console.print(text)

    def type(self, line: str, command: Sequence[str]) -> str:
        """Show `line` as it would be typed, run `command`, show its output and return it.

        Raises:
            CheckFailed: If the command fails.
        """
        self.console.print(f"\n[bold green]$[/] [bold]{escape(line)}[/]")
        output = ""
        with subprocess.Popen(
            command,
            cwd=self.folder,
            env={**os.environ, **self.environment},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
        ) as process:
            assert process.stdout is not None
            for text in process.stdout:
                self.console.print(f"  [dim]│[/] {escape(text.rstrip())}")
                output += text
        if process.returncode:
            raise CheckFailed(f"`{line}` ended with exit code {process.returncode}")
        return output

    def luisy(self, arguments: str) -> str:
        """Type a line of the ``luisy`` command."""
        installed = Path(sys.executable).with_name("luisy")
        return self.type(f"luisy {arguments}", [str(installed), *arguments.split()])

    def show(self, title: str, text: str) -> None:
        """Show a piece of text, such as a file or a diff."""
        self.console.print(f"\n[italic]{escape(title)}[/]")
        for line in text.splitlines():
            style = {"+": "green", "-": "red"}.get(line[:1], "")
            self.console.print(f"  [dim]│[/] {escape(line)}", style=style)

    def check(self, claim: str, *, holds: bool) -> None:
        """Show that a claim holds.

        Raises:
            CheckFailed: If it does not.
        """
        if not holds:
            self.console.print(f"  [bold red]✗[/] {escape(claim)}")
            raise CheckFailed(claim)
        self.checks += 1
        self.console.print(f"  [green]✓[/] {escape(claim)}")
