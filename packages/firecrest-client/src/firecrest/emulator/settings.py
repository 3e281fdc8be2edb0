"""What an emulated FirecREST site is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from firecrest.emulator.staging import S3Staging


@dataclass(frozen=True, slots=True)
class Settings:
    """One emulated site.

    Attributes:
        root: The folder below which everything is kept: ``<root>/<machine>/home/<user>``.
        machines: The machines, and whether each accepts connections.
        clients: The OIDC clients, and the user that each one is. Every client's secret is `secret`.
        secret: The client secret.
        version: The FirecREST version that ``/status/parameters`` tells.
        size_limit: The largest file for the blocking upload and download, in bytes.
        command_timeout: The time after which a blocking command is given up, in seconds.
        token_lifetime: How long an access token is valid, in seconds.
        slots: How many jobs of the local queue run at once on a machine.
        slurm: Whether jobs go through this computer's Slurm commands; None means if there are any.
        staging: A real S3 server for the staging area; None is the built-in one.
    """

    root: Path
    machines: Mapping[str, bool] = field(
        default_factory=lambda: {"cluster": True, "cluster2": False}
    )
    clients: Mapping[str, str] = field(default_factory=lambda: {"firecrest-emulator": "f7tuser"})
    secret: str = field(default="not-a-secret", repr=False)
    version: str = "1.16.6"
    size_limit: int = 5 * 1024 * 1024
    command_timeout: float = 5.0
    token_lifetime: int = 300
    slots: int = 2
    slurm: bool | None = False
    staging: S3Staging | None = None

    @property
    def users(self) -> tuple[str, ...]:
        """Every user of the site, sorted."""
        return tuple(sorted(set(self.clients.values())))
