"""The text of histories, and how versions and tags are added."""

from dataclasses import replace

import pytest
from luisy_protocol.errors import Conflict, IntegrityError
from minus80.errors import DatasetNotFound
from minus80.history import History, Version, decode, encode

FIRST = Version(1, "a" * 64, 3, 100, "2026-01-01T00:00:00+00:00", "ann", "lab", 0, "p1")
GOLDEN = (
    '{"format":"minus80-dataset","version":1,"versions":[{"number":1,"manifest":"' + "a" * 64 + '",'
    '"files":3,"size":100,"time":"2026-01-01T00:00:00+00:00","user":"ann","host":"lab","base":0,'
    '"put":"p1"}],"tags":{"release":1}}'
).encode()


def test_encode_gives_the_golden_text():
    assert encode(History((FIRST,), {"release": 1})) == GOLDEN


def test_decode_of_the_golden_text_gives_the_history():
    assert decode(GOLDEN, name="it") == History((FIRST,), {"release": 1})


def test_unknown_fields_survive_a_rewrite():
    text = GOLDEN.replace(b'"put":"p1"', b'"put":"p1","new":[1]').replace(
        b'"tags"', b'"later":true,"tags"'
    )
    history = decode(text, name="it").with_version(replace(FIRST, put="p2"))
    again = encode(history)
    assert b'"new":[1]' in again
    assert b'"later":true' in again


def test_with_version_numbers_by_place():
    history = History().with_version(FIRST).with_version(replace(FIRST, put="p2", base=0))
    assert [version.number for version in history.versions] == [1, 2]
    assert [version.is_concurrent for version in history.versions] == [False, True]


def test_with_tag_of_another_version_is_refused():
    history = History().with_version(FIRST, tag="t").with_version(FIRST)
    assert history.with_tag("t", 1) == history
    with pytest.raises(Conflict, match="'t' is on version 1"):
        history.with_tag("t", 2)


def test_find_gives_current_number_and_tag():
    history = History().with_version(FIRST, tag="t").with_version(FIRST)
    assert history.find().number == 2
    assert history.find(1).number == 1
    assert history.find(tag="t").number == 1
    with pytest.raises(DatasetNotFound, match="the last are 1, 2"):
        history.find(3)
    with pytest.raises(DatasetNotFound, match="no tag 'tt'; did you mean t"):
        history.find(tag="tt")


@pytest.mark.parametrize(
    "damage",
    [
        (b'"number":1', b'"number":"1"'),
        (b'"manifest":"aa', b'"manifest":"zz'),
        (b'"release":1', b'"release":2'),
        (b'"versions":[', b'"versions":[7,'),
        (b'"user":"ann",', b""),
        (b'"tags":{"release":1}', b'"tags":[]'),
        (b"minus80-dataset", b"something"),
    ],
    ids=lambda damage: damage[0].decode(),
)
def test_decode_of_what_is_wrong_is_refused(damage):
    assert damage[0] in GOLDEN
    with pytest.raises(IntegrityError, match="the history"):
        decode(GOLDEN.replace(*damage), name="the history")
