"""An emulated FirecREST v1 site in this process, for tests and for offline work."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from types import TracebackType
from typing import Self

import uvicorn

from firecrest.emulator.faults import Faults
from firecrest.emulator.server import application
from firecrest.emulator.settings import Settings
from firecrest.emulator.site import Site

_LOOPBACK = "127.0.0.1"


class Emulator:
    """Serves a site on a loopback port from a thread; a context manager.

    It is no security boundary: whoever reaches the port runs scripts as you.

    Attributes:
        settings: What the site is made of.
        faults: Faults to come, to be added to.
    """

    def __init__(self, settings: Settings, *, port: int = 0) -> None:
        """Listen on `port` of the loopback address at once; 0 takes a free one.

        Raises:
            OSError: If the port is taken.
        """
        self.settings = settings
        # With the protocol named, asyncio sends answers at once instead of after 40 ms.
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind((_LOOPBACK, port))
        self._site = Site(settings, address=lambda: self._address)
        self.faults: Faults = self._site.faults
        config = uvicorn.Config(application(self._site), log_config=None, lifespan="off")
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._socket.listen()  # from here on connections wait until the thread accepts them
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    def url(self) -> str:
        """The site's URL."""
        return f"http://{self._address}"

    @property
    def token_url(self) -> str:
        """The URL of the token endpoint."""
        return f"{self.url}/auth/token"

    @property
    def client_id(self) -> str:
        """The first client's id."""
        return next(iter(self.settings.clients))

    @property
    def client_secret(self) -> str:
        """Every client's secret."""
        return self.settings.secret

    def token(self, user: str | None = None, *, lifetime: int | None = None) -> str:
        """Return an access token for a user, valid for `lifetime` seconds."""
        return self._site.tokens.issue(user or self.settings.users[0], lifetime=lifetime)

    def machine_folder(self, machine: str) -> Path:
        """Return the folder that is a machine's ``/``."""
        return self._site.machine_folder(machine)

    def task_history(self, task_id: str) -> tuple[str, ...]:
        """Return every status that a task of the first user went through."""
        task = self._site.tasks.find(task_id, user=self.settings.users[0])
        return task.history if task else ()

    def forget_task(self, task_id: str) -> None:
        """Let a task expire."""
        self._site.tasks.forget(task_id)

    def wait(self) -> None:
        """Block until the server stops."""
        self._thread.join()

    def close(self) -> None:
        """Stop serving and end every job."""
        self._site.close()
        self._server.should_exit = True
        self._thread.join()
        self._socket.close()

    def _serve(self) -> None:
        self._server.run(sockets=[self._socket])

    @property
    def _address(self) -> str:
        return f"{_LOOPBACK}:{self._socket.getsockname()[1]}"
