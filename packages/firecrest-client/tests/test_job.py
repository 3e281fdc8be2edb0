"""Following jobs through what the accounting really tells."""

from types import MappingProxyType

import pytest
from firecrest import errors
from firecrest.call import Call
from firecrest.client import Client
from firecrest.job import ENDED, UNDERWAY, follow_job, rows_of, state_of
from firecrest.steps import Pause
from firecrest.testing import FixedToken
from hypothesis import given
from hypothesis import strategies as st


class Response:
    status_code = 200
    headers = MappingProxyType({})
    text = ""

    def __init__(self, content):
        self.content = content


def row(jobid, state, **more):
    return {"jobid": jobid, "name": "x", "partition": "p", "user": "me", "state": state, **more}


def follow(listings, *, job_id="36", timeout=None, progress=None):
    """Play a server whose accounting tells the listings in turn, the last one for ever."""
    import json

    client = Client("https://server.example", FixedToken())
    listings, now, seconds = list(listings), 0.0, []
    steps = follow_job(Call(client), "cluster", job_id, timeout=timeout, progress=progress)
    try:
        command = next(steps)
        while True:
            if isinstance(command, Pause):
                now += command.seconds
                seconds.append(command.seconds)
                command = steps.send(now)
            elif command.url == "/tasks":
                rows = listings.pop(0) if len(listings) > 1 else listings[0]
                task = {"status": "200", "description": "", "data": rows, "hash_id": "t"}
                command = steps.send(Response(json.dumps({"tasks": {"t": task}}).encode()))
            else:
                command = steps.send(Response(b'{"task_id": "t"}'))
    except StopIteration as end:
        return end.value, now


def test_job_that_is_not_listed_yet_is_waited_for():
    outcome, _ = follow(
        [{}, {}, [row("36", "PENDING", name="allocation")], [row("36", "COMPLETED")]]
    )
    assert outcome.is_success


def test_job_that_is_never_listed_is_not_found_after_a_minute():
    with pytest.raises(errors.JobNotFound, match="does not list job 36"):
        follow([{}])


def test_array_has_ended_when_every_row_has():
    states = []
    outcome, _ = follow(
        [
            [row("36_0", "COMPLETED"), row("36_[1-2]", "PENDING")],
            [row("36_0", "COMPLETED"), row("36_1", "RUNNING"), row("36_2", "COMPLETED")],
            [row("36_0", "COMPLETED"), row("36_1", "FAILED"), row("36_2", "COMPLETED")],
        ],
        progress=states.append,
    )
    assert states == ["PENDING", "RUNNING", "FAILED"]
    assert outcome.state == "FAILED"
    assert not outcome.is_success
    assert len(outcome.rows) == 3


def test_timeout_is_kept_to_the_second():
    with pytest.raises(errors.PollingIterException, match="is RUNNING after 10 s"):
        follow([[row("36", "RUNNING")]], timeout=10)


def test_long_wait_looks_every_half_minute():
    listings = [[row("36", "RUNNING")]] * 20 + [[row("36", "COMPLETED")]]
    _, now = follow(listings)
    assert now > 200


def test_rows_of_other_jobs_do_not_count():
    rows = [row("36", "FAILED"), row("360", "FAILED"), row("36_1", "FAILED"), row("3", "FAILED")]
    assert [r["jobid"] for r in rows_of("36", rows)] == ["36", "36_1"]
    assert [r["jobid"] for r in rows_of("36_1", rows)] == ["36_1"]


@pytest.mark.parametrize(
    ("given_row", "state"),
    [
        (row("1", "CANCELLED by 1001"), "CANCELLED"),
        (row("1", "CANCELLED+"), "CANCELLED"),
        (row("1", "me", name="a", partition="b", user="part01", start_time="FAILED"), "FAILED"),
        (row("1", "NEW_STATE"), "NEW_STATE"),
        (row("1", ""), "1"),
    ],
    ids=["who cancelled", "cut", "pipe in the name", "unknown", "empty"],
)
def test_state_is_found_in_a_row(given_row, state):
    assert state_of(given_row) == state


@given(st.sampled_from(sorted(ENDED | UNDERWAY)), st.text())
def test_state_that_is_known_wins_over_any_name(state, name):
    assert state_of(row("1", state, name=name)) == state
