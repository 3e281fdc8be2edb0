"""Raw files: plain objects, resumed and verified; those of the old engine too."""

import os
import resource
import signal
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import minus80 as m80
import pytest
from luisy_protocol.errors import ConfigurationError, IntegrityError, LuisyError, NotFound

MEGABYTE = 1024 * 1024


def part_number(path):
    return parse_qs(urlsplit(path).query)["partNumber"][0]


@pytest.fixture
def reads(tmp_path):
    path = tmp_path / "reads.fastq"
    path.write_bytes(b"@read\nACGT\n" * 1000)
    return path


def test_put_then_get_with_any_s3_tool(data, reads, s3_server, in_cloud):
    data.put(reads, "fastq", raw=True)
    found = s3_server.client().get_object(Bucket=in_cloud, Key="Raw/fastq/reads.fastq")
    assert found["Body"].read() == reads.read_bytes()


def test_put_then_get_into_the_current_folder(data, reads, tmp_path, monkeypatch):
    data.put(str(reads), "fastq", raw=True)
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    data.get("reads.fastq", "fastq", raw=True)
    assert [path.name for path in Path.cwd().iterdir()] == ["reads.fastq"]
    assert (tmp_path / "elsewhere" / "reads.fastq").read_bytes() == reads.read_bytes()


@pytest.mark.parametrize("output", ["new/folder/name.txt", "there"], ids=["file", "folder"])
def test_get_with_output_writes_there(data, reads, tmp_path, output):
    data.put(reads, "fastq", raw=True)
    (tmp_path / "there").mkdir()
    data.get("reads.fastq", "fastq", raw=True, output=tmp_path / output)
    path = tmp_path / output
    path = path / "reads.fastq" if path.is_dir() else path
    assert path.read_bytes() == reads.read_bytes()


def test_list_has_the_files_of_both_engines(data, reads, s3_server, in_cloud):
    data.put(reads, "fastq", raw=True)
    s3_server.client().put_object(Bucket=in_cloud, Key="Raw/fastq.old.fastq", Body=b"old")
    assert dict(data.list(raw=True)) == {"fastq": ("old.fastq", "reads.fastq")}
    assert dict(data.list("re", raw=True)) == {"fastq": ("reads.fastq",)}
    assert repr(data.list(raw=True)).splitlines()[0] == "######   Raw Data:   ######"
    assert not data.list()


def test_get_of_a_file_of_the_old_engine(data, s3_server, in_cloud, tmp_path):
    s3_server.client().put_object(Bucket=in_cloud, Key="Raw/fastq.old.fastq", Body=b"old")
    data.get("old.fastq", "fastq", raw=True, output=tmp_path / "it")
    assert (tmp_path / "it").read_bytes() == b"old"


def test_put_compressed_is_a_gzip_file(data, reads, tmp_path, s3_server, in_cloud):
    import gzip

    data.put(reads, "fastq", raw=True, compress=True)
    found = s3_server.client().get_object(Bucket=in_cloud, Key="Raw/fastq/reads.fastq.gz")
    assert gzip.decompress(found["Body"].read()) == reads.read_bytes()


def test_put_again_of_the_same_file_sends_nothing(line, reads):
    data = m80.CloudData()
    data.put(reads, "fastq", raw=True)
    before = len(line.requests)
    data.put(reads, "fastq", raw=True)
    assert [method for method, _ in line.requests[before:]] == ["HEAD"]


def test_put_of_a_large_file_goes_on_where_it_was_stopped(line, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(40 * MEGABYTE))
    data = m80.CloudData()
    line.fault = lambda number, method, p: 400 if "partNumber=4" in p else None
    with pytest.raises(LuisyError):
        data.put(path, "bin", raw=True)
    assert not data.list(raw=True)
    line.fault = lambda *_: None
    sent = {part_number(p) for m, p in line.requests if m == "PUT" and "partNumber=" in p}
    before = len(line.requests)
    data.put(path, "bin", raw=True)
    again = [p for m, p in line.requests[before:] if m == "PUT" and "partNumber=" in p]
    assert 1 <= len(again) <= 5 - (len(sent) - 1)
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_put_of_a_large_file_by_two_at_once_succeeds_for_both(line, tmp_path, home):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE))
    first, second = m80.CloudData(), m80.CloudData()
    held, go = threading.Event(), threading.Event()

    def hold_a_part_of_the_first(number, method, target):
        if "partNumber=3" in target and not held.is_set():
            held.set()
            go.wait(timeout=60)

    line.fault = hold_a_part_of_the_first
    with ThreadPoolExecutor(1) as beside:
        put = beside.submit(first.put, path, "bin", raw=True)
        try:
            assert held.wait(timeout=60)
            second.put(path, "bin", raw=True)
        finally:
            go.set()
        put.result()
    first.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert list((home / ".minus80" / "tmp" / "uploads").iterdir()) == []


def test_get_of_a_large_file_goes_on_where_it_was_stopped(line, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(40 * MEGABYTE))
    data = m80.CloudData()
    data.put(path, "bin", raw=True)
    last = f"bytes={32 * MEGABYTE}-"

    def fail_the_last_range(number, method, p):
        return 400 if method == "GET" and (line.now.range or "").startswith(last) else None

    line.fault = fail_the_last_range
    with pytest.raises(LuisyError):
        data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()
    line.fault = lambda *_: None
    before = len(line.requests)
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert sum(m == "GET" and "Raw/" in p for m, p in line.requests[before:]) == 2
    assert (tmp_path / "back").read_bytes() == path.read_bytes()
    assert [p.name for p in tmp_path.glob(".*")] == []


def test_full_disk_is_told_after_each_range_was_asked_for_once(line, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(40 * MEGABYTE))
    data = m80.CloudData()
    data.put(path, "bin", raw=True)
    asked = []
    line.fault = lambda number, method, p: asked.append((method, p, line.now.range))
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10 * MEGABYTE, hard))
    try:
        with pytest.raises(LuisyError, match="cannot write"):
            data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert len(asked) == len(set(asked)) > 2


def test_range_that_comes_longer_than_asked_for_is_refused(line, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE))
    data = m80.CloudData()
    data.put(path, "bin", raw=True)
    second = f"bytes={8 * MEGABYTE}-"

    def send_the_second_range_twice(number, method, p):
        return "double" if (line.now.range or "").startswith(second) else None

    line.fault = send_the_second_range_twice
    with pytest.raises(IntegrityError, match="longer than asked for"):
        data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    line.fault = lambda *_: None
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_get_of_a_large_file_that_changed_meanwhile_starts_over(line, tmp_path):
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE))
    data = m80.CloudData()
    data.put(path, "bin", raw=True)
    line.fault = lambda number, method, p: "cut" if method == "GET" and "Raw/" in p else None
    with pytest.raises(LuisyError):
        data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    line.fault = lambda *_: None
    path.write_bytes(os.urandom(20 * MEGABYTE))
    data.put(path, "bin", raw=True)
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_damaged_file_never_gets_its_name(data, reads, tmp_path, s3_server, in_cloud):
    data.put(reads, "fastq", raw=True)
    client, key = s3_server.client(), "Raw/fastq/reads.fastq"
    noted = client.head_object(Bucket=in_cloud, Key=key)["Metadata"]
    client.put_object(Bucket=in_cloud, Key=key, Body=b"other", Metadata=noted)
    with pytest.raises(IntegrityError, match="is damaged"):
        data.get("reads.fastq", "fastq", raw=True, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()


@pytest.fixture
def large(tmp_path):
    """A file that is sent in three parts."""
    path = tmp_path / "large.bin"
    path.write_bytes(os.urandom(20 * MEGABYTE))
    return path


def test_large_file_is_damaged_if_it_has_not_the_digest_it_was_sent_with(
    data, large, tmp_path, s3_server, in_cloud
):
    data.put(large, "bin", raw=True)
    client, key = s3_server.client(), "Raw/bin/large.bin"
    noted = client.head_object(Bucket=in_cloud, Key=key)["Metadata"]
    client.put_object(Bucket=in_cloud, Key=key, Body=bytes(20 * MEGABYTE), Metadata=noted)
    with pytest.raises(IntegrityError, match="is damaged"):
        data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_put_again_of_the_same_large_file_sends_nothing(line, large):
    data = m80.CloudData()
    data.put(large, "bin", raw=True)
    before = len(line.requests)
    data.put(large, "bin", raw=True)
    assert [method for method, _ in line.requests[before:]] == ["HEAD", "GET"]


def test_put_again_of_a_changed_large_file_replaces_it(data, large, tmp_path):
    data.put(large, "bin", raw=True)
    changed = os.urandom(20 * MEGABYTE)
    large.write_bytes(changed)
    data.put(large, "bin", raw=True)
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == changed


def test_large_file_that_changes_while_it_is_put_is_not_stored(line, large, s3_server, in_cloud):
    def change(number, method, path):
        if "partNumber=2" in path:
            large.write_bytes(b"2" * 20 * MEGABYTE)

    line.fault = change
    data = m80.CloudData()
    with pytest.raises(IntegrityError, match="did it change meanwhile"):
        data.put(large, "bin", raw=True)
    assert not data.list(raw=True)
    assert "Uploads" not in s3_server.client().list_multipart_uploads(Bucket=in_cloud)


def test_put_of_a_large_compressed_file_goes_on_where_it_was_stopped(line, large, home):
    data = m80.CloudData()
    line.fault = lambda number, method, p: 400 if "partNumber=3" in p else None
    with pytest.raises(LuisyError):
        data.put(large, "bin", raw=True, compress=True)
    line.fault = lambda *_: None
    before = len(line.requests)
    data.put(large, "bin", raw=True, compress=True)
    again = [p for m, p in line.requests[before:] if m == "PUT" and "partNumber=" in p]
    assert {part_number(path) for path in again} == {"3"}
    assert list((home / ".minus80" / "tmp" / "uploads").iterdir()) == []


def test_put_that_is_interrupted_waits_for_the_part_on_its_way(line, large):
    """A part that arrives later would take the place of one of the next run."""
    data, here, ended, go = m80.CloudData(), threading.Event(), threading.Event(), threading.Event()
    early = []

    def hold_the_first_part(number, method, path):
        if "partNumber=3&" in path:  # all are on their way
            here.set()
        if "partNumber=1&" in path:
            go.wait(timeout=60)

    def interrupt():
        here.wait(timeout=60)
        signal.pthread_kill(threading.main_thread().ident, signal.SIGINT)
        early.append(ended.wait(timeout=1))  # as long as the put may hope for it
        go.set()

    line.fault = hold_the_first_part
    with ThreadPoolExecutor(1) as beside:
        beside.submit(interrupt)
        with pytest.raises(KeyboardInterrupt):
            data.put(large, "bin", raw=True)
        ended.set()
    assert early == [False]
    data.put(large, "bin", raw=True)
    assert dict(data.list(raw=True)) == {"bin": ("large.bin",)}


def test_large_file_is_never_there_without_its_digest(line, large, tmp_path):
    """Its digest is written before the upload is completed, and found after it was taken up."""
    data = m80.CloudData()
    line.fault = lambda number, method, p: 400 if method == "POST" and "uploadId" in p else None
    with pytest.raises(LuisyError):
        data.put(large, "bin", raw=True)
    line.fault = lambda *_: None
    before = len(line.requests)
    data.put(large, "bin", raw=True)
    assert not any("partNumber" in path for _, path in line.requests[before:])
    before = len(line.requests)
    data.put(large, "bin", raw=True)
    assert [method for method, _ in line.requests[before:]] == ["HEAD", "GET"]


def test_large_file_whose_digest_was_taken_away_can_be_fetched(
    data, large, tmp_path, s3_server, in_cloud
):
    data.put(large, "bin", raw=True)
    (noted,) = s3_server.client().list_objects_v2(Bucket=in_cloud, Prefix="minus80/")["Contents"]
    s3_server.client().delete_object(Bucket=in_cloud, Key=noted["Key"])
    data.get("large.bin", "bin", raw=True, output=tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == large.read_bytes()


def test_remove_takes_the_file_away(data, reads):
    data.put(reads, "fastq", raw=True)
    data.remove("reads.fastq", "fastq", raw=True)
    assert not data.list(raw=True)
    with pytest.raises(m80.DatasetNotFound):
        data.remove("reads.fastq", "fastq", raw=True)


def test_get_of_a_file_that_is_not_there_names_the_nearest(data, reads):
    data.put(reads, "fastq", raw=True)
    with pytest.raises(m80.DatasetNotFound, match=r"did you mean fastq reads\.fastq"):
        data.get("read.fastq", "fastq", raw=True)


def test_put_of_what_is_no_file_is_refused(data, tmp_path):
    with pytest.raises(NotFound):
        data.put(tmp_path / "nothing", "fastq", raw=True)
    with pytest.raises(ConfigurationError, match="is a folder"):
        data.put(tmp_path, "fastq", raw=True)


def test_versions_and_tags_of_raw_files_are_refused(data, reads):
    with pytest.raises(ConfigurationError, match="no versions"):
        data.put(reads, "fastq", raw=True, tag="x")
    with pytest.raises(ConfigurationError, match="no versions"):
        data.get("reads.fastq", "fastq", raw=True, version=1)
