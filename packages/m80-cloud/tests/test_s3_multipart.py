"""Files in parts: few enough of them, in little memory, by several files at once."""

import hashlib
import os
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import minus80 as m80
import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import IntegrityError, LuisyError
from minus80.s3_connection import PART_WORKERS
from minus80.s3_multipart import part_size_of
from minus80.s3_store import S3Store, open_s3_store

PART = 8 * 1024 * 1024


@pytest.fixture
def store(line):
    store = S3Store(m80.load_settings().cloud)
    yield store
    store.close()


@given(st.integers(min_value=1, max_value=5 * 2**40))
def test_parts_of_any_file_are_few_enough_and_not_too_small(size):
    part_size = part_size_of(size)
    assert part_size >= PART
    assert part_size % PART == 0
    assert -(-size // part_size) <= 10_000


@pytest.mark.parametrize("size", [PART + 1, 2 * PART, 5 * PART + 7])
@pytest.mark.parametrize("is_known", [True, False])
def test_file_arrives_whole_whether_its_digest_is_known_or_not(store, tmp_path, size, is_known):
    path, content = tmp_path / "file", os.urandom(size)
    path.write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    sent = store.upload(path, "file", sha256=sha256 if is_known else None)
    assert (sent.sha256, sent.size) == (sha256, size)
    assert store.stat("file").sha256 == sha256
    store.download("file", tmp_path / "back")
    assert (tmp_path / "back").read_bytes() == content


def test_digest_that_is_not_known_before_stays_below_the_stores_own_root(line, tmp_path, in_cloud):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(2 * PART))
    store = open_s3_store(f"s3://{in_cloud}/team")
    sent = store.upload(path, "file", sha256=None)
    whole = S3Store(m80.load_settings().cloud)
    assert {info.key.partition("/")[0] for info in whole.list()} == {"team"}
    assert store.stat("file").sha256 == whole.stat("team/file").sha256 == sent.sha256
    store.close()
    whole.close()


@pytest.mark.parametrize("size", [10, 2 * PART])
def test_digest_is_found_by_a_name_in_capitals(store, line, tmp_path, size):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(size))
    sent = store.upload(path, "file", sha256=None)
    line.fault = lambda *_: "capitals"
    assert store.stat("file").sha256 == sent.sha256


def test_file_with_another_digest_is_refused_and_leaves_no_parts(
    store, tmp_path, s3_server, in_cloud
):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(2 * PART))
    with pytest.raises(IntegrityError, match="did it change meanwhile"):
        store.upload(path, "file", sha256="0" * 64)
    assert "Contents" not in s3_server.client().list_objects_v2(Bucket=in_cloud)
    assert "Uploads" not in s3_server.client().list_multipart_uploads(Bucket=in_cloud)


def test_file_of_which_the_parts_are_very_large_is_sent_one_part_at_a_time(store, line, tmp_path):
    path = tmp_path / "file"
    with path.open("wb") as file:
        file.truncate(500 * 10**9)  # takes no room
    begun = set()

    def refuse_parts(number, method, target):
        found = re.search(r"partNumber=(\d+)", target)
        if found:
            begun.add(found[1])
            if len(begun) > 1:
                os.truncate(path, 0)  # or all of it would come into memory
        return 400 if found else None

    line.fault = refuse_parts
    with pytest.raises(LuisyError):
        store.upload(path, "file", sha256=None)
    assert begun == {"1"}


@pytest.mark.parametrize("left", [0, 10, PART], ids=["empty", "small", "one part"])
def test_file_of_which_less_than_two_parts_are_left_when_it_is_read_is_not_stored(
    store, line, tmp_path, s3_server, in_cloud, left
):
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PART))

    def cut_the_file_once_the_upload_is_begun(number, method, target):
        if method == "POST" and target.endswith("?uploads"):
            os.truncate(path, left)

    line.fault = cut_the_file_once_the_upload_is_begun
    with pytest.raises(IntegrityError, match="did it change meanwhile"):
        store.upload(path, "file", sha256=None)
    assert "Contents" not in s3_server.client().list_objects_v2(Bucket=in_cloud)
    assert "Uploads" not in s3_server.client().list_multipart_uploads(Bucket=in_cloud)


def test_of_many_large_files_at_once_two_at_most_are_on_their_way(store, line, tmp_path):
    path = tmp_path / "file"
    path.write_bytes(bytes(2 * PART))
    begun, most = set(), []

    def count(number, method, target):
        key, _, query = target.partition("?")
        if method == "POST" and query == "uploads":
            begun.add(key)
        most.append(len(begun))
        if method == "POST" and query.startswith("uploadId="):
            begun.discard(key)

    line.fault = count
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: store.upload(path, f"file-{n}", sha256=None), range(8)))
    assert len(list(store.list("file-"))) == 8
    assert max(most) <= 2


UPLOAD = """\
import os, re, sys
from pathlib import Path
import minus80 as m80
from minus80.s3_store import S3Store

def peak():
    return int(re.search(r"VmHWM:\\s+(\\d+) kB", Path("/proc/self/status").read_text())[1]) * 1024

path, part = Path(sys.argv[1]), int(sys.argv[2])
store = S3Store(m80.load_settings().cloud)
for parts in (2, 20):
    before = peak()
    os.truncate(path, parts * part)
    store.upload(path, "file", sha256=None)
print((peak() - before) // part)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is no /proc")
def test_few_parts_of_a_large_file_are_in_memory(line, tmp_path):
    path = tmp_path / "file"
    path.touch()
    words = [sys.executable, "-c", UPLOAD, str(path), str(PART)]
    done = subprocess.run(words, stdout=subprocess.PIPE, check=True)
    assert int(done.stdout) <= PART_WORKERS + 1  # one is read while the others travel
