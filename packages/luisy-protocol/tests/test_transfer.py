"""Many files at once: verified, bounded, resumable, cancelled without a trace."""

import os
import signal
import subprocess
import sys
import threading

import pytest
from luisy_protocol import (
    Conflict,
    Download,
    FileStore,
    IntegrityError,
    NotFound,
    TransferFailed,
    Unavailable,
    Upload,
    digest_bytes,
    download_all,
    upload_all,
)
from luisy_protocol.testing import FaultyStore, MemoryStore


class Watch:
    """A progress that remembers."""

    def __init__(self):
        self.size = 0
        self.keys = []
        self.lock = threading.Lock()

    def begin(self, title, *, files, size):
        raise AssertionError("the caller begins")

    def advance(self, size):
        with self.lock:
            self.size += size

    def done(self, key):
        self.keys.append(key)

    def end(self):
        raise AssertionError("the caller ends")


@pytest.fixture
def store():
    store = MemoryStore()
    for number in range(20):
        store.write(f"p/{number}", str(number).encode() * 100)
    return store


def downloads(folder, count=20):
    for number in range(count):
        content = digest_bytes(str(number).encode() * 100)
        yield Download(
            f"p/{number}", folder / "p" / str(number), sha256=content.sha256, size=content.size
        )


def names(folder):
    return sorted(path.name for path in folder.rglob("*") if path.is_file())


def test_download_all_puts_each_file_in_place(store, tmp_path):
    watch, finished = Watch(), {}
    download_all(
        store,
        downloads(tmp_path),
        progress=watch,
        done=lambda item, found: finished.update({item.key: found.sha256}),
    )
    assert names(tmp_path) == sorted(map(str, range(20)))
    assert (tmp_path / "p" / "7").read_bytes() == b"7" * 100
    assert sorted(watch.keys) == sorted(finished) == sorted(f"p/{n}" for n in range(20))
    assert watch.size == 100 * 10 + 200 * 10
    assert finished["p/7"] == digest_bytes(b"7" * 100).sha256


def test_upload_all_sends_each_file(store, tmp_path):
    for number in range(10):
        (tmp_path / str(number)).write_bytes(bytes([number]) * 50)
    items = [
        Upload(tmp_path / str(n), f"q/{n}", digest_bytes(bytes([n]) * 50).sha256) for n in range(10)
    ]
    watch, finished = Watch(), []
    upload_all(store, iter(items), progress=watch, done=lambda item, info: finished.append(info))
    assert store.read("q/3")[0] == b"\3" * 50
    assert (
        sorted(info.key for info in finished) == sorted(watch.keys) == [f"q/{n}" for n in range(10)]
    )
    assert watch.size == 500


def test_done_is_called_in_the_callers_thread(store, tmp_path):
    threads = set()
    download_all(store, downloads(tmp_path), done=lambda *_: threads.add(threading.get_ident()))
    assert threads == {threading.get_ident()}


@pytest.mark.parametrize(
    ("wrong", "error"),
    [
        ({"sha256": "0" * 64}, IntegrityError),
        ({"size": 7}, IntegrityError),
        ({"etag": "x"}, Conflict),
    ],
    ids=["digest", "size", "etag"],
)
def test_download_of_another_content_leaves_the_old_file(store, tmp_path, wrong, error):
    (tmp_path / "old").write_bytes(b"old")
    watch = Watch()
    with pytest.raises(TransferFailed) as caught:
        download_all(store, [Download("p/1", tmp_path / "old", **wrong)], progress=watch)
    assert isinstance(caught.value.failures["p/1"], error)
    assert names(tmp_path) == ["old"]
    assert (tmp_path / "old").read_bytes() == b"old"
    assert (watch.size, watch.keys) == (0, [])


def test_download_damaged_on_the_way_is_never_a_file(store, tmp_path):
    with pytest.raises(TransferFailed, match="digest"):
        download_all(FaultyStore(store, damaged={"p/3"}), downloads(tmp_path))
    assert names(tmp_path) == sorted(str(n) for n in range(20) if n != 3)


def test_errors_of_single_files_are_collected_and_the_others_arrive(store, tmp_path):
    store.delete("p/5")

    def fail(operation, key):
        if key == "p/6":
            raise Unavailable("no answer")

    with pytest.raises(TransferFailed) as caught:
        download_all(FaultyStore(store, before=fail), downloads(tmp_path), workers=3)
    assert {key: type(error) for key, error in caught.value.failures.items()} == {
        "p/5": NotFound,
        "p/6": Unavailable,
    }
    assert len(names(tmp_path)) == 18


def test_upload_error_is_collected(store, tmp_path):
    (tmp_path / "a").write_bytes(b"a")
    good = Upload(tmp_path / "a", "q/a", digest_bytes(b"a").sha256)
    with pytest.raises(TransferFailed) as caught:
        upload_all(store, [Upload(tmp_path / "a", "q/b", "0" * 64), good])
    assert list(caught.value.failures) == ["q/b"]
    assert store.read("q/a")[0] == b"a"


def test_interrupted_file_takes_its_progress_back(store, tmp_path):
    def interrupt(operation, key, moved):
        if key == "p/2":
            raise Unavailable("cut")

    watch = Watch()
    with pytest.raises(TransferFailed):
        download_all(FaultyStore(store, moved=interrupt), downloads(tmp_path, 5), progress=watch)
    assert watch.size == 400


def test_items_are_taken_only_as_needed(store, tmp_path):
    taken = 0
    most = 0
    finished = 0

    def items():
        nonlocal taken, most
        for item in downloads(tmp_path):
            taken += 1
            most = max(most, taken - finished)
            yield item

    def done(item, found):
        nonlocal finished
        finished += 1

    download_all(store, items(), workers=2, done=done)
    assert taken == 20
    assert most <= 4


def test_no_more_than_the_workers_travel_at_once(store, tmp_path):
    lock = threading.Lock()
    travelling = most = 0
    barrier = threading.Barrier(3)

    def start(operation, key):
        nonlocal travelling, most
        with lock:
            travelling += 1
            most = max(most, travelling)
        barrier.wait(timeout=120)  # all three must be here together

    def stop(operation, key, moved):
        nonlocal travelling
        with lock:
            travelling -= 1

    faulty = FaultyStore(store, before=start, moved=stop)
    download_all(faulty, downloads(tmp_path, 18), workers=3)
    assert most == 3


class Stop(Exception):
    pass


@pytest.mark.parametrize("error", [Stop, KeyboardInterrupt, OSError], ids=lambda e: e.__name__)
@pytest.mark.parametrize("where", ["done", "progress", "items"])
def test_any_other_exception_stops_the_batch_without_a_trace(store, tmp_path, where, error):
    def fail(*_):
        raise error("stop")

    def items():
        for number, item in enumerate(downloads(tmp_path)):
            if where == "items" and number == 6:
                fail()
            yield item

    watch = Watch()
    if where == "progress":
        watch.done = fail
    with pytest.raises(error, match="stop"):
        download_all(
            store, items(), workers=2, progress=watch, done=fail if where == "done" else None
        )
    assert not [name for name in names(tmp_path) if name.startswith(".")]
    assert store.requests["download"] < 12


def test_stopping_cancels_what_travels_at_its_next_chunk(tmp_path):
    store = MemoryStore()
    store.write("small", b"")
    size = 60_000_000  # many chunks: some pass before the other thread is heard
    store.write("large", b"x" * size)
    started, stopped = threading.Event(), threading.Event()
    seen = []

    def watch_large(operation, key, moved):
        if key == "large":
            seen.append(moved)
            started.set()
            assert stopped.wait(timeout=120)
            threading.Event().wait(0.01)  # on a slow line, else all may pass

    class StopOnSmall(Watch):
        def done(self, key):
            assert started.wait(timeout=120)
            threading.Timer(0, stopped.set).start()
            raise Stop

    items = [Download("large", tmp_path / "large"), Download("small", tmp_path / "small")]
    with pytest.raises(Stop):
        download_all(FaultyStore(store, moved=watch_large), items, progress=StopOnSmall())
    assert names(tmp_path) in (["small"], [])
    assert seen[-1] < size


def test_leftovers_of_a_dead_run_are_removed_and_those_of_a_living_one_are_not(store, tmp_path):
    from luisy_protocol.temporary import temporary_beside

    (tmp_path / "p").mkdir()
    living = temporary_beside(tmp_path / "p" / "1")
    living.write_bytes(b"half")
    pid = os.fork()
    if pid == 0:
        temporary_beside(tmp_path / "p" / "1").write_bytes(b"half")
        os._exit(0)
    os.waitpid(pid, 0)
    assert len(names(tmp_path)) == 2
    download_all(store, downloads(tmp_path, 1))
    assert names(tmp_path) == [living.name, "0"]


def test_download_where_a_folder_is_fails_and_leaves_it(store, tmp_path):
    (tmp_path / "folder" / "sub").mkdir(parents=True)
    with pytest.raises(TransferFailed):
        download_all(store, [Download("p/1", tmp_path / "folder")])
    assert names(tmp_path) == []


SCRIPT = """
import os
import sys
import threading
from pathlib import Path
from luisy_protocol import Download, FileStore, download_all
from luisy_protocol.testing import FaultyStore
def moved(operation, key, size):
    os.write(1, b"moving\\n")
    os.read(0, 1)  # stands still until the signal was sent
    threading.Event().wait(0.05)
root, target = Path(sys.argv[1]), Path(sys.argv[2])
store = FaultyStore(FileStore(root), moved=moved)
download_all(store, [Download(f"p/{n}", target / str(n)) for n in range(4)], workers=2)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL], ids=["ctrl-c", "kill"])
def test_process_that_is_stopped_leaves_no_file_under_its_name(tmp_path, number):
    store, target = FileStore(tmp_path / "store"), tmp_path / "target"
    content = b"x" * 30_000_000
    for n in range(4):
        store.write(f"p/{n}", content)
    process = subprocess.Popen(
        [sys.executable, "-c", SCRIPT, str(tmp_path / "store"), str(target)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout.readline() == b"moving\n"
    process.send_signal(number)
    process.communicate()
    assert process.returncode != 0
    visible = [name for name in names(target) if not name.startswith(".")]
    assert visible == []
    if number == signal.SIGINT:
        assert names(target) == []
    download_all(store, [Download(f"p/{n}", target / str(n)) for n in range(4)])
    assert names(target) == ["0", "1", "2", "3"]
