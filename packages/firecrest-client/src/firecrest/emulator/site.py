"""The state of one emulated site, shared by all its requests."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from firecrest.emulator.faults import Faults
from firecrest.emulator.queue import LocalQueue, Scheduler
from firecrest.emulator.refusal import CommandFailed
from firecrest.emulator.reservations import Reservations
from firecrest.emulator.settings import Settings
from firecrest.emulator.slurm import SlurmQueue, has_slurm
from firecrest.emulator.staging import BuiltInStaging, Staging
from firecrest.emulator.tasks import Tasks
from firecrest.emulator.tokens import Tokens

_FIRST_ID = 1001


class Site:
    """Machines, users, tasks, queues and the staging area."""

    def __init__(self, settings: Settings, *, address: Callable[[], str]) -> None:
        """Lay out the folders; `address` tells ``host:port`` once the server listens."""
        self.settings = settings
        self.tasks = Tasks()
        self.tokens = Tokens(settings)
        self.faults = Faults()
        self.reservations = Reservations()
        self.stopped = threading.Event()
        self.built_in = BuiltInStaging(settings.root / "staging", address=address)
        self.staging: Staging = settings.staging or self.built_in
        uses_slurm = has_slurm() if settings.slurm is None else settings.slurm
        self._queues: dict[str, Scheduler] = {
            machine: SlurmQueue() if uses_slurm else LocalQueue(slots=settings.slots)
            for machine in settings.machines
        }
        for machine in settings.machines:
            for folder in ("scratch", *(f"home/{user}" for user in settings.users)):
                (self.machine_folder(machine) / folder).mkdir(parents=True, exist_ok=True)

    def machine_folder(self, machine: str) -> Path:
        """Return the folder that is a machine's ``/``."""
        return self.settings.root.resolve() / "machines" / machine

    def check_machine(self, machine: str) -> None:
        """Refuse an unknown or unreachable machine as the utilities service does.

        Raises:
            CommandFailed: With the text that the service shows.
        """
        if machine not in self.settings.machines:
            raise CommandFailed("Machine does not exist")
        if not self.settings.machines[machine]:
            raise CommandFailed("Connection refused")

    def queue(self, machine: str) -> Scheduler:
        """Return a machine's queue."""
        return self._queues[machine]

    def groups(self, user: str) -> dict[str, int]:
        """Return a user's groups with their numbers, the user's own first."""
        number = _FIRST_ID + self.settings.users.index(user)
        return {user: number, "f7tgroup": _FIRST_ID + len(self.settings.users)}

    def background(self, work: Callable[[], None]) -> None:
        """Do something that outlives its request."""
        threading.Thread(target=work, daemon=True).start()

    def close(self) -> None:
        """End every job and every waiting transfer."""
        self.stopped.set()
        self.built_in.wake()
        for queue in self._queues.values():
            queue.close()
