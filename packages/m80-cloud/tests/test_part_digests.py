"""The digests of parts are those of the bytes that the digest of the whole is of."""

import hashlib
import os
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import NotFound
from minus80.part_digests import PART, digest_parts, part_size_of, stamp_of


def sha256_of(content):
    return hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("size", [0, 1, PART, 2 * PART, 2 * PART + 1])
def test_digests_are_those_of_the_bytes(tmp_path, size):
    path, content = tmp_path / "file", os.urandom(size)
    path.write_bytes(content)
    found = digest_parts(path)
    assert (found.sha256, found.size) == (sha256_of(content), size)
    assert found.parts == tuple(
        sha256_of(content[start : start + PART]) for start in range(0, size, PART)
    )


@given(st.integers(min_value=1, max_value=5 * 2**40))
def test_parts_of_any_file_are_few_enough_and_not_too_small(size):
    part_size = part_size_of(size)
    assert part_size >= PART
    assert part_size % PART == 0
    assert -(-size // part_size) <= 10_000


def test_stamp_changes_with_the_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"1")
    os.utime(path, (1, 1))
    stamp = stamp_of(path.stat())
    path.write_bytes(b"2")
    assert stamp_of(path.stat()) != stamp


def test_file_that_is_not_there_is_told(tmp_path):
    with pytest.raises(NotFound, match="cannot read"):
        digest_parts(tmp_path / "nothing")


def test_large_parts_are_not_held_in_memory(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(3 * PART))
    tracemalloc.start()
    digest_parts(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < PART
