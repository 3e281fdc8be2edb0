"""How tasks are waited for, with a clock that the test plays."""

from itertools import islice
from types import MappingProxyType

import pytest
from firecrest.call import Call
from firecrest.client import Client, default_sleep_times, parse_version
from firecrest.errors import PollingIterException
from firecrest.steps import Pause
from firecrest.tasks import wait_until
from firecrest.testing import FixedToken
from hypothesis import given
from hypothesis import strategies as st


def test_waits_start_quick_and_are_bounded():
    waits = default_sleep_times()
    assert waits[0] <= 0.1
    assert waits == sorted(waits)
    assert max(waits) <= 2
    assert 100 <= sum(waits) <= 130


@given(st.floats(0.1, 1000))
def test_timeout_is_kept_whatever_the_waits(timeout):
    client = Client("https://server.example", FixedToken())
    steps = wait_until(Call(client), "t", lambda task: False, purpose="x", timeout=timeout)
    pauses, looks = [], []
    with pytest.raises(PollingIterException):
        play(steps, pauses, looks)
    assert abs(sum(pauses) - timeout) < 1e-6
    assert len(looks) >= 2


def play(steps, pauses, looks):
    """Let the clock go and the task stay as it is; return when the steps do."""
    command = next(steps)
    while True:
        if isinstance(command, Pause):
            pauses.append(command.seconds)
            command = steps.send(sum(pauses))
        else:
            looks.append(command)
            command = steps.send(Response())


class Response:
    status_code = 200
    headers = MappingProxyType({})
    text = ""
    content = b'{"tasks": {"t": {"status": "100", "description": "Queued", "data": ""}}}'


@given(
    st.lists(st.integers(0, 99), min_size=2, max_size=4), st.sampled_from(["", "-dev", "rc1", "+b"])
)
def test_version_is_read_whatever_follows(numbers, tail):
    assert parse_version(".".join(map(str, numbers)) + tail) == tuple(numbers)


@given(st.text(alphabet="abc .-"))
def test_text_without_numbers_is_no_version(text):
    assert parse_version(text) is None


def test_long_wait_keeps_the_last_response_only():
    client = Client("https://server.example", FixedToken())
    call, looks = Call(client, [Response()]), []
    steps = wait_until(call, "t", lambda task: len(looks) > 50, purpose="x", timeout=1e6)
    with pytest.raises(StopIteration):
        play(steps, [], looks)
    assert len(looks) == 51
    assert len(call.responses) == 2


def test_waits_are_taken_one_by_one_from_whatever_gives_them():
    client = Client("https://server.example", FixedToken())
    client.polling_sleep_times = waits = iter([1, 2, 3])
    assert next(client.sleep_times(None)) == 1
    assert list(waits) == [2, 3]


@pytest.mark.parametrize(("told", "repeated"), [([1, 2], 2), ([], 1.0)])
def test_last_wait_is_repeated_until_the_timeout(told, repeated):
    client = Client("https://server.example", FixedToken())
    client.polling_sleep_times = told
    assert list(islice(client.sleep_times(9), 5)) == [*told, *[repeated] * (5 - len(told))]
    assert list(client.sleep_times(None)) == told
