"""Keys: what is allowed, what is not, and where a key leads on disk."""

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol import InvalidKey, join_key, path_below, validate_key, validate_prefix
from luisy_protocol.keys import MAX_KEY_BYTES, MAX_SEGMENT_BYTES, check_on_windows

NAMES = st.text(
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\:"),
    min_size=1,
    max_size=40,
).filter(lambda name: name not in {".", ".."})
KEYS = st.lists(NAMES, min_size=1, max_size=5).map("/".join)


@given(KEYS)
def test_validate_key_returns_every_key_of_plain_names(key):
    assert validate_key(key) == key


@given(st.text())
def test_validate_key_never_lets_out_of_the_folder(text):
    try:
        validate_key(text)
    except InvalidKey:
        return
    assert not text.startswith("/")
    assert not {"", ".", ".."} & set(text.split("/"))
    assert "\\" not in text
    assert text.encode().decode() == text


@given(KEYS, st.integers(0, 200))
def test_validate_prefix_accepts_every_beginning_of_a_key(key, end):
    assert validate_prefix(key[:end]) == key[:end]


@pytest.mark.parametrize(
    ("key", "reason"),
    [
        ("", "empty"),
        ("/a", "starts with '/'"),
        ("a/", "ends with '/'"),
        ("a//b", "'//'"),
        (".", "segment '.'"),
        ("a/../b", "segment '..'"),
        ("..", "segment '..'"),
        ("a\\b", "backslash"),
        ("a\0b", "control"),
        ("a\nb", "control"),
        ("a\x85b", "control"),
        ("C:/a", "drive"),
        ("c:a", "drive"),
        ("a\ud800", "Unicode"),
        ("ä" * 128, f"{MAX_SEGMENT_BYTES} bytes"),
        ("ab/" * 341 + "abc", f"{MAX_KEY_BYTES} bytes"),
        (None, "NoneType"),
        (b"a", "bytes"),
    ],
    ids=lambda value: ascii(value)[:16],
)
def test_validate_key_refuses_and_says_why(key, reason):
    with pytest.raises(InvalidKey, match=reason):
        validate_key(key)


@pytest.mark.parametrize("key", ["ab:c", "a/c:/b", "...", "a/..b", "~", "-", "a b", "x" * 255])
def test_validate_key_accepts_the_unusual(key):
    assert validate_key(key) == key


@pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//", "a\\", "\n", "a/" + "x" * 256])
def test_validate_prefix_refuses_what_no_key_begins_with(prefix):
    with pytest.raises(InvalidKey):
        validate_prefix(prefix)


def test_invalid_key_is_shown_short_and_without_control_characters():
    with pytest.raises(InvalidKey) as caught:
        validate_key("\x1b[31m" * 1000)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 250


def test_join_key_leaves_out_empty_parts():
    assert join_key("p", "", "raw/sub", "a.csv") == "p/raw/sub/a.csv"


@pytest.mark.parametrize("parts", [(), ("",), ("a", ".."), ("a", "/b"), ("a/", "b")])
def test_join_key_refuses_what_makes_no_key(parts):
    with pytest.raises(InvalidKey):
        join_key(*parts)


def test_path_below_leads_below_the_folder(tmp_path):
    assert path_below(tmp_path, "p/raw/a.csv") == tmp_path / "p" / "raw" / "a.csv"


def test_path_below_when_the_root_is_a_link_is_fine(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert path_below(tmp_path / "link", "a") == tmp_path / "link" / "a"


@pytest.mark.parametrize("key", ["out/a", "out", "out/deep/er/a", "chain/a"])
def test_path_below_refuses_a_link_that_leads_out(tmp_path, key):
    root, outside = tmp_path / "root", tmp_path / "outside"
    root.mkdir()
    outside.mkdir()
    (root / "out").symlink_to(outside)
    (root / "chain").symlink_to(root / "out")
    with pytest.raises(InvalidKey, match="symbolic link"):
        path_below(root, key)


def test_path_below_accepts_a_link_that_stays_inside(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    assert path_below(tmp_path, "link/a") == tmp_path / "link" / "a"


def test_path_below_refuses_a_neighbour_with_the_same_beginning(tmp_path):
    (tmp_path / "root").mkdir()
    (tmp_path / "root2").mkdir()
    (tmp_path / "root" / "out").symlink_to(tmp_path / "root2")
    with pytest.raises(InvalidKey):
        path_below(tmp_path / "root", "out/a")


@pytest.mark.parametrize(
    "key", ["ab:c", "a/con", "NUL.txt", "p/com1.csv/x", "a./b", "a /b", "a.", "a?"]
)
def test_check_on_windows_refuses_what_windows_takes_for_something_else(key):
    with pytest.raises(InvalidKey, match="Windows"):
        check_on_windows(validate_key(key))


@given(st.text(string.ascii_letters + string.digits + "_-", min_size=5))
def test_check_on_windows_accepts_plain_names(name):
    check_on_windows(f"p/{name}.csv")
