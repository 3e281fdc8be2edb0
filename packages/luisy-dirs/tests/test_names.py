"""Names that every system and every store can hold, side by side."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_dirs.errors import NameClash
from luisy_dirs.names import Names, check_listing, folded
from luisy_protocol.errors import InvalidKey


def taken(*names):
    found = Names()
    for name in names:
        found.add(name, f"the input of {name}")
    return found


@pytest.mark.parametrize(
    "name",
    ["../x", "/x", "a/../b", "a//b", "", ".", "a\x00b", "a\nb", "a\\b", "C:x", "x" * 256, "a/"],
)
def test_unsafe_name_is_an_error(name):
    with pytest.raises(InvalidKey):
        taken(name)


@pytest.mark.parametrize(
    "names",
    [
        ("a", "a"),
        ("a", "A"),
        ("sub/a", "SUB/a"),
        ("caf\u00e9", "cafe\u0301"),
        ("stra\u00dfe", "STRASSE"),
        ("a", "a/b"),
        ("a/b", "A"),
        ("a/b/c", "a/b"),
    ],
)
def test_names_that_some_system_takes_for_one_clash(names):
    with pytest.raises(NameClash, match="would"):
        taken(*names)


def test_clash_names_both_inputs():
    with pytest.raises(NameClash, match=r"the input of a.*the input of A"):
        taken("a", "A")


def test_different_names_do_not_clash():
    names = taken("a", "b", "sub/a", "sub/b", "ab", "sub2/a")
    assert names.has("A")
    assert not names.has("c")


@given(st.text(min_size=1))
def test_folding_twice_changes_nothing(name):
    assert folded(folded(name)) == folded(name)


@given(st.text(min_size=1))
def test_upper_and_lower_ascii_fold_to_one(name):
    assert folded(name.swapcase() if name.isascii() else name) == folded(name)


def test_check_listing_finds_a_clash_on_disk(tmp_path):
    (tmp_path / "a").touch()
    check_listing(str(tmp_path))
    (tmp_path / "A").touch()
    if len(list(tmp_path.iterdir())) == 1:
        pytest.skip("this file system takes them for one")
    with pytest.raises(NameClash):
        check_listing(str(tmp_path))


@pytest.mark.parametrize("other", ["a", "A", "a/b"])
def test_names_that_are_taken_together_clash_as_each_would(other):
    names = Names()
    names.add_all([("a", "one"), ("b", "two")])
    assert names.has("B")
    with pytest.raises(NameClash, match="three"):
        names.add(other, "three")
    with pytest.raises(NameClash, match="three"):
        Names().add_all([("a", "one"), (other, "three")])
