"""The rules of repetition, with a clock and a server that are played by the test."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from firecrest import errors
from firecrest.call import Call, rate_limit_wait
from firecrest.client import Client
from firecrest.steps import Pause, Request
from firecrest.testing import FixedToken
from hypothesis import given
from hypothesis import strategies as st


class Response:
    def __init__(self, status, content=b"{}", headers=None):
        self.status_code = status
        self.content = content
        self.headers = headers or {}
        self.text = content.decode()


@pytest.fixture
def client():
    return Client("https://server.example", FixedToken())


def play(steps, outcomes, pauses=None):
    """Answer each request with the next outcome; return the result and the pauses."""
    outcomes, pauses, now = list(outcomes), [] if pauses is None else pauses, 0.0
    try:
        command = next(steps)
        while True:
            if isinstance(command, Pause):
                now += command.seconds
                pauses.append(command.seconds)
                command = steps.send(now)
                continue
            outcome = outcomes.pop(0)
            if isinstance(outcome, Exception):
                command = steps.throw(outcome)
            else:
                command = steps.send(outcome)
    except StopIteration as end:
        assert not outcomes, "not all outcomes were asked for"
        return end.value, pauses


def unreachable(*, was_sent, is_permanent=False):
    error = errors.ServerUnreachable("no answer")
    error.was_sent, error.is_permanent = was_sent, is_permanent
    return error


GET = Request("GET", "/x", "get", is_repeatable=True)
POST = Request("POST", "/x", "post")


@pytest.mark.parametrize("request_", [GET, POST], ids=["GET", "POST"])
def test_429_is_repeated_for_every_verb_after_the_asked_wait(client, request_):
    outcomes = [Response(429, headers={"Retry-After": "7"}), Response(200, b'{"a": 1}')]
    result, pauses = play(Call(client).send(request_), outcomes)
    assert result == {"a": 1}
    assert pauses == [7.0]


def test_429_ends_with_too_many_requests_after_the_allowed_retries(client):
    client.num_retries_rate_limit = 2
    with pytest.raises(errors.TooManyRequests) as caught:
        play(Call(client).send(GET), [Response(429)] * 3)
    assert len(caught.value.responses) == 3


def test_429_that_asks_for_an_hour_is_not_waited_for(client):
    with pytest.raises(errors.TooManyRequests):
        play(Call(client).send(GET), [Response(429, headers={"Retry-After": "3600"})])


@pytest.mark.parametrize("status", [500, 502, 503, 504])
def test_5xx_is_repeated_if_the_request_may_be(client, status):
    result, pauses = play(Call(client).send(GET), [Response(status), Response(200, b"[]")])
    assert result == []
    assert 0.125 <= pauses[0] <= 0.25


@pytest.mark.parametrize("status", [500, 503])
def test_5xx_is_not_repeated_if_the_request_may_not(client, status):
    with pytest.raises(errors.ServerError):
        play(Call(client).send(POST), [Response(status)])


def test_501_is_not_repeated(client):
    with pytest.raises(errors.ServerError):
        play(Call(client).send(GET), [Response(501)])


def test_cut_connection_is_repeated_only_if_the_request_may_be(client):
    play(Call(client).send(GET), [unreachable(was_sent=True), Response(200)])
    with pytest.raises(errors.ServerUnreachable):
        play(Call(client).send(POST), [unreachable(was_sent=True)])


def test_refused_connection_is_repeated_for_every_verb(client):
    play(Call(client).send(POST), [unreachable(was_sent=False), Response(200)])


def test_permanent_failure_is_not_repeated(client):
    with pytest.raises(errors.ServerUnreachable):
        play(Call(client).send(GET), [unreachable(was_sent=False, is_permanent=True)])


def test_retries_are_bounded_and_grow(client):
    client.num_retries = 3
    pauses = []
    with pytest.raises(errors.ServerUnreachable):
        play(Call(client).send(GET), [unreachable(was_sent=True) for _ in range(4)], pauses)
    assert len(pauses) == 3
    for number, pause in enumerate(pauses):
        assert 0.125 * 2**number <= pause <= 0.25 * 2**number


def test_each_call_carries_its_own_responses_only(client):
    play(Call(client).send(GET), [Response(200)])
    with pytest.raises(errors.NotFound) as caught:
        play(Call(client).send(GET), [Response(404)])
    assert len(caught.value.responses) == 1


@given(st.integers(0, 10**6))
def test_retry_after_in_seconds_is_taken_as_it_is(seconds):
    assert rate_limit_wait({"Retry-After": str(seconds)}, 0) == seconds


def test_retry_after_as_a_date_is_the_time_until_then():
    then = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=30)
    before = datetime.now(UTC)
    wait = rate_limit_wait({"Retry-After": format_datetime(then, usegmt=True)}, 0)
    assert then - datetime.now(UTC) <= timedelta(seconds=wait) <= then - before


def test_retry_after_in_the_past_is_no_wait():
    date = format_datetime(datetime.now(UTC) - timedelta(days=1), usegmt=True)
    assert rate_limit_wait({"Retry-After": date}, 0) == 0


def test_retry_after_as_a_date_that_cannot_be_is_ignored():
    date = "Mon, 01 Jan 2026 00:00:00 +99999999999999"
    assert rate_limit_wait({"Retry-After": date}, 0) == 1


def test_rate_limit_reset_counts_if_there_is_no_retry_after():
    assert rate_limit_wait({"RateLimit-Reset": "4"}, 0) == 4
    assert rate_limit_wait({"Retry-After": "soon", "RateLimit-Reset": "4"}, 0) == 4


@given(st.integers(0, 100), st.text(max_size=20))
def test_wait_without_a_usable_header_is_between_one_and_ten_seconds(limited, text):
    if not text.strip().isdecimal():
        assert 1 <= rate_limit_wait({"Retry-After": "x" + text}, limited) <= 10


@pytest.mark.parametrize("text", ["demo", "not defined", "", "latest"])
def test_version_that_is_no_number_does_not_lock_anything(client, text):
    answer = b'{"out": {"general": [{"name": "FIRECREST_VERSION", "value": "%s"}]}}' % text.encode()
    play(Call(client).require("nodes", (1, 16)), [Response(200, answer)])


def test_version_that_is_missing_is_an_old_one(client):
    with pytest.raises(errors.NotImplementedOnAPIversion, match=r"nodes needs FirecREST 1\.16"):
        play(Call(client).require("nodes", (1, 16)), [Response(200, b'{"out": {}}')])


def test_set_api_version_is_believed(client):
    client.set_api_version("1.16.3-dev")
    play(Call(client).require("nodes", (1, 16)), [])
    client.set_api_version("1.15.0")
    with pytest.raises(errors.NotImplementedOnAPIversion):
        play(Call(client).require("nodes", (1, 16)), [])
    with pytest.raises(ValueError, match="not a version"):
        client.set_api_version("newest")


def test_503_is_repeated_after_the_asked_wait(client):
    outcomes = [Response(503, headers={"Retry-After": "9"}), Response(200)]
    assert play(Call(client).send(GET), outcomes)[1] == [9.0]
    with pytest.raises(errors.ServerError):
        play(Call(client).send(GET), [Response(503, headers={"Retry-After": "3600"})])


def test_end_of_the_rate_limit_is_not_waited_for_after_a_503(client):
    outcomes = [Response(503, headers={"RateLimit-Reset": "60"}), Response(200)]
    assert play(Call(client).send(GET), outcomes)[1][0] <= 0.25
