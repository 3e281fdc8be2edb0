"""Records on disk: appended by several processes, torn, malformed, old and mostly garbage."""

import multiprocessing
import os
import pickle
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor

import pytest
from luisy_protocol import AccessDenied, ConfigurationError, LocalRecords, Record
from luisy_protocol.record_log import HEADER, decode, encode, encode_forgotten

LEGACY = b'{"/p/raw/a.csv": "0123456789abcdef0123456789abcdef"}'


def record(name, *, parts=None):
    return Record(f"p/raw/{name}", "1" * 64, "2" * 64, 3, parts=parts or {"m/x.py:f": "4" * 64})


def append_many(path, worker, count):
    records = LocalRecords(path)
    for number in range(count):
        records.append([record(f"{worker}-{number}", parts={"m": str(number % 3)})])
    records.forget([f"p/raw/{worker}-0"])


def append_to_each(folder, barrier, worker):
    for number in range(20):
        barrier.wait(timeout=120)  # all find that there is no file
        LocalRecords(folder / str(number)).append([record(worker)])


def append_and_die(path):
    LocalRecords(path).append([record("dying")])
    with path.open("ab") as file:
        file.write(b'{"key":"p/raw/torn","ha')
        file.flush()
        os._exit(0)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "p" / ".luisy.hash"


@pytest.fixture
def records(path):
    return LocalRecords(path)


def test_read_when_there_is_no_file_returns_nothing(records, path):
    assert dict(records.read().records) == {}
    assert not path.parent.exists()


def test_append_then_read_returns_the_records(records, path):
    records.append([record("a"), record("b")])
    records.append([record("c")])
    found = LocalRecords(path).read()
    assert dict(found.records) == {f"p/raw/{n}": record(n) for n in "abc"}
    assert found.warnings == ()


def test_append_of_the_same_key_replaces_the_record(records):
    records.append([record("a")])
    newer = Record("p/raw/a", "9" * 64, "8" * 64, 4)
    records.append([newer])
    assert dict(records.read().records) == {"p/raw/a": newer}


def test_append_of_nothing_makes_no_file(records, path):
    records.append([])
    records.forget([])
    assert not path.exists()


def test_forget_removes_the_record(records):
    records.append([record("a"), record("b")])
    records.forget(["p/raw/a", "p/raw/absent"])
    assert list(records.read().records) == ["p/raw/b"]


def test_append_writes_a_table_of_parts_once(records, path):
    for number in range(10):
        records.append([record(str(number))])
    LocalRecords(path).append([record("other")])
    assert path.read_bytes().count(b"m/x.py:f") == 1


def test_append_learns_the_tables_that_others_wrote(records, path):
    records.append([record("a", parts={"one": "1"})])
    LocalRecords(path).append([record("b", parts={"two": "2"})])
    records.append([record("c", parts={"two": "2"})])
    assert path.read_bytes().count(b'"two"') == 1
    assert records.read().records["p/raw/c"].parts == {"two": "2"}


def test_append_by_several_processes_loses_nothing(path):
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(4, mp_context=context) as pool:
        list(pool.map(append_many, [path] * 4, range(4), [50] * 4))
    found = LocalRecords(path).read()
    expected = {f"p/raw/{worker}-{number}" for worker in range(4) for number in range(1, 50)}
    assert set(found.records) == expected
    assert found.records["p/raw/2-7"].parts == {"m": "1"}
    assert found.warnings == ()


def test_first_append_by_several_processes_loses_nothing(tmp_path):
    context = multiprocessing.get_context("fork")
    barrier = context.Barrier(4)
    processes = [
        context.Process(target=append_to_each, args=(tmp_path, barrier, worker))
        for worker in range(4)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    for number in range(20):
        assert len(LocalRecords(tmp_path / str(number)).read().records) == 4


def test_append_by_threads_of_one_object_loses_nothing(records):
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: records.append([record(str(number))]), range(100)))
    assert len(records.read().records) == 100


def test_append_after_a_writer_died_in_the_middle_keeps_all_whole_lines(records, path):
    records.append([record("before")])
    process = multiprocessing.get_context("fork").Process(target=append_and_die, args=(path,))
    process.start()
    process.join()
    found = records.read()
    assert set(found.records) == {"p/raw/before", "p/raw/dying"}
    assert "torn" in found.warnings[0]
    assert str(path) in found.warnings[0]
    records.append([record("after")])
    found = records.read()
    assert set(found.records) == {"p/raw/before", "p/raw/dying", "p/raw/after"}
    assert found.warnings == ()


def test_append_when_even_the_header_is_torn_starts_again(records, path):
    path.parent.mkdir()
    path.write_bytes(HEADER[:-5])
    assert "torn" in records.read().warnings[0]
    records.append([record("a")])
    assert list(records.read().records) == ["p/raw/a"]


@pytest.mark.parametrize("content", [b"garbage", HEADER + b"garbage\n", b"\0" * 4096])
def test_read_of_a_malformed_file_sets_it_aside_and_says_so(records, path, content):
    path.parent.mkdir()
    path.write_bytes(content)
    found = records.read()
    (aside,) = path.parent.glob(".luisy.hash.corrupt-*")
    assert dict(found.records) == {}
    assert aside.name in found.warnings[0]
    assert str(path) in found.warnings[0]
    assert aside.read_bytes() == content
    assert records.read().warnings == ()
    records.append([record("a")])
    assert list(records.read().records) == ["p/raw/a"]


def test_append_to_a_malformed_file_sets_it_aside(records, path, caplog):
    path.parent.mkdir()
    path.write_bytes(b"garbage\n")
    records.append([record("a")])
    (aside,) = path.parent.glob(".luisy.hash.corrupt-*")
    assert aside.read_bytes() == b"garbage\n"
    assert aside.name in caplog.text
    assert list(records.read().records) == ["p/raw/a"]


def test_read_of_a_file_of_luisy_1_4_returns_its_hashes_and_leaves_it(records, path):
    path.parent.mkdir()
    path.write_bytes(LEGACY)
    assert records.read().legacy == {"p/raw/a.csv": "0123456789abcdef0123456789abcdef"}
    assert path.read_bytes() == LEGACY


def test_append_to_a_file_of_luisy_1_4_keeps_a_copy_and_its_hashes(records, path):
    path.parent.mkdir()
    path.write_bytes(LEGACY)
    records.append([record("b")])
    assert path.with_name(".luisy.hash.1.4").read_bytes() == LEGACY
    found = records.read()
    assert list(found.records) == ["p/raw/b"]
    assert list(found.legacy) == ["p/raw/a.csv"]
    records.append([record("a.csv")])
    assert dict(records.read().legacy) == {}


def test_file_of_a_newer_version_is_left_alone(records, path):
    newer = b'{"format":"luisy-records","version":3}\n{"what":1}\n'
    path.parent.mkdir()
    path.write_bytes(newer)
    with pytest.raises(ConfigurationError, match="upgrade"):
        records.read()
    with pytest.raises(ConfigurationError, match="upgrade"):
        records.append([record("a")])
    assert path.read_bytes() == newer


def test_file_that_is_mostly_garbage_is_compacted_by_the_next_append(records, path):
    path.parent.mkdir()
    path.write_bytes(encode([record("a")]) + encode_forgotten(["p/raw/b"] * 3000))
    size = path.stat().st_size
    assert list(records.read().records) == ["p/raw/a"]
    assert path.stat().st_size == size
    records.append([record("c")])
    assert path.stat().st_size < 2000
    assert set(records.read().records) == {"p/raw/a", "p/raw/c"}
    assert path.read_bytes().count(b"m/x.py:f") == 1


def test_append_after_somebody_else_compacted_writes_its_table_again(records, path):
    records.append([record("a", parts={"one": "1"})])
    other = path.with_name("other")
    other.write_bytes(encode([record("b", parts={"two": "2"})]))
    other.replace(path)
    records.append([record("c", parts={"one": "1"})])
    found = records.read()
    assert found.records["p/raw/c"].parts == {"one": "1"}
    assert found.warnings == ()


def test_records_when_pickled_go_on(records):
    records.append([record("a")])
    copy = pickle.loads(pickle.dumps(records))
    copy.append([record("b")])
    assert set(records.read().records) == {"p/raw/a", "p/raw/b"}


def test_file_is_what_the_text_format_says(records, path):
    records.append([record("a")])
    assert path.read_bytes() == encode([record("a")])
    assert dict(decode(path.read_bytes()).records) == {"p/raw/a": record("a")}


def test_append_when_the_folder_cannot_be_made_says_so(tmp_path):
    (tmp_path / "p").write_text("a file")
    with pytest.raises(Exception, match=r"\.luisy\.hash"):
        LocalRecords(tmp_path / "p" / ".luisy.hash").append([record("a")])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_append_of_which_a_part_has_room_says_so_and_keeps_the_others(records, path):
    records.append([record("a")])
    code = (
        "import resource, signal, sys; from pathlib import Path\n"
        "from luisy_protocol.errors import LuisyError\n"
        "from luisy_protocol.local_records import LocalRecords\n"
        "from luisy_protocol.record import Record\n"
        "path = Path(sys.argv[1]); room = path.stat().st_size + 50\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))\n"
        "try:\n"
        "    LocalRecords(path).append([Record('p/raw/b', '1' * 64, '2' * 64, 3)])\n"
        "except LuisyError as error:\n"
        "    print(error)"
    )
    command = [sys.executable, "-B", "-c", code, str(path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {path}: ")
    assert list(records.read().records) == ["p/raw/a"]
    records.append([record("c")])
    assert set(records.read().records) == {"p/raw/a", "p/raw/c"}


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is read-only for root")
def test_append_when_the_folder_is_read_only_says_so(records, path):
    records.append([record("a")])
    path.parent.chmod(0o500)
    try:
        with pytest.raises(AccessDenied, match="write"):
            LocalRecords(path).append([record("b")])
        assert list(records.read().records) == ["p/raw/a"]
    finally:
        path.parent.chmod(0o700)
