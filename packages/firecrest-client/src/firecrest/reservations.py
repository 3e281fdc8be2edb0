"""The reservation service, which only some sites run."""

# ruff: noqa: PLR0917 - the arguments and their order are those of the public client

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from firecrest.call import Call
from firecrest.client import Client
from firecrest.steps import Request, Steps, endpoint


class Reservations(Client):
    """The methods below /reservations."""

    # What a reservation looks like is the site's own business.
    @endpoint
    def all_reservations(self, machine: str) -> Steps[list[dict[str, Any]]]:
        """Return the reservations of a machine as its site describes them."""
        purpose = f"list the reservations of {machine!r}"
        request = Request("GET", "/reservations", purpose, machine=machine, is_repeatable=True)
        answer: list[dict[str, Any]] = (yield from Call(self).send(request))["success"]
        return answer

    @endpoint
    def create_reservation(
        self,
        machine: str,
        reservation: str,
        account: str,
        number_of_nodes: str,
        node_type: str,
        start_time: str,
        end_time: str,
    ) -> Steps[None]:
        """Make a reservation.

        Args:
            machine: The machine.
            reservation: Its name.
            account: The account that may use it.
            number_of_nodes: How many nodes.
            node_type: Which kind of nodes.
            start_time: When it starts, 2026-11-21T08:00:00.
            end_time: When it ends.
        """
        form = {
            "reservation": reservation,
            **_terms(account, number_of_nodes, node_type, start_time, end_time),
        }
        purpose = f"make the reservation {reservation!r} on {machine!r}"
        request = Request("POST", "/reservations", purpose, machine=machine, form=form)
        yield from Call(self).send(request, expects=201)

    @endpoint
    def update_reservation(
        self,
        machine: str,
        reservation: str,
        account: str,
        number_of_nodes: str,
        node_type: str,
        start_time: str,
        end_time: str,
    ) -> Steps[None]:
        """Change a reservation; the arguments are those of `create_reservation`."""
        form = _terms(account, number_of_nodes, node_type, start_time, end_time)
        purpose = f"change the reservation {reservation!r} on {machine!r}"
        url = f"/reservations/{quote(reservation, safe='')}"
        request = Request("PUT", url, purpose, machine=machine, form=form, is_repeatable=True)
        yield from Call(self).send(request)

    @endpoint
    def delete_reservation(self, machine: str, reservation: str) -> Steps[None]:
        """Delete a reservation."""
        purpose = f"delete the reservation {reservation!r} on {machine!r}"
        url = f"/reservations/{quote(reservation, safe='')}"
        request = Request("DELETE", url, purpose, machine=machine)
        yield from Call(self).send(request, expects=204)


def _terms(
    account: str, number_of_nodes: str, node_type: str, start_time: str, end_time: str
) -> dict[str, str]:
    return {
        "account": account,
        "numberOfNodes": str(number_of_nodes),
        "nodeType": node_type,
        "starttime": start_time,
        "endtime": end_time,
    }
