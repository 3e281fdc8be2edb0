"""What happens when something breaks: nothing lost, nothing half-written, one sentence."""

import contextlib
import hashlib
import os
import resource
import shutil
import signal
import subprocess
import sys
import threading
import warnings

import minus80 as m80
import pytest
from botocore.exceptions import ClientError
from luisy_protocol.errors import (
    AccessDenied,
    IntegrityError,
    LuisyError,
    Unavailable,
)
from minus80.s3_errors import translate_response
from minus80.s3_store import open_s3_store

MEGABYTE = 1024 * 1024


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def run(code):
    return subprocess.Popen([sys.executable, "-c", f"import minus80 as m80\n{code}"])


def killing(process_of, at):
    """Return a fault that kills a process when it sends a certain request."""

    def fault(number, method, path):
        if number == at:
            process_of().send_signal(signal.SIGKILL)
            process_of().wait()
        return

    return fault


@pytest.mark.parametrize("at", range(1, 15))
def test_put_killed_at_any_request_leaves_the_last_version(dataset, line, at):
    data = m80.CloudData()
    data.put("small", "Files")
    for name in ("a.txt", "b.txt", "c.txt"):
        (dataset / name).write_bytes(b"changed " + name.encode())
    changed = contents(dataset)
    before, started = len(line.requests), {}
    line.fault = killing(lambda: started["process"], before + at)
    ready = threading.Event()
    real = line.decide

    def wait_until_known(method, path):
        ready.wait()
        return real(method, path)

    line.decide = wait_until_known
    started["process"] = run("m80.CloudData().put('small', 'Files')")
    ready.set()
    started["process"].wait()
    line.fault, line.decide = lambda *_: None, real
    assert len(data.history("small", "Files").versions) in {1, 2}
    assert not data.verify().problems
    data.get("small", "Files", version=1)
    assert (dataset / "b.txt").read_bytes() == b"second"
    for name, content in changed.items():
        (dataset / name).write_bytes(content)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", m80.ConcurrentPut)  # of the one that was killed
        data.put("small", "Files")
    shutil.rmtree(dataset)
    data.get("small", "Files")
    assert contents(dataset) == changed


@pytest.mark.parametrize("at", range(1, 7))
def test_get_killed_at_any_request_leaves_the_old_folder(dataset, line, at):
    data = m80.CloudData()
    data.put("small", "Files")
    new = contents(dataset)
    (dataset / "a.txt").write_bytes(b"x")
    (dataset / "b.txt").write_bytes(b"y")
    (dataset / "below" / "again.txt").write_bytes(b"z")
    data.put("small", "Files")
    old = contents(dataset)
    started = {}
    ready = threading.Event()
    real = line.decide

    def wait_until_known(method, path):
        ready.wait()
        return real(method, path)

    line.decide = wait_until_known
    line.fault = killing(lambda: started["process"], len(line.requests) + at)
    started["process"] = run("m80.CloudData().get('small', 'Files', version=1)")
    ready.set()
    code = started["process"].wait()
    line.fault, line.decide = lambda *_: None, real
    assert contents(dataset) == (old if code else new)
    data.get("small", "Files", version=1)
    assert contents(dataset) == new


def test_get_goes_on_with_the_files_that_have_come(dataset, line):
    data = m80.CloudData()
    for number in range(30):
        (dataset / f"{number}").write_bytes(b"content %d" % number)
    data.put("small", "Files")
    whole = contents(dataset)
    shutil.rmtree(dataset)
    broken = sorted({p for m, p in line.requests if m == "PUT" and "/blobs/" in p})[5]
    line.fault = lambda number, method, path: 400 if path == broken else None
    with pytest.raises(LuisyError):
        data.get("small", "Files")
    assert not dataset.exists()
    line.fault = lambda *_: None
    before = len(line.requests)
    data.get("small", "Files")
    assert contents(dataset) == whole
    assert [path for _, path in line.requests[before:] if "/blobs/" in path] == [broken]


def test_put_goes_on_with_the_contents_that_have_gone(dataset, line):
    data = m80.CloudData()
    for number in range(40):
        (dataset / f"{number}").write_bytes(b"content %d" % number)
    refused = []

    def refuse_manifest(number, method, path):
        if "/manifests/" in path:
            refused.append(path)
            return 400
        return None

    line.fault = refuse_manifest
    with pytest.raises(LuisyError):
        data.put("small", "Files")
    assert refused
    assert not data.list()
    line.fault = lambda *_: None
    before = len(line.requests)
    data.put("small", "Files")
    assert not any(m == "PUT" and "/blobs/" in p for m, p in line.requests[before:])


def test_storm_of_slow_downs_is_weathered(dataset, line):
    data = m80.CloudData()
    for number in range(60):
        (dataset / f"{number}").write_bytes(b"content %d" % number)
    whole = contents(dataset)
    line.fault = lambda number, method, path: 503 if number % 3 == 0 else None
    data.put("small", "Files")
    shutil.rmtree(dataset)
    data.get("small", "Files")
    assert contents(dataset) == whole


def test_server_that_is_always_overloaded_is_told(in_cloud, line):
    line.fault = lambda *_: 503
    with pytest.raises(Unavailable, match="overloaded or broken, try again later"):
        m80.CloudData().list()


@pytest.mark.parametrize("fault", ["flip", "cut"])
def test_content_damaged_on_its_way_never_becomes_data(dataset, line, fault):
    data = m80.CloudData()
    (dataset / "long").write_bytes(os.urandom(MEGABYTE))
    data.put("small", "Files")
    (dataset / "long").write_bytes(b"changed")
    data.put("small", "Files")
    old = contents(dataset)
    line.fault = lambda number, method, path: (
        fault if method == "GET" and "/blobs/" in path else None
    )
    with pytest.raises(LuisyError):
        data.get("small", "Files", version=1)
    assert contents(dataset) == old


@pytest.mark.parametrize("compress", [False, True])
def test_damaged_content_in_the_bucket_is_named_and_can_be_repaired(
    data, dataset, s3_server, in_cloud, compress
):
    data.put("small", "Files", compress=compress)
    whole = contents(dataset)
    client = s3_server.client()
    for item in client.list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")["Contents"]:
        client.put_object(Bucket=in_cloud, Key=item["Key"], Body=b"x" * item["Size"])
    for name in whole:
        (dataset / name).write_bytes(b"old")
    old = contents(dataset)
    with pytest.raises(IntegrityError, match=r"is damaged in s3://.*; put the dataset again"):
        data.get("small", "Files")
    assert contents(dataset) == old
    assert len(data.verify().problems) >= 2
    for name, content in whole.items():
        (dataset / name).write_bytes(content)
    data.put("small", "Files", compress=compress, resend=True)
    assert not data.verify().problems


@pytest.mark.parametrize("damage", ["damaged", "missing"])
def test_manifest_that_was_lost_is_named_and_can_be_repaired(
    data, dataset, s3_server, in_cloud, damage
):
    data.put("small", "Files")
    client = s3_server.client()
    (item,) = client.list_objects_v2(Bucket=in_cloud, Prefix="minus80/manifests/")["Contents"]
    if damage == "missing":
        client.delete_object(Bucket=in_cloud, Key=item["Key"])
    else:
        client.put_object(Bucket=in_cloud, Key=item["Key"], Body=b"{}")
    with pytest.raises(IntegrityError, match="minus80/manifests/"):
        data.get("small", "Files")
    data.put("small", "Files", resend=True)
    assert not data.verify().problems


def test_bucket_that_may_not_be_made_is_told(dataset, line, monkeypatch):
    monkeypatch.setenv("CLOUD_BUCKET", "not-mine-to-make")
    line.fault = lambda number, method, path: (
        403 if (method, path.partition("?")[0]) == ("PUT", "/not-mine-to-make") else None
    )
    with pytest.raises(AccessDenied, match="cannot create the bucket not-mine-to-make"):
        m80.CloudData().put("small", "Files")


def test_missing_content_in_the_bucket_is_named(data, dataset, s3_server, in_cloud):
    data.put("small", "Files")
    client = s3_server.client()
    item = client.list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")["Contents"][0]
    client.delete_object(Bucket=in_cloud, Key=item["Key"])
    shutil.rmtree(dataset)
    with pytest.raises(IntegrityError, match="is missing in s3://"):
        data.get("small", "Files")
    assert not dataset.exists()
    (problem,) = data.verify("small", "Files").problems
    assert "is missing" in problem


def test_two_putting_at_once_become_two_versions_and_both_are_told(dataset, home, line):
    """The second commits while the first is between its look at the history and its commit."""
    first, second = m80.CloudData(), m80.CloudData()
    first.put("small", "Files")
    meeting = threading.Barrier(2, timeout=120)
    committing = []

    def meet(number, method, path):
        if method == "PUT" and "/datasets/" in path and len(committing) < 2:
            committing.append(path)
            with contextlib.suppress(threading.BrokenBarrierError):
                meeting.wait()
        return

    line.fault = meet
    told = []

    def put(data):
        data.put("small", "Files")

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        threads = [threading.Thread(target=put, args=(data,)) for data in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        told = [w for w in caught if issubclass(w.category, m80.ConcurrentPut)]
    history = first.history("small", "Files")
    assert [version.number for version in history.versions] == [1, 2, 3]
    assert [version.base for version in history.versions] == [0, 1, 1]
    assert history.versions[2].is_concurrent
    assert len(told) == 2
    assert {"yours is version 2", "yours is version 3"} == {
        part for w in told for part in str(w.message).split("; ")[1].split(", ") if "yours" in part
    }
    assert not first.verify().problems


@pytest.mark.parametrize("people", [6])
def test_many_putting_at_once_lose_no_version(dataset, in_cloud, people):
    processes = [
        run(
            "import warnings; warnings.simplefilter('ignore')\n"
            "m80.CloudData().put('small', 'Files')"
        )
        for _ in range(people)
    ]
    assert [process.wait() for process in processes] == [0] * people
    history = m80.CloudData().history("small", "Files")
    assert [version.number for version in history.versions] == list(range(1, people + 1))


def test_lost_answer_to_the_commit_does_not_make_two_versions(dataset, line):
    data = m80.CloudData()
    data.put("small", "Files")
    cut = []

    def cut_the_commit_once(number, method, path):
        if method == "PUT" and "/datasets/" in path and not cut:
            cut.append(path)
            return "lose"
        return None

    real = line.decide

    def lose(method, path):
        return real(method, path)

    line.decide = lose
    line.fault = cut_the_commit_once
    data.put("small", "Files")
    assert cut
    assert len(data.history("small", "Files").versions) == 2


def test_file_that_changes_while_it_is_put_is_not_stored_under_a_wrong_digest(
    dataset, line, s3_server, in_cloud
):
    data = m80.CloudData()
    large = dataset / "large"
    large.write_bytes(b"1" * 20 * MEGABYTE)

    def change(number, method, path):
        if method == "POST" and "uploads" in path:
            large.write_bytes(b"2" * 20 * MEGABYTE)
        return

    line.fault = change
    with pytest.raises(LuisyError, match="did it change meanwhile"):
        data.put("small", "Files")
    assert not data.list()
    uploads = s3_server.client().list_multipart_uploads(Bucket=in_cloud).get("Uploads", [])
    assert not uploads


def test_part_that_changed_unnoticed_is_not_sent_again_under_its_new_digest(dataset, line):
    """The server refuses the part that does not have the digest in the signature."""
    data = m80.CloudData()
    large = dataset / "large"
    large.write_bytes(b"1" * 20 * MEGABYTE)
    before = large.stat()

    def change(number, method, path):
        if method == "POST" and "uploads" in path:
            with large.open("r+b") as file:
                file.write(b"2")
            os.utime(large, ns=(before.st_atime_ns, before.st_mtime_ns))
        return 400 if "partNumber=1&" in path else None

    line.fault = change
    with pytest.raises(LuisyError, match="did it change meanwhile"):
        data.put("small", "Files")
    assert not data.list()


def test_upload_that_fails_is_aborted_after_its_last_part_has_arrived(line, tmp_path):
    """A part that arrives after the upload was aborted stays behind, and costs money."""
    path = tmp_path / "large"
    path.write_bytes(b"1" * 20 * MEGABYTE)
    with path.open("rb") as file:
        sha256 = hashlib.file_digest(file, "sha256").hexdigest()
    under_way, aborted, early = threading.Event(), threading.Event(), []

    def hold_the_second_part(number, method, target):
        if method == "DELETE":
            aborted.set()
        if "partNumber=2" in target:
            under_way.set()
            early.append(aborted.wait(timeout=1))  # as long as the upload may hope for it
        if "partNumber=1" in target:
            under_way.wait()  # else the second part may not be sent at all
            return 400
        return None

    line.fault = hold_the_second_part
    with contextlib.closing(open_s3_store(f"s3://{os.environ['CLOUD_BUCKET']}")) as store:
        with pytest.raises(LuisyError):
            store.upload(path, "large", sha256=sha256)
    assert early == [False]
    assert aborted.is_set()


def test_full_disk_is_told_and_leaves_the_old_folder(data, dataset):
    (dataset / "large").write_bytes(os.urandom(3 * MEGABYTE))
    data.put("small", "Files")
    (dataset / "large").unlink()
    data.put("small", "Files")
    old = contents(dataset)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    ignored = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (MEGABYTE, hard))
    try:
        with pytest.raises(LuisyError, match="cannot write") as caught:
            data.get("small", "Files", version=1)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, ignored)
    assert "the file is larger than allowed" in str(caught.value)
    assert contents(dataset) == old
    data.get("small", "Files", version=1)
    assert len(contents(dataset)["large"]) == 3 * MEGABYTE


def test_clock_that_is_off_is_told_with_by_how_much():
    said = {
        "Error": {"Code": "RequestTimeTooSkewed", "Message": "The difference is too large."},
        "ResponseMetadata": {
            "HTTPStatusCode": 403,
            "HTTPHeaders": {"date": "Sat, 01 Jan 2000 00:00:00 GMT"},
        },
    }
    error = translate_response(ClientError(said, "PutObject"), "cannot write a")
    assert isinstance(error, AccessDenied)
    assert "this machine's clock is off by" in str(error)
    assert "(ahead); set it" in str(error)


def test_ctrl_c_leaves_the_old_folder_and_no_threads(dataset, line):
    data = m80.CloudData()
    data.put("small", "Files")
    (dataset / "b.txt").write_bytes(b"changed")
    data.put("small", "Files")
    old = contents(dataset)
    process, stopped = {}, []

    def interrupt(number, method, path):
        if "/blobs/" in path and not stopped:
            stopped.append(path)
            process["it"].send_signal(signal.SIGINT)
        return

    ready, real = threading.Event(), line.decide

    def wait_until_known(method, path):
        ready.wait()
        return real(method, path)

    line.decide, line.fault = wait_until_known, interrupt
    process["it"] = subprocess.Popen(
        [sys.executable, "-m", "minus80", "cloud", "get", "small", "Files", "--version", "1"],
        stderr=subprocess.PIPE,
        text=True,
    )
    ready.set()
    _, said = process["it"].communicate(timeout=120)
    assert process["it"].returncode == 130, said
    assert said == "Stopped; the next run goes on from here.\n"
    assert contents(dataset) == old
