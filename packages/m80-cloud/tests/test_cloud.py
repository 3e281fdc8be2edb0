"""Put, get, list, versions, tags: on a real server."""

import hashlib
import json
import shutil
import sqlite3
import stat
import threading
from contextlib import closing

import minus80 as m80
import pandas as pd
import pytest
from luisy_protocol.errors import (
    AccessDenied,
    ConfigurationError,
    Conflict,
    IntegrityError,
    Unavailable,
)
from luisy_protocol.progress import Silent


def contents(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file()
    }


def test_list_when_there_is_nothing_prints_so(data):
    assert repr(data.list()) == "Nothing here yet!"
    assert dict(data.list()) == {}


def test_list_when_the_bucket_does_not_exist_is_empty_and_makes_none(data, s3_server, monkeypatch):
    monkeypatch.setenv("CLOUD_BUCKET", "not-made-yet")
    assert not m80.CloudData().list()
    buckets = s3_server.client().list_buckets()["Buckets"]
    assert "not-made-yet" not in {bucket["Name"] for bucket in buckets}


def test_put_when_the_bucket_does_not_exist_makes_it(data, dataset, monkeypatch):
    monkeypatch.setenv("CLOUD_BUCKET", "made-by-put")
    m80.CloudData().put("small", "Files")
    assert dict(m80.CloudData().list()) == {"Files": ("small",)}


def test_put_then_get_on_another_machine_gives_the_same_files(data, dataset):
    before = contents(dataset)
    assert data.put("small", "Files") is None
    shutil.rmtree(dataset)
    data.get("small", "Files")
    assert contents(dataset) == before


def test_put_stores_each_distinct_content_once(data, dataset, s3_server, in_cloud):
    data.put("small", "Files")
    found = s3_server.client().list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")
    digests = {hashlib.sha256(content).hexdigest() for content in contents(dataset).values()}
    assert {item["Key"].rpartition("/")[2] for item in found["Contents"]} == digests
    assert len(digests) == 3


def test_put_again_sends_only_what_changed(dataset, line):
    data = m80.CloudData()
    for number in range(200):
        (dataset / f"{number}.txt").write_bytes(b"content %d" % number)
    data.put("small", "Files")
    first = len(line.requests)
    (dataset / "7.txt").write_bytes(b"changed")
    data.put("small", "Files")
    again = len(line.requests) - first
    blobs = [
        path for method, path in line.requests[first:] if "/blobs/" in path and method == "PUT"
    ]
    assert len(blobs) == 1
    assert again <= first / 20


def test_get_fetches_only_what_is_missing_here(dataset, line):
    data = m80.CloudData()
    data.put("small", "Files")
    (dataset / "b.txt").unlink()
    before = len(line.requests)
    data.get("small", "Files")
    blobs = [path for _, path in line.requests[before:] if "/blobs/" in path]
    assert len(blobs) == 1
    assert (dataset / "b.txt").read_bytes() == b"second"


def test_get_when_nothing_changed_leaves_the_folder_alone(dataset, data):
    data.put("small", "Files")
    inode = dataset.stat().st_ino
    data.get("small", "Files")
    assert dataset.stat().st_ino == inode


def test_get_knows_what_is_a_database_without_another_look(data, databases, home):
    folder = databases / "Files.db"
    folder.mkdir(parents=True)
    with closing(sqlite3.connect(folder / "small.db")) as live:
        live.execute("CREATE TABLE t (x)")
    with closing(sqlite3.connect(folder / "large.db")) as live:
        live.execute("CREATE TABLE t AS SELECT zeroblob(9000000)")
        live.commit()
    shutil.copy(folder / "small.db", folder / "again.db")
    (folder / "notes.txt").write_text("SQLite")
    data.put("db", "Files")
    shutil.rmtree(folder)
    data.get("db", "Files")
    known = json.loads((home / ".minus80" / "cache" / "Files.db.json").read_bytes())["files"]
    found = {name: is_database for name, (_, _, _, is_database) in known.items()}
    assert found == {"again.db": True, "large.db": True, "notes.txt": False, "small.db": True}


class Broken(Silent):
    """Fails once, as a mistake in a program does."""

    def __init__(self):
        self.keys = []

    def done(self, key):
        self.keys.append(key)
        if len(self.keys) == 1:
            raise ZeroDivisionError


def test_get_with_a_mistake_in_the_progress_stops_and_tells_it(dataset, line):
    for number in range(200):
        (dataset / f"{number}.txt").write_bytes(b"content %d" % number)
    m80.CloudData().put("small", "Files")
    shutil.rmtree(dataset)
    before = len(line.requests)
    with pytest.raises(ZeroDivisionError):
        m80.CloudData(progress=Broken()).get("small", "Files")
    assert len(line.requests) - before < 100
    assert not dataset.exists()


def test_history_tells_each_put(data, dataset):
    data.put("small", "Files")
    (dataset / "b.txt").write_bytes(b"changed")
    data.put("small", "Files", tag="release")
    history = data.history("small", "Files")
    assert [version.number for version in history.versions] == [1, 2]
    assert [version.base for version in history.versions] == [0, 1]
    assert history.tags == {"release": 2}
    assert history.versions[1].files == 4
    assert "[release]" in repr(history).splitlines()[1]


def test_get_of_an_older_version_by_number_and_by_tag(data, dataset):
    data.put("small", "Files", tag="old")
    (dataset / "b.txt").write_bytes(b"changed")
    (dataset / "new").write_bytes(b"new")
    data.put("small", "Files")
    data.get("small", "Files", version=1)
    assert (dataset / "b.txt").read_bytes() == b"second"
    assert not (dataset / "new").exists()
    data.get("small", "Files")
    assert (dataset / "b.txt").read_bytes() == b"changed"
    data.get("small", "Files", tag="old")
    assert (dataset / "b.txt").read_bytes() == b"second"


def test_push_and_pull_have_the_dtype_first(data, dataset):
    data.push("Files", "small", "release")
    shutil.rmtree(dataset)
    data.pull("Files", "small", "release")
    assert (dataset / "a.txt").read_bytes() == b"first"


def test_tag_of_an_older_version(data, dataset):
    data.put("small", "Files")
    data.put("small", "Files")
    data.tag("small", "Files", "first", version=1)
    assert data.history("small", "Files").tags == {"first": 1}


def test_put_with_a_tag_that_is_taken_is_refused_before_anything_is_sent(data, dataset):
    data.put("small", "Files", tag="release")
    with pytest.raises(Conflict, match="'release' is on version 1"):
        data.put("small", "Files", tag="release")
    assert len(data.history("small", "Files").versions) == 1


def test_put_compressed_comes_back_the_same(data, dataset, s3_server, in_cloud):
    (dataset / "long").write_bytes(b"again and " * 100_000)
    before = contents(dataset)
    data.put("small", "Files", compress=True)
    found = s3_server.client().list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")
    assert all(item["Key"].endswith(".gz") for item in found["Contents"])
    assert sum(item["Size"] for item in found["Contents"]) < 20_000
    shutil.rmtree(dataset)
    data.get("small", "Files")
    assert contents(dataset) == before


def test_put_when_the_same_content_is_there_compressed_does_not_send_it_again(data, dataset):
    data.put("small", "Files", compress=True)
    data.put("small", "Files")
    assert len({version.manifest for version in data.history("small", "Files").versions}) == 1


def test_list_by_name_and_dtype(data, databases):
    for slug in ("Cohort.one", "Cohort.two", "Other.one"):
        (databases / slug).mkdir(parents=True)
        (databases / slug / "file").write_text("x")
        data.put(slug.partition(".")[2], slug.partition(".")[0])
    assert dict(data.list()) == {"Cohort": ("one", "two"), "Other": ("one",)}
    assert dict(data.list(dtype="Cohort")) == {"Cohort": ("one", "two")}
    assert dict(data.list("o")) == {"Cohort": ("one",), "Other": ("one",)}
    assert repr(data.list("one", "Cohort")) == "-----Cohort------\none"


def test_list_of_many_datasets_needs_few_requests(line, s3_server, in_cloud):
    client = s3_server.client()
    for number in range(50):
        client.put_object(
            Bucket=in_cloud, Key=f"minus80/datasets/Cohort.d{number}.json", Body=b"{}"
        )
    assert len(m80.CloudData().list()["Cohort"]) == 50
    assert len(line.requests) == 2


def test_remove_takes_the_dataset_away(data, dataset):
    data.put("small", "Files")
    data.remove("small", "Files")
    assert not data.list()
    with pytest.raises(m80.DatasetNotFound):
        data.get("small", "Files")


def test_nuke_removes_what_is_ours_and_nothing_else(data, dataset, s3_server, in_cloud, tmp_path):
    (tmp_path / "r.txt").write_text("raw")
    data.put("small", "Files")
    data.put(tmp_path / "r.txt", "text", raw=True)
    s3_server.client().put_object(Bucket=in_cloud, Key="somebody/elses", Body=b"x")
    data.nuke(yes=True)
    found = s3_server.client().list_objects_v2(Bucket=in_cloud)["Contents"]
    assert [item["Key"] for item in found] == ["somebody/elses"]


def test_nuke_without_anybody_to_ask_does_nothing(data, dataset):
    data.put("small", "Files")
    with pytest.raises(ConfigurationError, match="yes=True"):
        data.nuke()
    assert data.list()


@pytest.mark.parametrize("wanted", ["smal", "Small", "smalll"])
def test_get_of_a_dataset_that_is_not_there_names_the_nearest(data, dataset, wanted):
    data.put("small", "Files")
    with pytest.raises(m80.DatasetNotFound, match="did you mean small"):
        data.get(wanted, "Files")
    with pytest.raises(m80.DatasetNotFound, match="did you mean small"):
        data.put(wanted, "Files")
    with pytest.raises(m80.DatasetNotFound, match="did you mean small"):
        data.remove(wanted, "Files")


def test_put_with_name_and_dtype_exchanged_says_so(data, dataset):
    with pytest.raises(m80.DatasetNotFound, match="The name comes first"):
        data.put("Files", "small")


@pytest.mark.parametrize("name", ["../x", "a/b", "..", "", "a\nb", "a\0b", "a\\b", "x" * 201])
def test_names_that_no_dataset_can_have_are_refused_everywhere(data, name):
    for call in (data.put, data.get, data.remove, data.history, m80.delete):
        with pytest.raises(ConfigurationError):
            call(name, "Cohort")
    with pytest.raises(ConfigurationError):
        m80.Cohort(name)


def test_get_with_changes_that_were_never_put_keeps_them(data, dataset, home, caplog):
    data.put("small", "Files")
    (dataset / "a.txt").write_bytes(b"precious")
    data.get("small", "Files")
    assert (dataset / "a.txt").read_bytes() == b"first"
    (kept,) = (home / ".minus80" / "replaced").iterdir()
    assert (kept / "a.txt").read_bytes() == b"precious"
    assert str(kept) in caplog.text


def test_get_with_changes_that_were_put_keeps_no_copy(data, dataset, home):
    data.put("small", "Files")
    (dataset / "a.txt").write_bytes(b"put too")
    data.put("small", "Files")
    data.get("small", "Files", version=1)
    assert not (home / ".minus80" / "replaced").exists()


@pytest.mark.parametrize("journal", ["delete", "wal"])
def test_put_of_a_database_with_a_writer_freezes_one_moment(data, databases, journal):
    folder = databases / "Files.live"
    folder.mkdir(parents=True)
    path = folder / "live.db"
    setup = sqlite3.connect(path)
    setup.execute(f"PRAGMA journal_mode = {journal}")
    setup.execute("CREATE TABLE pairs (one INTEGER, other INTEGER)")
    setup.commit()
    stop = threading.Event()

    def write():
        connection = sqlite3.connect(path, timeout=60)
        number = 0
        while not stop.is_set():
            number += 1
            with connection:  # always both or none
                connection.execute("INSERT INTO pairs VALUES (?, ?)", (number, -number))
                connection.execute("UPDATE pairs SET other = -one")
                connection.execute("DELETE FROM pairs WHERE one < ?", (number - 50,))
        connection.close()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for _ in range(3):
            data.put("live", "Files")
    finally:
        stop.set()
        writer.join()
    setup.close()
    shutil.rmtree(folder)
    for version in (1, 2, 3):
        data.get("live", "Files", version=version)
        assert [path.name for path in folder.iterdir()] == ["live.db"]
        with sqlite3.connect(path) as frozen:
            assert frozen.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            assert frozen.execute("SELECT count(*) FROM pairs WHERE other <> -one").fetchone() == (
                0,
            )


def test_put_again_of_an_unchanged_database_sends_nothing(data, databases):
    cohort = m80.Cohort("c")
    cohort.add_accession(m80.Accession("x"))
    cohort.m80.col["t"] = pd.DataFrame({"a": [1, 2]})
    cohort.m80.close()
    data.put("c", "Cohort")
    data.put("c", "Cohort")
    shutil.rmtree(databases)
    data.get("c", "Cohort")
    data.put("c", "Cohort")
    assert len({version.manifest for version in data.history("c", "Cohort").versions}) == 1
    assert m80.Cohort("c").m80.col["t"]["a"].tolist() == [1, 2]


def test_put_with_a_link_to_a_folder_is_refused(data, dataset, tmp_path):
    (tmp_path / "outside").mkdir()
    (dataset / "link").symlink_to(tmp_path / "outside")
    with pytest.raises(IntegrityError, match="neither a file nor a folder"):
        data.put("small", "Files")
    assert not data.list()


def test_wrong_secret_is_one_sentence_without_the_secret(in_cloud, monkeypatch):
    monkeypatch.setenv("CLOUD_SECRET_KEY", "entirely-wrong-secret")
    with pytest.raises(AccessDenied, match="the secret key is wrong") as caught:
        m80.CloudData().list()
    assert "entirely" not in str(caught.value)
    assert "entirely" not in repr(m80.CloudData().settings)


def test_unknown_key_is_told(in_cloud, monkeypatch):
    monkeypatch.setenv("CLOUD_ACCESS_KEY", "AKIANOBODYATALL00000")
    with pytest.raises(AccessDenied, match="the access key is not known"):
        m80.CloudData().list()


def test_no_credentials_anywhere_is_told(in_cloud, monkeypatch):
    monkeypatch.delenv("CLOUD_ACCESS_KEY")
    monkeypatch.delenv("CLOUD_SECRET_KEY")
    with pytest.raises(AccessDenied, match="there are no credentials; set CLOUD_ACCESS_KEY"):
        m80.CloudData().list()


def test_credentials_of_aws_are_used_when_minus80_has_none(in_cloud, s3_server, monkeypatch):
    monkeypatch.delenv("CLOUD_ACCESS_KEY")
    monkeypatch.delenv("CLOUD_SECRET_KEY")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", s3_server.access_key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", s3_server.secret_key)
    assert not m80.CloudData().list()


def test_nobody_listens_is_told(in_cloud, monkeypatch):
    monkeypatch.setenv("CLOUD_ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match=r"127\.0\.0\.1:9 does not answer"):
        m80.CloudData().list()


def test_folder_fetched_from_the_cloud_can_be_written_by_its_owner(data, dataset):
    data.put("small", "Files")
    shutil.rmtree(dataset)
    data.get("small", "Files")
    assert stat.S_IMODE((dataset / "a.txt").stat().st_mode) & 0o600 == 0o600
