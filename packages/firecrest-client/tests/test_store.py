"""The store, against the conformance suite and against the emulator."""

import functools
import hashlib
import pickle

import pytest
from firecrest.emulator import Emulator, Settings
from firecrest.store import FirecrestStore, open_store
from luisy_protocol import errors
from luisy_protocol.registry import open_store as open_by_url
from luisy_protocol.testing import StoreConformance

MIB = 1 << 20


@pytest.fixture
def site(tmp_path_factory, monkeypatch):
    root = tmp_path_factory.mktemp("site")
    with Emulator(Settings(root=root, size_limit=MIB, token_lifetime=3600)) as server:
        monkeypatch.setenv("FIRECREST_URL", server.url)
        monkeypatch.setenv("AUTH_TOKEN_URL", server.token_url)
        monkeypatch.setenv("FIRECREST_CLIENT_ID", server.client_id)
        monkeypatch.setenv("FIRECREST_CLIENT_SECRET", server.client_secret)
        yield server


class TestFirecrestStore(StoreConformance):
    @pytest.fixture
    def opener(self, site):
        return functools.partial(open_store, "firecrest://cluster/home/f7tuser/store")


@pytest.fixture
def store(site):
    return open_by_url("firecrest://cluster/home/f7tuser/store")


def remote(site, name):
    return site.machine_folder("cluster") / "home/f7tuser/store" / name


def test_object_is_a_plain_file_on_the_machine(site, store):
    store.write("p/raw/a.csv", b"1")
    assert remote(site, "p/raw/a.csv").read_bytes() == b"1"


def test_name_that_firecrest_refuses_is_percent_encoded(site, store):
    store.write("p/a (b).csv", b"1")
    assert remote(site, "p/a%20%28b%29.csv").is_file()
    assert [info.key for info in store.list()] == ["p/a (b).csv"]


def test_file_put_there_by_hand_is_an_object_and_a_link_is_none(site, store):
    store.write("p/a", b"1")
    remote(site, "p/by_hand").write_bytes(b"22")
    remote(site, "p/link").symlink_to("by_hand")
    assert [(info.key, info.size) for info in store.list()] == [("p/a", 1), ("p/by_hand", 2)]
    with pytest.raises(errors.NotFound):
        store.stat("p/link")


@pytest.mark.parametrize(
    ("size", "path"),
    [
        pytest.param(MIB // 2, "/utilities/upload", id="small"),
        pytest.param(MIB + 1, "/storage/xfer-external/upload", id="large"),
    ],
)
def test_upload_goes_the_way_that_the_server_allows(site, store, tmp_path, size, path):
    source = tmp_path / "source"
    source.write_bytes(b"x" * size)
    sha256 = hashlib.sha256(source.read_bytes()).hexdigest()
    sent = []
    store.upload(source, "p/a", sha256=sha256, advance=sent.append)
    tasks = store._client.tasks()
    assert remote(site, "p/a").stat().st_size == sum(sent) == size
    assert bool(tasks) == ("storage" in path)


def test_interrupted_upload_leaves_nothing(site, store, tmp_path):
    source = tmp_path / "source"
    source.write_bytes(b"x" * MIB * 2)

    def stop(size):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        store.upload(source, "p/a", sha256="0" * 64, advance=stop)
    assert list(remote(site, ".luisy-store").iterdir()) == []
    assert list(store.list()) == []


def test_listing_folder_by_folder_finds_the_same(site, store):
    for key in ("p/a", "p/raw/b", ".hidden/c"):
        store.write(key, b"1")
    whole = list(store.list())
    store._client.set_api_version("1.15.0")
    assert list(store.list()) == whole


def test_folder_cannot_become_an_object(store):
    store.write("p/a", b"1")
    with pytest.raises(errors.NotSupported, match="is a folder"):
        store.write("p", b"2")
    assert store.read("p/a")[0] == b"1"


def test_reserved_name_is_refused(store):
    with pytest.raises(errors.InvalidKey):
        store.write(".luisy-store/x", b"")


def test_store_when_pickled_takes_no_client_with_it(store):
    store.write("p/a", b"1")
    copy = pickle.loads(pickle.dumps(store))
    assert copy._given_client is None
    assert copy.read("p/a")[0] == b"1"


@pytest.mark.parametrize(
    "url",
    ["firecrest://cluster", "firecrest:///home", "firecrest://cluster/a?b=c", "firecrest://c/a'b"],
)
def test_malformed_url_is_refused(url):
    with pytest.raises(errors.ConfigurationError):
        open_store(url)


def test_missing_settings_are_named_when_the_store_is_used(monkeypatch):
    for name in ("FIRECREST_URL", "FIRECREST_CLIENT_ID", "FIRECREST_TOKEN_COMMAND"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(errors.ConfigurationError, match="FIRECREST_URL"):
        list(FirecrestStore("cluster", "/home").list())
