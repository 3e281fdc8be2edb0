import pytest
from luisy.facts import Identity
from luisy.reasons import differences
from luisy_protocol.record import Record

OLD = {
    "parts": {
        "m/util.py:scale": "1",
        "library:pandas": "2.2.3",
        "m/x.py:*": "1",
        "file:m/d.json": "1",
    },
    "parameters": {"day": "1"},
    "requires": {"p/raw/a.csv": "h1"},
}


def words(**changed):
    old = Record(key="p/final/F", hash="old", sha256="", size=0, **OLD)
    new = Identity("new", **{**OLD, **changed})
    return [reason.text for reason in differences(new, old)]


@pytest.mark.parametrize(
    ("part", "value", "text"),
    [
        ("m/util.py:scale", "2", "code changed: scale in m/util.py"),
        ("m/util.py:scale", None, "code removed: scale in m/util.py"),
        ("m/util.py:shift", "1", "code added: shift in m/util.py"),
        ("m/x.py:*", "2", "code changed: m/x.py"),
        ("library:pandas", "3.0.1", "pandas 2.2.3 -> 3.0.1"),
        ("library:numpy", "2.1", "numpy not used -> 2.1"),
        ("library:pandas", None, "pandas 2.2.3 -> not used"),
        ("file:m/d.json", "2", "data file changed: m/d.json"),
    ],
    ids=str,
)
def test_changed_part_is_named(part, value, text):
    parts = {**OLD["parts"], part: value}
    assert words(parts={name: one for name, one in parts.items() if one}) == [text]


@pytest.mark.parametrize(
    ("parameters", "text"),
    [
        ({"day": "2"}, "parameter changed: day: 1 -> 2"),
        ({"day": "1", "hour": "3"}, "parameter added: hour = 3"),
        ({}, "parameter removed: day"),
    ],
    ids=["changed", "added", "removed"],
)
def test_parameter_is_named(parameters, text):
    assert words(parameters=parameters) == [text]


@pytest.mark.parametrize(
    ("requires", "text"),
    [
        ({"p/raw/a.csv": "h2"}, "upstream code changed: p/raw/a.csv"),
        ({}, "requirement removed: p/raw/a.csv"),
        ({**OLD["requires"], "p/raw/b.csv": "h"}, "requirement added: p/raw/b.csv"),
    ],
    ids=["changed", "removed", "added"],
)
def test_requirement_is_named(requires, text):
    assert words(requires=requires) == [text]


def test_unexplained_difference_is_still_one():
    assert words() == ["code changed"]


def test_record_without_parts_names_no_part():
    old = Record(key="p/final/F", hash="0" * 32, sha256="", size=0)
    new = Identity("new", {"m/util.py:scale": "1"}, {}, {})
    assert [reason.text for reason in differences(new, old)] == ["code changed"]


def test_equal_hash_has_no_reasons():
    old = Record(key="p/final/F", hash="new", sha256="", size=0)
    assert differences(Identity("new", {"x.py:f": "1"}, {}, {}), old) == ()
