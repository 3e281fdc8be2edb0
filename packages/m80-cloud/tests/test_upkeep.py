"""Clean up and verify a bucket."""

import hashlib
import threading
import warnings
from contextlib import closing
from datetime import timedelta
from functools import partial

import minus80 as m80
import pytest
from luisy_protocol.errors import IntegrityError, LuisyError, Unavailable
from minus80.s3_store import S3Store
from minus80.under_way import CLEANING, marked
from minus80.upkeep import clean


@pytest.fixture
def store(in_cloud):
    store = S3Store(m80.load_settings().cloud)
    yield store
    store.close()


def keys(s3_server, bucket):
    found = s3_server.client().list_objects_v2(Bucket=bucket).get("Contents", [])
    return {item["Key"] for item in found}


def test_clean_deletes_what_a_removed_dataset_left(data, dataset, s3_server, in_cloud):
    data.put("small", "Files")
    data.remove("small", "Files")
    left = keys(s3_server, in_cloud)
    told = data.clean(dry_run=True)
    assert keys(s3_server, in_cloud) == left
    assert data.clean() == told
    assert told.objects == len(left) == 4
    assert not keys(s3_server, in_cloud)


def test_clean_keeps_what_any_version_of_any_dataset_needs(data, dataset, databases):
    data.put("small", "Files")
    (dataset / "b.txt").write_bytes(b"changed")
    data.put("small", "Files")
    dataset.rename(databases / "Files.other")
    data.put("other", "Files")
    data.remove("other", "Files")
    assert data.clean().objects == 0
    assert not data.verify().problems
    data.get("small", "Files", version=1)
    assert (dataset / "b.txt").read_bytes() == b"second"


def test_clean_deletes_digests_that_no_raw_file_refers_to(
    data, store, tmp_path, s3_server, in_cloud
):
    large = tmp_path / "large.bin"
    for megabytes in (20, 21):
        large.write_bytes(bytes(megabytes * 1024 * 1024))
        data.put(large, "bin", raw=True)
    data.put(large, "other", raw=True)
    data.remove("large.bin", "other", raw=True)
    assert data.clean().objects == 0  # not the digests of this week: uploads may be under way
    told = clean(store, dry_run=False, given_up=timedelta(seconds=-5))
    assert told.objects == 2
    left = keys(s3_server, in_cloud)
    assert len(left) == 2
    info = store.stat("Raw/bin/large.bin")
    assert info.sha256 == hashlib.sha256(large.read_bytes()).hexdigest()


def test_clean_below_a_prefix_keeps_the_digests_that_are_needed_there(in_cloud, tmp_path):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(20 * 1024 * 1024))
    with closing(S3Store(m80.load_settings().cloud, prefix="team/a")) as store:
        store.upload(large, "Raw/bin/large.bin", sha256=None)
        assert clean(store, dry_run=False, given_up=timedelta(seconds=-5)).objects == 0
        found = store.stat("Raw/bin/large.bin").sha256
    assert found == hashlib.sha256(large.read_bytes()).hexdigest()


def test_clean_never_deletes_the_digest_of_an_upload_that_is_taken_up_meanwhile(
    line, store, tmp_path
):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(20 * 1024 * 1024))
    data, taken_up = m80.CloudData(), []
    line.fault = lambda number, method, p: 400 if method == "POST" and "uploadId" in p else None
    with pytest.raises(LuisyError):
        data.put(large, "bin", raw=True)

    def take_it_up(number, method, path):
        if method == "POST" and path.endswith("?delete") and not taken_up:
            taken_up.append(path)
            data.put(large, "bin", raw=True)

    line.fault = take_it_up
    clean(S3Store(m80.load_settings().cloud), dry_run=False, given_up=timedelta(seconds=-5))
    assert taken_up
    info = store.stat("Raw/bin/large.bin")
    assert info.sha256 == hashlib.sha256(large.read_bytes()).hexdigest()


def test_clean_goes_on_when_a_raw_file_is_removed_meanwhile(
    data, line, tmp_path, s3_server, in_cloud
):
    large = tmp_path / "large.bin"
    large.write_bytes(bytes(20 * 1024 * 1024))
    data.put(large, "bin", raw=True)
    removed = []

    def remove_it(number, method, path):
        if method == "HEAD" and path.endswith("/large.bin"):
            removed.append(path)
            s3_server.client().delete_object(Bucket=in_cloud, Key="Raw/bin/large.bin")

    line.fault = remove_it
    store = S3Store(m80.load_settings().cloud)
    assert clean(store, dry_run=False, given_up=timedelta(seconds=-5)).objects == 1
    store.close()
    assert removed
    assert not keys(s3_server, in_cloud)


def test_clean_stands_back_from_a_put(data, dataset, store):
    with marked(store, "Files.small"), pytest.raises(Unavailable, match=r"is putting Files\.small"):
        data.clean()
    assert data.clean().objects == 0


def test_put_stands_back_from_a_clean_up(data, dataset, store):
    with marked(store, CLEANING), pytest.raises(Unavailable, match="is cleaning up"):
        data.put("small", "Files")
    data.put("small", "Files")


def test_clean_stands_back_from_a_clean_up(data, store):
    with marked(store, CLEANING), pytest.raises(Unavailable, match="is cleaning up"):
        data.clean()


def test_put_and_clean_at_once_never_leave_a_version_without_its_contents(data, dataset, line):
    """At least one of the two stands back, whatever the order of their requests."""
    for round_ in range(8):
        (dataset / "a.txt").write_bytes(b"round %d" % round_)
        stood_back = []

        def tried(action, stood_back=stood_back):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    action()
            except Unavailable:
                stood_back.append(action)

        people = [m80.CloudData(), m80.CloudData()]
        put = partial(people[0].put, "small", "Files")
        threads = [
            threading.Thread(target=tried, args=(action,)) for action in (put, people[1].clean)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not people[0].verify().problems


def test_clean_with_a_history_that_cannot_be_read_deletes_nothing(
    data, dataset, s3_server, in_cloud
):
    data.put("small", "Files")
    key = "minus80/datasets/Files.other.json"
    s3_server.client().put_object(Bucket=in_cloud, Key=key, Body=b"damaged")
    before = keys(s3_server, in_cloud)
    with pytest.raises(IntegrityError, match=r"Files\.other"):
        data.clean()
    assert keys(s3_server, in_cloud) == before


def test_clean_deletes_the_parts_of_our_uploads_of_long_ago(data, store, s3_server, in_cloud):
    client = s3_server.client()  # which says of every upload that it began in 2010
    client.create_multipart_upload(Bucket=in_cloud, Key="Raw/x/y")
    client.create_multipart_upload(Bucket=in_cloud, Key="somebody/elses")
    assert clean(store, dry_run=False, given_up=timedelta(days=36_500)).uploads == 0
    assert data.clean(dry_run=True).uploads == 1
    assert data.clean().uploads == 1
    (left,) = client.list_multipart_uploads(Bucket=in_cloud)["Uploads"]
    assert left["Key"] == "somebody/elses"


def test_verify_of_whole_datasets_finds_nothing(data, dataset):
    data.put("small", "Files")
    data.put("small", "Files", compress=True)
    found = data.verify("small", "Files")
    assert (found.contents, found.problems) == (3, ())


def test_verify_tells_of_a_damaged_manifest(data, dataset, s3_server, in_cloud):
    data.put("small", "Files")
    (key,) = (key for key in keys(s3_server, in_cloud) if "/manifests/" in key)
    s3_server.client().put_object(
        Bucket=in_cloud, Key=key, Body=b'{"format":"minus80-manifest","version":1,"files":[]}'
    )
    (problem,) = data.verify().problems
    assert "version 1 of Files.small" in problem
    assert "its digest is not the one in its name" in problem


def test_verify_of_a_dataset_that_is_not_there_is_an_error(data):
    with pytest.raises(m80.DatasetNotFound):
        data.verify("small", "Files")


def test_verify_finds_a_compressed_content_that_lost_its_end(data, dataset, s3_server, in_cloud):
    data.put("small", "Files", compress=True)
    client = s3_server.client()
    item = client.list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")["Contents"][0]
    content = client.get_object(Bucket=in_cloud, Key=item["Key"])["Body"].read()
    client.put_object(Bucket=in_cloud, Key=item["Key"], Body=content[:-4])
    (problem,) = data.verify("small", "Files").problems
    assert "is damaged" in problem
