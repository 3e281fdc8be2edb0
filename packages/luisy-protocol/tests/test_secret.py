"""Secrets: nowhere to be seen, except where somebody asks."""

import copy
import dataclasses
import json
import logging
import pickle
import pprint
import traceback

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol import Secret

SECRET = Secret("hunter2")


@dataclasses.dataclass(frozen=True)
class Settings:
    key: Secret


def shown_in_a_traceback():
    try:
        raise ValueError(SECRET)  # noqa: TRY301
    except ValueError as error:
        return "".join(
            traceback.TracebackException.from_exception(error, capture_locals=True).format()
        )


@pytest.mark.parametrize(
    "show",
    [
        repr,
        str,
        "{}".format,
        "{!r:>10}".format,
        "{:>10}".format,
        lambda secret: f"{secret}",
        lambda secret: "%s %r" % (secret, secret),  # noqa: UP031
        lambda secret: repr(Settings(secret)),
        lambda secret: repr(dataclasses.asdict(Settings(secret))),
        lambda secret: pprint.pformat([secret]),
        lambda secret: logging.LogRecord("", 0, "", 0, "%s", (secret,), None).getMessage(),
        lambda secret: shown_in_a_traceback(),
        lambda secret: repr([getattr(secret, "__dict__", None), Secret.__slots__]),
    ],
)
def test_secret_is_never_shown(show):
    assert "hunter2" not in show(SECRET)


def test_secret_shows_as_stars():
    assert (repr(SECRET), str(SECRET), f"{SECRET:>5}") == ("***", "***", "  ***")


@given(st.text())
def test_reveal_returns_the_text(text):
    assert Secret(text).reveal() == text


@given(st.text(), st.text())
def test_secrets_are_equal_when_their_texts_are(one, other):
    assert (Secret(one) == Secret(other)) == (one == other)
    assert Secret(one) != one
    if one == other:
        assert hash(Secret(one)) == hash(Secret(other))


def test_secret_is_true_when_it_has_text():
    assert Secret("a")
    assert not Secret("")


def test_json_refuses_a_secret():
    with pytest.raises(TypeError):
        json.dumps({"key": SECRET})


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickle_refuses_a_secret(protocol):
    with pytest.raises(TypeError, match="settings"):
        pickle.dumps(Settings(SECRET), protocol)


def test_copies_are_the_same_secret():
    assert copy.copy(SECRET) is SECRET
    assert copy.deepcopy(Settings(SECRET)).key is SECRET
