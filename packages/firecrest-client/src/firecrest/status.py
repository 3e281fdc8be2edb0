"""The status of the services, the machines and their file systems."""

from __future__ import annotations

from urllib.parse import quote

from firecrest.call import Call
from firecrest.client import Client
from firecrest.steps import Request, Steps, endpoint
from firecrest.types import Filesystem, Parameters, Service, System


def _get(path: str, purpose: str) -> Request:
    return Request("GET", f"/status/{path}", purpose, is_repeatable=True)


class Status(Client):
    """The methods below /status. The server keeps its answers for up to 16 minutes."""

    @endpoint
    def all_services(self) -> Steps[list[Service]]:
        """Return the services of the server."""
        answer: list[Service] = (yield from Call(self).send(_get("services", "list the services")))[
            "out"
        ]
        return answer

    @endpoint
    def service(self, service_name: str) -> Steps[Service]:
        """Return one service.

        Raises:
            NotFound: If the server has no such service.
        """
        path = f"services/{quote(service_name, safe='')}"
        answer: Service = yield from Call(self).send(
            _get(path, f"look at the service {service_name!r}")
        )
        return answer

    @endpoint
    def all_systems(self) -> Steps[list[System]]:
        """Return the machines behind the server."""
        answer: list[System] = (yield from Call(self).send(_get("systems", "list the systems")))[
            "out"
        ]
        return answer

    @endpoint
    def system(self, system_name: str) -> Steps[System]:
        """Return one machine.

        Raises:
            NotFound: If the server has no such machine.
        """
        path = f"systems/{quote(system_name, safe='')}"
        answer: System = (
            yield from Call(self).send(_get(path, f"look at the system {system_name!r}"))
        )["out"]
        return answer

    @endpoint
    def parameters(self) -> Steps[Parameters]:
        """Return the settings of the server, such as its size limits, by section."""
        return (yield from Call(self).parameters())

    @endpoint
    def filesystems(self, system_name: str | None = None) -> Steps[dict[str, list[Filesystem]]]:
        """Return the file systems by machine.

        Args:
            system_name: The only machine to look at.
        """
        call = Call(self)
        yield from call.require("filesystems", (1, 15))
        if system_name is None:
            answer: dict[str, list[Filesystem]] = (
                yield from call.send(_get("filesystems", "list the file systems"))
            )["out"]
            return answer
        path = f"filesystems/{quote(system_name, safe='')}"
        request = _get(path, f"list the file systems of {system_name!r}")
        return {system_name: (yield from call.send(request))["out"]}
