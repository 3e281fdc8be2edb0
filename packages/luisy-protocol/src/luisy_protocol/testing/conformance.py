"""What every store must do, as tests.

Run it on a store of your own::

    from luisy_protocol.testing import StoreConformance

    class TestMyStore(StoreConformance):
        @pytest.fixture
        def opener(self, my_server):
            return functools.partial(MyStore, my_server.url)

The fixture returns a callable that opens a store on the same, initially empty, place each time. The
tests with several processes call it in each of them, so it must be picklable: a class, a function
of a module, or a `functools.partial` of one. A store that lives in one process sets ``processes =
False``; then these tests use threads.
"""

# ruff: noqa: D102, S101 - these are tests

from __future__ import annotations

import hashlib
import multiprocessing
import os
import tracemalloc
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from typing import ClassVar, TypeAlias

import pytest

from luisy_protocol.errors import (
    Conflict,
    IntegrityError,
    InvalidKey,
    NotFound,
    NotSupported,
)
from luisy_protocol.store import ObjectInfo, Store

Opener: TypeAlias = Callable[[], Store]

INVALID_KEYS = [
    "",
    "/a",
    "a/",
    "a//b",
    ".",
    "..",
    "a/../b",
    "../a",
    "a/./b",
    "a\\b",
    "a\0b",
    "a\nb",
    "C:/a",
    "\ud800",
    "a" * 256,
    "a/" * 600 + "a",
]
UNUSUAL_KEYS = [
    "Grüße/日本語/🦊.csv",
    "with space/a b.txt",
    "signs/a+b=c&d#e,f;g@h!i$j'k(l)m[n]{o}~p^q`r.txt",
    "percent/a%20b%2Fc.txt",
    "question/what.txt?x=1",
    ".hidden/.file",
    "dots/a..b/...",
    "long/" + "x" * 200,
]


class _Stop(Exception):
    """What a caller raises to cancel a transfer."""


class StoreConformance:
    """The promises of `luisy_protocol.store.Store`. Subclass it and define the fixture `opener`.

    Attributes:
        processes: Whether several processes can open the same place.
        large: The size in bytes of the file that must not pass through memory as a whole.
    """

    processes: ClassVar[bool] = True
    large: ClassVar[int] = 24 * 1024 * 1024

    @pytest.fixture
    def store(self, opener: Opener) -> Iterator[Store]:
        """Open the store, and close it after the test."""
        store = opener()
        yield store
        store.close()

    # What it is

    def test_store_when_opened_fulfils_the_protocol(self, store: Store) -> None:
        assert isinstance(store, Store)
        assert "://" in store.url
        assert isinstance(store.has_compare_and_swap, bool)

    # Objects whole

    @pytest.mark.parametrize("content", [b"", b"\0", b"text\r\n", bytes(range(256)) * 1000])
    def test_read_after_write_returns_the_bytes(self, store: Store, content: bytes) -> None:
        written = store.write("p/a.bin", content)
        read, info = store.read("p/a.bin")
        assert read == content
        assert _facts(info) == _facts(written) == _facts(store.stat("p/a.bin"))
        assert info.key == "p/a.bin"
        assert info.size == len(content)

    def test_write_when_object_is_there_replaces_it(self, store: Store) -> None:
        store.write("p/a", b"old and longer")
        store.write("p/a", b"new")
        assert store.read("p/a")[0] == b"new"

    @pytest.mark.parametrize("size", [0, 1, 3_000_000])
    def test_download_after_upload_returns_the_bytes(
        self, store: Store, tmp_path: Path, size: int
    ) -> None:
        source, sha256 = _file(tmp_path / "source", size)
        info = store.upload(source, "p/raw/a.bin", sha256=sha256)
        target = tmp_path / "target"
        found = store.download("p/raw/a.bin", target)
        assert target.read_bytes() == source.read_bytes()
        assert found.sha256 == sha256
        assert _facts(found.info) == _facts(info) == _facts(store.stat("p/raw/a.bin"))
        assert info.size == size

    def test_upload_when_object_is_there_replaces_it(self, store: Store, tmp_path: Path) -> None:
        old = store.write("p/a", b"old")
        source, sha256 = _file(tmp_path / "source", 3)
        new = store.upload(source, "p/a", sha256=sha256)
        assert new.etag != old.etag
        assert store.read("p/a")[0] == source.read_bytes()

    def test_download_when_path_has_content_replaces_all_of_it(
        self, store: Store, tmp_path: Path
    ) -> None:
        store.write("p/a", b"new")
        target = tmp_path / "target"
        target.write_bytes(b"old and longer")
        store.download("p/a", target)
        assert target.read_bytes() == b"new"

    def test_sha256_when_told_is_that_of_the_content(self, store: Store, tmp_path: Path) -> None:
        source, sha256 = _file(tmp_path / "source", 1000)
        store.upload(source, "p/a", sha256=sha256)
        told = {store.stat("p/a").sha256, *(info.sha256 for info in store.list("p/"))}
        assert told <= {sha256, None}

    def test_modified_when_told_has_a_time_zone(self, store: Store) -> None:
        modified = store.write("p/a", b"1").modified
        assert modified is None or modified.tzinfo is not None

    def test_upload_of_a_changed_file_raises_and_keeps_the_old_object(
        self, store: Store, tmp_path: Path
    ) -> None:
        old = store.write("p/a", b"old")
        source, _ = _file(tmp_path / "source", 1000)
        with pytest.raises(IntegrityError):
            store.upload(source, "p/a", sha256="0" * 64)
        assert store.read("p/a")[0] == b"old"
        assert store.stat("p/a").etag == old.etag

    def test_upload_of_a_changed_file_makes_no_object(self, store: Store, tmp_path: Path) -> None:
        source, _ = _file(tmp_path / "source", 1000)
        with pytest.raises(IntegrityError):
            store.upload(source, "p/a", sha256="0" * 64)
        assert [info.key for info in store.list()] == []

    # Etags and conditions

    def test_etag_when_content_changes_to_the_same_size_changes(self, store: Store) -> None:
        etags = [store.write("p/a", bytes([number])).etag for number in range(20)]
        assert len(set(etags)) == 20

    def test_write_if_absent_when_absent_writes(self, store: Store) -> None:
        _needs_conditions(store)
        store.write("p/a", b"1", if_absent=True)
        assert store.read("p/a")[0] == b"1"

    def test_write_if_absent_when_present_raises_conflict(self, store: Store) -> None:
        _needs_conditions(store)
        store.write("p/a", b"1")
        with pytest.raises(Conflict):
            store.write("p/a", b"2", if_absent=True)
        assert store.read("p/a")[0] == b"1"

    def test_write_if_match_when_unchanged_writes(self, store: Store) -> None:
        _needs_conditions(store)
        store.write("p/a", b"1")
        _, info = store.read("p/a")
        store.write("p/a", b"2", if_match=info.etag)
        assert store.read("p/a")[0] == b"2"

    def test_write_if_match_when_changed_raises_conflict(self, store: Store) -> None:
        _needs_conditions(store)
        old = store.write("p/a", b"1")
        store.write("p/a", b"2")
        with pytest.raises(Conflict):
            store.write("p/a", b"3", if_match=old.etag)
        assert store.read("p/a")[0] == b"2"

    def test_write_if_match_when_deleted_raises_conflict(self, store: Store) -> None:
        _needs_conditions(store)
        old = store.write("p/a", b"1")
        store.delete("p/a")
        with pytest.raises(Conflict):
            store.write("p/a", b"2", if_match=old.etag)
        assert [info.key for info in store.list()] == []

    @pytest.mark.parametrize("condition", [{"if_match": "x"}, {"if_absent": True}], ids=str)
    def test_write_with_a_condition_when_not_supported_raises(
        self, store: Store, condition: dict[str, str]
    ) -> None:
        if store.has_compare_and_swap:
            pytest.skip("this store has compare-and-swap")
        with pytest.raises(NotSupported):
            store.write("p/a", b"1", **condition)  # type: ignore[arg-type]
        assert [info.key for info in store.list()] == []

    def test_download_if_match_when_unchanged_downloads(self, store: Store, tmp_path: Path) -> None:
        info = store.write("p/a", b"1")
        store.download("p/a", tmp_path / "target", if_match=info.etag)
        assert (tmp_path / "target").read_bytes() == b"1"

    def test_download_if_match_when_changed_raises_conflict(
        self, store: Store, tmp_path: Path
    ) -> None:
        old = store.write("p/a", b"1")
        store.write("p/a", b"2")
        with pytest.raises(Conflict):
            store.download("p/a", tmp_path / "target", if_match=old.etag)

    # Several writers

    def test_write_if_match_by_several_writers_loses_no_increment(self, opener: Opener) -> None:
        store = opener()
        _needs_conditions(store)
        store.write("p/counter", b"0")
        with self._pool(4) as pool:
            list(pool.map(_increment, [opener] * 4, [10] * 4))
        assert store.read("p/counter")[0] == b"40"
        store.close()

    def test_write_if_absent_by_several_writers_succeeds_once(self, opener: Opener) -> None:
        store = opener()
        _needs_conditions(store)
        with self._pool(4) as pool:
            won = sum(pool.map(_create, [opener] * 8, range(8)))
        assert won == 1
        store.close()

    def test_read_while_others_write_never_sees_half_an_object(self, opener: Opener) -> None:
        store = opener()
        store.write("p/a", b"0" * 200_000)
        with self._pool(3) as pool:
            writing = [pool.submit(_overwrite, opener, digit, 15) for digit in ("1", "2", "3")]
            while not all(future.done() for future in writing):
                content, info = store.read("p/a")
                assert len(content) == info.size == 200_000
                assert len(set(content)) == 1
            for future in writing:
                future.result()
        store.close()

    def test_store_when_used_by_threads_moves_each_object(
        self, store: Store, tmp_path: Path
    ) -> None:
        def there_and_back(number: int) -> bool:
            source, sha256 = _file(tmp_path / f"source{number}", 50_000 + number)
            store.upload(source, f"p/{number}", sha256=sha256)
            return store.download(f"p/{number}", tmp_path / f"target{number}").sha256 == sha256

        with ThreadPoolExecutor(8) as pool:
            assert all(pool.map(there_and_back, range(24)))
        assert sum(1 for _ in store.list("p/")) == 24

    # What is there

    def test_list_when_empty_yields_nothing(self, store: Store) -> None:
        assert list(store.list()) == []
        assert list(store.list("p/")) == []

    def test_list_yields_keys_sorted_across_folders(self, store: Store) -> None:
        keys = ["a-b", "a/b", "a/c/d", "a/c-d", "a0", "b", "B", "a.b", "a/cc", "ä"]
        for key in keys:
            store.write(key, b"")
        assert [info.key for info in store.list()] == sorted(keys)

    @pytest.mark.parametrize(
        "prefix", ["", "p", "p/", "p/ra", "p/raw/", "p/raw/x", "q/", "p/raw/a/b"]
    )
    def test_list_takes_the_prefix_as_plain_text(self, store: Store, prefix: str) -> None:
        keys = ["p/raw/a", "p/raw/x1", "p/raw/x/2", "p/rare", "p2/raw/a", "pq", "o"]
        for key in keys:
            store.write(key, b"")
        expected = sorted(key for key in keys if key.startswith(prefix))
        assert [info.key for info in store.list(prefix)] == expected

    def test_list_of_more_than_a_page_yields_each_once(self, opener: Opener) -> None:
        keys = [f"p/{number % 7}/{number:05}" for number in range(1100)]
        store = opener()
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(lambda key: store.write(key, b""), keys))
        assert [info.key for info in store.list("p/")] == sorted(keys)
        store.close()

    def test_list_tells_the_same_as_stat(self, store: Store) -> None:
        for number in range(5):
            store.write(f"p/{number}", b"x" * number)
        assert [_facts(info) for info in store.list("p/")] == [
            _facts(store.stat(f"p/{number}")) for number in range(5)
        ]

    # Keys

    @pytest.mark.parametrize("key", UNUSUAL_KEYS)
    def test_unusual_key_survives_the_round_trip(
        self, store: Store, tmp_path: Path, key: str
    ) -> None:
        source, sha256 = _file(tmp_path / "source", 10)
        store.upload(source, key, sha256=sha256)
        assert [info.key for info in store.list()] == [key]
        assert [info.key for info in store.list(key[:-1])] == [key]
        assert store.stat(key).size == 10
        assert store.download(key, tmp_path / "target").sha256 == sha256
        store.delete(key)
        assert list(store.list()) == []

    @pytest.mark.parametrize("key", INVALID_KEYS, ids=lambda key: ascii(key)[:20])
    def test_invalid_key_is_refused_by_every_operation(
        self, store: Store, tmp_path: Path, key: str
    ) -> None:
        source, sha256 = _file(tmp_path / "source", 10)
        for operation in (
            lambda: store.stat(key),
            lambda: store.read(key),
            lambda: store.write(key, b""),
            lambda: store.download(key, tmp_path / "target"),
            lambda: store.upload(source, key, sha256=sha256),
            lambda: store.delete(key),
        ):
            with pytest.raises(InvalidKey):
                operation()
        assert not (tmp_path / "target").exists()

    @pytest.mark.parametrize("prefix", ["/", "../", "a/../", "a//b", "a\\", "a\0"])
    def test_invalid_prefix_is_refused(self, store: Store, prefix: str) -> None:
        with pytest.raises(InvalidKey):
            list(store.list(prefix))

    # Errors

    @pytest.mark.parametrize("key", ["absent", "there/absent", "there/a/below"])
    def test_absent_object_raises_not_found(self, store: Store, tmp_path: Path, key: str) -> None:
        store.write("there/a", b"1")
        for operation in (
            lambda: store.stat(key),
            lambda: store.read(key),
            lambda: store.download(key, tmp_path / "target"),
        ):
            with pytest.raises(NotFound):
                operation()

    def test_folder_of_objects_is_no_object(self, store: Store) -> None:
        store.write("p/raw/a", b"1")
        with pytest.raises(NotFound):
            store.stat("p/raw")
        store.delete("p/raw")
        assert [info.key for info in store.list()] == ["p/raw/a"]

    def test_upload_of_an_absent_file_raises_not_found(self, store: Store, tmp_path: Path) -> None:
        with pytest.raises(NotFound):
            store.upload(tmp_path / "absent", "p/a", sha256="0" * 64)
        assert list(store.list()) == []

    def test_delete_removes_only_that_object(self, store: Store) -> None:
        store.write("p/a", b"1")
        store.write("p/b", b"2")
        store.delete("p/a")
        assert [info.key for info in store.list()] == ["p/b"]

    def test_delete_of_an_absent_object_is_fine(self, store: Store) -> None:
        store.delete("p/absent")
        store.write("p/a", b"1")
        store.delete("p/a")
        store.delete("p/a")
        assert list(store.list()) == []

    def test_write_after_delete_makes_the_object_again(self, store: Store) -> None:
        store.write("p/q/a", b"1")
        store.delete("p/q/a")
        store.write("p/q/a", b"2")
        assert store.read("p/q/a")[0] == b"2"

    # Progress and cancelling

    def test_advance_when_told_sums_up_to_the_size(self, store: Store, tmp_path: Path) -> None:
        source, sha256 = _file(tmp_path / "source", 3_000_000)
        up: list[int] = []
        down: list[int] = []
        store.upload(source, "p/a", sha256=sha256, advance=up.append)
        store.download("p/a", tmp_path / "target", advance=down.append)
        assert sum(up) == sum(down) == 3_000_000

    @pytest.mark.parametrize("error", [_Stop, KeyboardInterrupt, OSError], ids=lambda e: e.__name__)
    def test_upload_when_advance_raises_keeps_the_old_object(
        self, store: Store, tmp_path: Path, error: type[BaseException]
    ) -> None:
        old = store.write("p/a", b"old")
        source, sha256 = _file(tmp_path / "source", 3_000_000)
        with pytest.raises(error):
            store.upload(source, "p/a", sha256=sha256, advance=_raiser(error))
        assert store.read("p/a")[0] == b"old"
        assert [info.etag for info in store.list()] == [old.etag]

    @pytest.mark.parametrize("error", [_Stop, KeyboardInterrupt, OSError], ids=lambda e: e.__name__)
    def test_download_when_advance_raises_lets_it_pass(
        self, store: Store, tmp_path: Path, error: type[BaseException]
    ) -> None:
        source, sha256 = _file(tmp_path / "source", 3_000_000)
        store.upload(source, "p/a", sha256=sha256)
        with pytest.raises(error):
            store.download("p/a", tmp_path / "target", advance=_raiser(error))
        assert store.download("p/a", tmp_path / "target").sha256 == sha256

    def test_upload_by_a_process_that_dies_keeps_the_old_object(
        self, opener: Opener, tmp_path: Path
    ) -> None:
        if not self.processes:
            pytest.skip("this store lives in one process")
        store = opener()
        store.write("p/a", b"old")
        source, sha256 = _file(tmp_path / "source", 3_000_000)
        process = multiprocessing.get_context("spawn").Process(
            target=_die_in_upload, args=(opener, source, sha256)
        )
        process.start()
        process.join()
        assert process.exitcode == 17
        assert store.read("p/a")[0] == b"old"
        assert [info.key for info in store.list()] == ["p/a"]
        store.upload(source, "p/a", sha256=sha256)
        assert store.stat("p/a").size == 3_000_000
        store.close()

    def test_transfer_of_a_large_file_needs_little_memory(
        self, store: Store, tmp_path: Path
    ) -> None:
        if not self.processes:
            pytest.skip("this store holds its objects in memory")
        source, sha256 = _file(tmp_path / "source", self.large)
        tracemalloc.start()
        store.upload(source, "p/a", sha256=sha256)
        assert store.download("p/a", tmp_path / "target").sha256 == sha256
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        assert peak < self.large

    def _pool(self, workers: int) -> Executor:
        if self.processes:
            return ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn"))
        return ThreadPoolExecutor(workers)


def _facts(info: ObjectInfo) -> tuple[str, int, str]:
    return info.key, info.size, info.etag


def _file(path: Path, size: int) -> tuple[Path, str]:
    """Make a file of random bytes, and return it with its digest."""
    content = os.urandom(min(size, 1 << 20)) * (size // (1 << 20) + 1)
    path.write_bytes(content[:size])
    return path, hashlib.sha256(content[:size]).hexdigest()


def _needs_conditions(store: Store) -> None:
    if not store.has_compare_and_swap:
        pytest.skip("this store has no compare-and-swap")


def _raiser(error: type[BaseException]) -> Callable[[int], None]:
    def advance(size: int) -> None:
        raise error(f"stop after {size} bytes")

    return advance


def _increment(opener: Opener, times: int) -> None:
    store = opener()
    for _ in range(times):
        while True:
            content, info = store.read("p/counter")
            try:
                store.write("p/counter", str(int(content) + 1).encode(), if_match=info.etag)
            except Conflict:
                continue
            break
    store.close()


def _create(opener: Opener, number: int) -> bool:
    store = opener()
    try:
        store.write("p/once", str(number).encode(), if_absent=True)
    except Conflict:
        return False
    finally:
        store.close()
    return True


def _overwrite(opener: Opener, digit: str, times: int) -> None:
    store = opener()
    for _ in range(times):
        store.write("p/a", digit.encode() * 200_000)
    store.close()


def _die_in_upload(opener: Opener, source: Path, sha256: str) -> None:
    opener().upload(source, "p/a", sha256=sha256, advance=lambda _: os._exit(17))
