from __future__ import annotations

import errno
import hashlib
import io
import itertools
import os
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event, Thread

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_cloud.streams import CheckedReader, CheckedWriter, in_order
from luisy_protocol.errors import IntegrityError, LuisyError, Unavailable


@contextmanager
def checked(content: bytes, **options) -> Iterator[CheckedReader]:
    with tempfile.TemporaryFile("w+b") as file:
        file.write(content)
        file.seek(0)
        yield CheckedReader(file, **{"size": len(content), **options})


def read_into(passed: list[bytes], reader: CheckedReader, size: int) -> None:
    while chunk := reader.read(size):
        passed.append(chunk)


def fill_into(passed: list[bytes], reader: CheckedReader, size: int) -> None:
    memory = memoryview(bytearray(size))
    while chunk := reader.readinto(memory):
        passed.append(bytes(chunk))


either_way = pytest.mark.parametrize("read", [read_into, fill_into], ids=["read", "readinto"])


@either_way
@given(content=st.binary(max_size=300), size=st.integers(1, 50))
def test_checked_reader_passes_the_bytes_and_takes_the_md5(read, content, size):
    moved: list[int] = []
    passed: list[bytes] = []
    with checked(
        content, sha256=hashlib.sha256(content).hexdigest(), advance=moved.append
    ) as reader:
        read(passed, reader, size)
        assert bytes(reader.md5) == hashlib.md5(content).digest()
    assert b"".join(passed) == content
    assert sum(moved) == len(content)


@either_way
@given(content=st.binary(min_size=1, max_size=300), size=st.integers(1, 400))
def test_checked_reader_of_another_file_raises_before_its_last_chunk_is_out(read, content, size):
    passed: list[bytes] = []
    with checked(content, sha256=hashlib.sha256(content + b"!").hexdigest()) as reader:
        with pytest.raises(IntegrityError):
            read(passed, reader, size)
    assert len(b"".join(passed)) < len(content)


def test_checked_reader_of_a_file_that_grew_raises():
    before = hashlib.sha256(b"123").hexdigest()
    with checked(b"12345", size=3, sha256=before) as reader, pytest.raises(IntegrityError):
        reader.read()


def test_checked_reader_of_a_file_that_was_cut_raises_with_its_only_chunk():
    before = hashlib.sha256(b"12345").hexdigest()
    with checked(b"123", size=5, sha256=before) as reader, pytest.raises(IntegrityError):
        reader.read(5)


@contextmanager
def writer(*, size: int, md5: bytes | None = None) -> Iterator[CheckedWriter]:
    with tempfile.TemporaryFile("w+b", buffering=0) as file:
        yield CheckedWriter(file, key="p/a", size=size, md5=md5)


@given(
    content=st.binary(max_size=300),
    cuts=st.lists(st.integers(0, 300), max_size=5),
    piece=st.integers(1, 50),
    order=st.randoms(),
    has_md5=st.booleans(),
)
def test_checked_writer_takes_parts_in_any_order_and_their_sha256(
    content, cuts, piece, order, has_md5
):
    md5 = hashlib.md5(content).digest() if has_md5 else None
    ends = [*sorted(min(cut, len(content)) for cut in cuts), len(content)]
    parts = list(itertools.pairwise(ends))
    moved: list[int] = []
    with (
        tempfile.TemporaryDirectory() as folder,
        Path(folder, "x").open("w+b", buffering=0) as file,
    ):
        written = CheckedWriter(file, key="p/a", size=len(content), md5=md5, advance=moved.append)
        written.write(content[: ends[0]])
        for start, end in order.sample(parts, len(parts)):
            pieces = (content[at : min(at + piece, end)] for at in range(start, end, piece))
            written.fill(start, end, pieces)
        for end in ends[1:]:
            written.check(end)
        assert written.finish() == hashlib.sha256(content).hexdigest()
        assert Path(folder, "x").read_bytes() == content
    assert sum(moved) == len(content)


def test_checked_writer_may_be_filled_and_checked_at_the_same_time():
    content, size = os.urandom(64 * 4096), 4096
    with writer(size=len(content)) as written, ThreadPoolExecutor(8) as pool:

        def fill(start: int) -> int:
            end = start + size
            written.fill(start, end, (content[at : at + 64] for at in range(start, end, 64)))
            return end

        for end in pool.map(fill, range(0, len(content), size)):
            written.check(end)
        assert written.finish() == hashlib.sha256(content).hexdigest()


def test_checked_writer_digests_what_the_file_holds(tmp_path):
    with (tmp_path / "x").open("w+b", buffering=0) as file:
        written = CheckedWriter(file, key="p/a", size=3, md5=None)
        written.fill(0, 3, [b"123"])
        (tmp_path / "x").write_bytes(b"1!3")
        written.check(3)
        assert written.finish() == hashlib.sha256(b"1!3").hexdigest()


def test_checked_writer_of_a_file_that_was_cut_raises(tmp_path):
    with (tmp_path / "x").open("w+b", buffering=0) as file:
        written = CheckedWriter(file, key="p/a", size=3, md5=None)
        written.fill(0, 3, [b"123"])
        os.truncate(tmp_path / "x", 1)
        with pytest.raises(IntegrityError, match="was cut"):
            written.check(3)


class Slow(io.FileIO):
    """A file that takes three bytes at a time, as one may that has no buffer."""

    def write(self, content) -> int:
        return super().write(bytes(content[:3]))


def test_checked_writer_writes_what_was_not_taken_at_once(tmp_path):
    written = CheckedWriter(Slow(tmp_path / "x", "w+"), key="p/a", size=14, md5=None)
    written.write(b"1234567")
    written.fill(7, 14, [b"89", b"ABCDE"])
    assert (tmp_path / "x").read_bytes() == b"123456789ABCDE"


@pytest.mark.parametrize(("size", "fault"), [(1, "1 bytes too long"), (3, "1 bytes too short")])
def test_checked_writer_of_another_number_of_bytes_raises(size, fault):
    with writer(size=size) as written:
        written.write(b"12")
        with pytest.raises(Unavailable, match=f"p/a arrived {fault}"):
            written.finish()


@pytest.mark.parametrize(
    ("end", "fault"), [(3, "with more than was asked for"), (5, "1 bytes too short")]
)
def test_checked_writer_of_a_part_of_another_size_raises_and_leaves_its_neighbour(
    tmp_path, end, fault
):
    with (tmp_path / "x").open("w+b", buffering=0) as file:
        written = CheckedWriter(file, key="p/a", size=end + 1, md5=None)
        written.fill(end, end + 1, [b"!"])
        with pytest.raises(Unavailable, match=f"p/a arrived {fault}"):
            written.fill(0, end, [b"12", b"34"])
    assert (tmp_path / "x").read_bytes()[end:] == b"!"


def test_checked_writer_of_bytes_with_another_md5_raises():
    with writer(size=1, md5=hashlib.md5(b"12").digest()) as written:
        written.write(b"1")
        with pytest.raises(IntegrityError, match="p/a"):
            written.finish()


@pytest.mark.parametrize(
    "write", [lambda it: it.write(b"1"), lambda it: it.fill(0, 1, [b"1"])], ids=["write", "fill"]
)
def test_checked_writer_on_a_full_disk_says_so(write):
    with Path("/dev/full").open("wb", buffering=0) as file:
        with pytest.raises(LuisyError, match="the disk is full"):
            write(CheckedWriter(file, key="p/a", size=1, md5=None))


class FullAtLast(io.BytesIO):
    """A file on a network drive that tells only when it is closed that it is full."""

    name = "x"

    def close(self) -> None:
        super().close()
        raise OSError(errno.EDQUOT, "Disk quota exceeded")


def test_checked_writer_on_a_drive_that_is_full_at_last_says_so():
    written = CheckedWriter(FullAtLast(), key="p/a", size=1, md5=None)
    written.write(b"1")
    with pytest.raises(LuisyError, match="cannot write x: the disk is full"):
        written.finish()


@given(numbers=st.lists(st.integers(), max_size=20), at_a_time=st.integers(1, 5))
def test_in_order_yields_the_results_in_the_order_of_the_items(numbers, at_a_time):
    assert list(in_order(str, numbers, at_a_time=at_a_time)) == [str(n) for n in numbers]


def test_in_order_works_ahead_of_a_slow_first_result():
    ahead = Event()

    def work(number: int) -> int:
        if number == 0:
            assert ahead.wait(120)
        if number == 2:
            ahead.set()
        return number

    assert list(in_order(work, range(9), at_a_time=3)) == list(range(9))


def test_in_order_takes_no_more_items_than_it_holds():
    taken: list[int] = []

    def items() -> Iterator[int]:
        for number in range(20):
            taken.append(number)
            yield number

    results = in_order(int, items(), at_a_time=3)
    assert next(results) == 0
    assert taken == [0, 1, 2]
    assert next(results) == 1
    assert taken == [0, 1, 2, 3]
    results.close()


def test_in_order_that_is_closed_waits_for_what_is_under_way_and_begins_no_more():
    is_under_way, may_end = Event(), Event()
    begun: list[int] = []
    ended: list[int] = []

    def work(number: int) -> int:
        begun.append(number)
        if number == 1:
            is_under_way.set()
            assert may_end.wait(120)
        ended.append(number)
        return number

    results = in_order(work, range(9), at_a_time=2)
    assert next(results) == 0
    assert is_under_way.wait(120)
    closer = Thread(target=results.close)
    closer.start()
    may_end.set()
    closer.join()
    assert begun == ended == [0, 1]


def test_in_order_passes_an_error_on_at_its_place():
    def work(number: int) -> float:
        return 1 / number

    results = in_order(work, [1, 0, 2], at_a_time=2)
    assert next(results) == 1
    with pytest.raises(ZeroDivisionError):
        next(results)
