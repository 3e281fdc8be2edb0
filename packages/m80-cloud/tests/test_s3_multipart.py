"""Files in parts: few enough of them, in little memory, by several files at once."""

import hashlib
import os
import tracemalloc
from concurrent.futures import ThreadPoolExecutor

import minus80 as m80
import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import IntegrityError
from minus80.s3_multipart import part_size_of
from minus80.s3_store import S3Store

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


def test_file_with_another_digest_is_refused_and_leaves_no_parts(
    store, tmp_path, s3_server, in_cloud
):
    path = tmp_path / "file"
    path.write_bytes(os.urandom(2 * PART))
    with pytest.raises(IntegrityError, match="did it change meanwhile"):
        store.upload(path, "file", sha256="0" * 64)
    assert "Contents" not in s3_server.client().list_objects_v2(Bucket=in_cloud)
    assert "Uploads" not in s3_server.client().list_multipart_uploads(Bucket=in_cloud)


def test_many_large_files_at_once_take_little_memory(store, tmp_path):
    path, files = tmp_path / "file", 8
    path.write_bytes(os.urandom(4 * PART))
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    store.upload(path, "first", sha256=sha256)  # what is made once
    tracemalloc.start()
    with ThreadPoolExecutor(files) as pool:
        keys = [f"file-{number}" for number in range(files)]
        list(pool.map(lambda key: store.upload(path, key, sha256=sha256), keys))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert [info.key for info in store.list("file-")] == keys
    assert peak < 2 * 8 * PART  # two files, at most six parts of each and one that is read
