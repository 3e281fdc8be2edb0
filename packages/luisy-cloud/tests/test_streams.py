from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_cloud.streams import CheckedReader, OrderedDigest
from luisy_protocol.errors import IntegrityError


@contextmanager
def checked(content: bytes, **options) -> Iterator[CheckedReader]:
    with tempfile.TemporaryFile("w+b") as file:
        file.write(content)
        file.seek(0)
        yield CheckedReader(file, **{"size": len(content), **options})


def read_into(passed: list[bytes], reader: CheckedReader, size: int) -> None:
    while chunk := reader.read(size):
        passed.append(chunk)


@given(content=st.binary(max_size=300), size=st.integers(1, 50))
def test_checked_reader_passes_the_bytes_and_takes_the_md5(content, size):
    moved: list[int] = []
    passed: list[bytes] = []
    with checked(
        content, sha256=hashlib.sha256(content).hexdigest(), advance=moved.append
    ) as reader:
        read_into(passed, reader, size)
        assert bytes(reader.md5) == hashlib.md5(content).digest()
    assert b"".join(passed) == content
    assert sum(moved) == len(content)


@given(content=st.binary(min_size=1, max_size=300), size=st.integers(1, 400))
def test_checked_reader_of_another_file_raises_before_its_last_chunk_is_out(content, size):
    passed: list[bytes] = []
    with checked(content, sha256=hashlib.sha256(content + b"!").hexdigest()) as reader:
        with pytest.raises(IntegrityError):
            read_into(passed, reader, size)
    assert len(b"".join(passed)) < len(content)


def test_checked_reader_of_a_file_that_grew_raises():
    before = hashlib.sha256(b"123").hexdigest()
    with checked(b"12345", size=3, sha256=before) as reader, pytest.raises(IntegrityError):
        reader.read()


def test_checked_reader_of_a_file_that_was_cut_raises_with_its_only_chunk():
    before = hashlib.sha256(b"12345").hexdigest()
    with checked(b"123", size=5, sha256=before) as reader, pytest.raises(IntegrityError):
        reader.read(5)


@given(data=st.data(), content=st.binary(max_size=400))
def test_ordered_digest_is_that_of_the_file_in_whatever_order_its_blocks_come(data, content):
    cuts = sorted(data.draw(st.sets(st.integers(0, len(content)), max_size=8)) | {0, len(content)})
    blocks = list(pairwise(cuts))
    moved: list[int] = []
    with tempfile.TemporaryFile("w+b") as file:
        target = OrderedDigest(file, algorithms=("sha256", "md5"), advance=moved.append)
        for start, end in data.draw(st.permutations(blocks)):
            target.seek(start)
            target.write(content[start:end])
        assert target.digest("sha256") == hashlib.sha256(content).digest()
        assert target.digest("md5") == hashlib.md5(content).digest()
        file.seek(0)
        assert file.read() == content
    assert sum(moved) == len(content)
