"""The reservations service, kept in memory only: it reserves nothing."""

from __future__ import annotations

import threading
from dataclasses import dataclass

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import Refusal, from_command

_FIELDS = ("account", "numberOfNodes", "nodeType", "starttime", "endtime")


@dataclass(frozen=True, slots=True)
class Reservation:
    """What was asked for, as text."""

    name: str
    account: str
    nodes: str
    node_type: str
    start: str
    end: str
    state: str = "INACTIVE"

    def to_json(self) -> dict[str, str]:
        """Return the reservation in the service's form."""
        return {
            "reservation": self.name,
            "account": self.account,
            "numberOfNodes": self.nodes,
            "nodeType": self.node_type,
            "starttime": self.start,
            "endtime": self.end,
        }


class Reservations:
    """All reservations of a site."""

    def __init__(self) -> None:
        self._kept: dict[tuple[str, str], Reservation] = {}
        self._lock = threading.Lock()

    def of_machine(self, machine: str) -> list[Reservation]:
        """Return a machine's reservations in the order of their making."""
        with self._lock:
            return [kept for (where, _), kept in self._kept.items() if where == machine]

    def keep(self, machine: str, reservation: Reservation, *, is_new: bool) -> None:
        """Add or replace a reservation; raise `KeyError` where the other was asked for."""
        place = (machine, reservation.name)
        with self._lock:
            if (place in self._kept) is is_new:
                raise KeyError(reservation.name)
            self._kept[place] = reservation

    def drop(self, machine: str, name: str) -> None:
        """Remove a reservation; raise `KeyError` if it is not there."""
        with self._lock:
            del self._kept[machine, name]


def listed(call: Call) -> Answer:
    """Answer with the machine's reservations."""
    call.site.check_machine(call.machine)
    kept = call.site.reservations.of_machine(call.machine)
    return Answer(200, {"success": [each.to_json() for each in kept]})


def create(call: Call) -> Answer:
    """Add a reservation."""
    call.site.check_machine(call.machine)
    name = call.text("reservation", operation="create")
    _keep(call, name, is_new=True)
    return Answer(201, {"success": f"Reservation {name} created"})


def update(call: Call) -> Answer:
    """Replace a reservation."""
    call.site.check_machine(call.machine)
    name = call.path["reservation"]
    _keep(call, name, is_new=False)
    return Answer(200, {"success": f"Reservation {name} updated"})


def delete(call: Call) -> Answer:
    """Remove a reservation."""
    call.site.check_machine(call.machine)
    name = call.path["reservation"]
    try:
        call.site.reservations.drop(call.machine, name)
    except KeyError:
        raise from_command("delete", f"Reservation {name} does not exist") from None
    return Answer(204)


def _keep(call: Call, name: str, *, is_new: bool) -> None:
    values = [call.form.get(field, "") for field in _FIELDS]
    if missing := [field for field, value in zip(_FIELDS, values, strict=True) if not value]:
        raise Refusal(400, {"error": f"'{missing[0]}' not specified"})
    try:
        call.site.reservations.keep(call.machine, Reservation(name, *values), is_new=is_new)
    except KeyError:
        state = "already exists" if is_new else "does not exist"
        raise from_command("reservation", f"Reservation {name} {state}") from None


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/reservations", listed),
    ("POST", "/reservations", create),
    ("PUT", "/reservations/{reservation}", update),
    ("DELETE", "/reservations/{reservation}", delete),
)
