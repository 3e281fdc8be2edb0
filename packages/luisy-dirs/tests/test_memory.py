"""The memory of a directory: survives everything, and knows nothing rather than something wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_dirs.memory import Memory
from luisy_protocol.record import Content

DIGESTS = st.text("0123456789abcdef", min_size=64, max_size=64)
MADE = st.dictionaries(st.text(min_size=1), st.builds(Content, DIGESTS, st.integers(0)), max_size=3)
ENTRIES = st.lists(st.tuples(st.text(min_size=1), DIGESTS, MADE), max_size=8)
ONE = ("raw/a", "1" * 64, {"a.npy": Content("2" * 64, 5)})


@given(entries=ENTRIES)
def test_memory_finds_the_last_of_what_was_added(tmp_path_factory, entries):
    path = tmp_path_factory.mktemp("memory") / "deep/memory"
    Memory(path, "code").add(entries)
    again = Memory(path, "code")
    for item, (sha256, made) in {item: (s, m) for item, s, m in entries}.items():
        assert again.find(item, sha256) == made


def test_other_content_and_other_code_are_not_known(tmp_path):
    path = tmp_path / "memory"
    Memory(path, "code").add([ONE])
    assert Memory(path, "code").find("raw/a", "3" * 64) is None
    assert Memory(path, "other").find("raw/a", "1" * 64) is None
    assert Memory(path, "code").find("raw/b", "1" * 64) is None


@pytest.mark.parametrize("cut", range(1, 40, 4))
def test_torn_line_costs_that_line_only(tmp_path, cut):
    path = tmp_path / "memory"
    memory = Memory(path, "code")
    memory.add([ONE])
    memory.add([("raw/b", "4" * 64, {})])
    path.write_bytes(path.read_bytes()[:-cut])
    torn = Memory(path, "code")
    assert torn.find("raw/a", "1" * 64) == ONE[2]
    assert torn.find("raw/b", "4" * 64) is None
    torn.add([("raw/c", "5" * 64, {})])
    assert Memory(path, "code").find("raw/c", "5" * 64) == {}


@pytest.mark.parametrize("content", [b"", b"{}\n", b"\xff\xfe\x00", b'{"format": "other"}\n[]\n'])
def test_what_is_no_memory_is_forgotten(tmp_path, content):
    path = tmp_path / "memory"
    path.write_bytes(content)
    memory = Memory(path, "code")
    memory.add([ONE])
    assert Memory(path, "code").find("raw/a", "1" * 64) == ONE[2]


def test_malformed_line_costs_that_line_only(tmp_path):
    path = tmp_path / "memory"
    Memory(path, "code").add([ONE])
    with path.open("a") as file:
        file.write("nonsense\n[1]\n")
    assert Memory(path, "code").find("raw/a", "1" * 64) == ONE[2]


def test_tidy_keeps_what_is_wanted_when_most_is_waste(tmp_path):
    path = tmp_path / "memory"
    memory = Memory(path, "code")
    memory.add([ONE] * 2000)
    memory.add([("raw/gone", "6" * 64, {})])
    memory.tidy(["raw/a"])
    assert path.read_text().count("\n") == 2
    assert Memory(path, "code").find("raw/a", "1" * 64) == ONE[2]
    assert Memory(path, "code").find("raw/gone", "6" * 64) is None
