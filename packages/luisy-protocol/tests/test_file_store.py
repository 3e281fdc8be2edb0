"""The store in a directory: the conformance suite, and what is its own."""

import os
import pickle
import stat
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol import (
    ConfigurationError,
    Conflict,
    FileStore,
    InvalidKey,
    NotFound,
    NotSupported,
    digest_file,
)
from luisy_protocol.file_store import RESERVED, open_file_store
from luisy_protocol.testing import StoreConformance


class TestFileStore(StoreConformance):
    @pytest.fixture
    def opener(self, tmp_path):
        return partial(FileStore, tmp_path / "store")


@pytest.fixture
def root(tmp_path):
    return tmp_path / "store"


@pytest.fixture
def store(root):
    return FileStore(root)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def keys(store, prefix=""):
    return [info.key for info in store.list(prefix)]


def test_object_is_a_plain_file_of_its_name(store, root):
    store.write("p/raw/a.csv", b"1")
    assert (root / "p" / "raw" / "a.csv").read_bytes() == b"1"


def test_file_put_there_by_hand_is_an_object(store, root, tmp_path):
    (root / "p").mkdir(parents=True)
    (root / "p" / "by hand.csv").write_bytes(b"1")
    assert keys(store) == ["p/by hand.csv"]
    assert store.read("p/by hand.csv")[0] == b"1"
    info = store.stat("p/by hand.csv")
    store.write("p/by hand.csv", b"2", if_match=info.etag)
    assert store.download("p/by hand.csv", tmp_path / "x").info.size == 1


def test_file_with_a_name_that_is_no_key_is_not_listed(store, root):
    root.mkdir()
    (root / "a\nb").touch()
    (root / "back\\slash").touch()
    (root / os.fsdecode(b"\xff")).touch()
    (root / "good").touch()
    assert keys(store) == ["good"]


@pytest.mark.parametrize(
    "key",
    [
        f"{RESERVED}/a",
        RESERVED,
        ".Luisy-Store/locks/00.lock",
        "p/.luisy-01234567-1-0123456789abcdef.part",
    ],
)
def test_reserved_name_is_no_key(store, key):
    with pytest.raises(InvalidKey, match="itself"):
        store.write(key, b"")
    with pytest.raises(InvalidKey):
        store.delete(key)


def test_reserved_folder_is_not_listed_by_any_prefix(store):
    store.write("a", b"")
    assert keys(store) == keys(store, "a") == ["a"]
    assert keys(store, ".") == keys(store, RESERVED) == keys(store, f"{RESERVED}/") == []


def test_nothing_is_left_beside_the_objects(store, root, tmp_path):
    (tmp_path / "source").write_bytes(b"1")
    store.upload(tmp_path / "source", "p/a", sha256=digest_file(tmp_path / "source").sha256)
    store.write("p/b", b"")
    assert names(root / RESERVED / "incoming") == []
    assert names(root / "p") == ["a", "b"]


def test_leftover_of_a_dead_writer_is_removed_by_the_next(store, root):
    store.write("a", b"")
    pid = os.fork()
    if pid == 0:
        from luisy_protocol.temporary import temporary_beside

        temporary_beside(root / RESERVED / "incoming" / "x").write_bytes(b"half")
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(names(root / RESERVED / "incoming")) == 1
    store.write("a", b"")
    assert names(root / RESERVED / "incoming") == []


def test_number_of_lock_files_is_bounded(store, root):
    for number in range(600):
        store.write(str(number), b"")
    assert len(names(root / RESERVED / "locks")) <= 256


@pytest.mark.parametrize("operation", ["read", "write", "delete", "stat"])
@pytest.mark.parametrize("key", ["link/a", "link", "file", "inside/a"])
def test_symbolic_link_is_not_followed(store, root, tmp_path, operation, key):
    store.write("real/a", b"1")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a").write_bytes(b"secret")
    (root / "link").symlink_to(outside)
    (root / "file").symlink_to(outside / "a")
    (root / "inside").symlink_to(root / "real")
    arguments = (key, b"evil") if operation == "write" else (key,)
    with pytest.raises(InvalidKey, match="symbolic link"):
        getattr(store, operation)(*arguments)
    assert (outside / "a").read_bytes() == b"secret"
    assert keys(store) == keys(store, "r") == ["real/a"]
    assert keys(store, "link/") == keys(store, "inside/") == []


def test_root_that_is_a_link_is_fine(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    FileStore(tmp_path / "link").write("a", b"1")
    assert keys(FileStore(tmp_path / "real")) == ["a"]


def test_root_that_is_absent_is_an_empty_store_until_the_first_write(store, root):
    assert keys(store) == []
    with pytest.raises(NotFound):
        store.read("a")
    store.delete("a")
    assert not root.exists()
    store.write("a", b"1")
    assert keys(store) == ["a"]


@pytest.mark.parametrize("operation", ["list", "read", "write", "delete"])
def test_root_whose_parent_is_absent_is_named_and_not_made(tmp_path, operation):
    store = FileStore(tmp_path / "unmounted" / "store")
    with pytest.raises(ConfigurationError, match=r"unmounted/store does not exist.*mount"):
        {
            "list": lambda: list(store.list()),
            "read": lambda: store.read("a"),
            "write": lambda: store.write("a", b""),
            "delete": lambda: store.delete("a"),
        }[operation]()
    assert not (tmp_path / "unmounted").exists()


def test_root_that_is_a_file_is_refused(root, store):
    root.write_text("")
    with pytest.raises(ConfigurationError, match="file"):
        list(store.list())


def test_root_that_is_relative_is_refused():
    with pytest.raises(ConfigurationError, match="absolute"):
        FileStore("store")


def test_write_below_an_object_is_not_supported(store):
    store.write("p/a", b"1")
    with pytest.raises(NotSupported):
        store.write("p/a/b", b"2")
    assert store.read("p/a")[0] == b"1"


def test_write_where_a_folder_is_is_not_supported(store):
    store.write("p/a/b", b"1")
    with pytest.raises(NotSupported):
        store.write("p/a", b"2")
    assert keys(store) == ["p/a/b"]


def test_delete_in_a_folder_that_was_never_written_to_removes_the_file(store, root):
    (root / "p").mkdir(parents=True)
    (root / "p/a").write_bytes(b"put there by hand")
    store.delete("p/a")
    assert list(store.list()) == []


def test_delete_of_the_last_object_removes_its_folders(store, root):
    store.write("p/raw/deep/a", b"")
    store.write("p/b", b"")
    store.delete("p/raw/deep/a")
    assert names(root / "p") == ["b"]
    store.delete("p/b")
    assert root.is_dir()


@given(st.lists(st.integers(-(10**9), 10**9), min_size=1, max_size=5))
def test_etag_differs_even_when_the_clock_is_behind(tmp_path_factory, shifts):
    root = tmp_path_factory.mktemp("store")
    store = FileStore(root)
    etags = {store.write("a", b"1").etag}
    for shift in shifts:
        old = (root / "a").stat().st_mtime_ns
        os.utime(
            root / "a", ns=(old + abs(shift),) * 2
        )  # as if written by a host with another clock
        etags.add(store.stat("a").etag)
        before = len(etags)
        behind = (root / "a").stat().st_mtime_ns
        etags.add(store.write("a", b"2").etag)
        assert len(etags) == before + 1
        assert (root / "a").stat().st_mtime_ns > behind


def test_read_of_a_file_that_is_written_over_by_hand_raises_conflict(store, root, tmp_path):
    store.write("a", b"1" * 3_000_000)

    def write_over(size):
        (root / "a").write_bytes(b"2" * 3_000_000)

    with pytest.raises(Conflict, match="changed"):
        store.download("a", tmp_path / "target", advance=write_over)


def test_pipe_is_no_object(store, root):
    root.mkdir()
    os.mkfifo(root / "pipe")
    assert keys(store) == []
    with pytest.raises(NotFound):
        store.read("pipe")


def test_new_files_and_folders_take_the_permissions_of_the_folder_above(store, root, tmp_path):
    root.mkdir()
    root.chmod(0o2770)
    (tmp_path / "source").write_bytes(b"1")
    store.upload(tmp_path / "source", "p/raw/a", sha256=digest_file(tmp_path / "source").sha256)
    assert stat.S_IMODE((root / "p" / "raw").stat().st_mode) == 0o2770
    assert stat.S_IMODE((root / RESERVED / "locks").stat().st_mode) == 0o2770
    assert stat.S_IMODE((root / "p" / "raw" / "a").stat().st_mode) == 0o660
    (lock,) = (root / RESERVED / "locks").iterdir()
    assert stat.S_IMODE(lock.stat().st_mode) == 0o660


def test_store_when_pickled_is_the_same_place(store):
    store.write("a", b"1")
    assert pickle.loads(pickle.dumps(store)).read("a")[0] == b"1"


@pytest.mark.parametrize("name", ["plain", "with space", "Grüße", "per%20cent", "hash#mark?"])
def test_url_leads_back_to_the_same_folder(tmp_path, name):
    store = FileStore(tmp_path / name)
    assert open_file_store(store.url).root == tmp_path / name


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("file://host/share", "file:///host/share"),
        ("file://", "not the URL of a folder"),
        ("file:///a?b=c", "not the URL of a folder"),
        ("file:///a#b", "not the URL of a folder"),
    ],
)
def test_open_file_store_refuses_and_says_why(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_file_store(url)
