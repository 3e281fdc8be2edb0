"""`FcPath`, against the emulator."""

import os
import stat

import firecrest as fc
import pytest
from firecrest.emulator import Emulator, Settings
from firecrest.path import FcPath
from firecrest.testing import FixedToken


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    settings = Settings(root=tmp_path_factory.mktemp("site"), size_limit=100_000)
    with Emulator(settings) as server:
        yield server


@pytest.fixture
def home(site, tmp_path):
    client = fc.v1.Firecrest(site.url, FixedToken(site.token(lifetime=3600)))
    path = FcPath(client, "cluster", "/home/f7tuser") / tmp_path.name
    path.mkdir()
    return path


def on_disk(site, path):
    return site.machine_folder("cluster") / str(path).lstrip("/")


def test_text_round_trips(home):
    (home / "a.txt").write_text("Grüße\n")
    assert (home / "a.txt").read_text() == "Grüße\n"


def test_large_content_goes_through_the_staging_area(home):
    content = os.urandom(300_000)
    (home / "big").write_bytes(content)
    assert (home / "big").read_bytes() == content


@pytest.mark.parametrize("mode", [0o640, 0o4755, 0o1777])
def test_chmod_takes_a_number_and_lstat_tells_it(home, site, mode):
    path = home / "file"
    path.touch()
    path.chmod(mode)
    assert stat.S_IMODE(on_disk(site, path).stat().st_mode) == mode
    assert stat.S_IMODE(path.lstat().st_mode) == mode


def test_mkdir_of_an_existing_directory_raises_file_exists_error(home):
    with pytest.raises(FileExistsError):
        home.mkdir()
    with pytest.raises(FileExistsError):
        home.mkdir(parents=True)
    home.mkdir(exist_ok=True)
    home.mkdir(parents=True, exist_ok=True)


def test_mkdir_without_parents_raises_file_not_found_error(home):
    with pytest.raises(FileNotFoundError):
        (home / "a" / "b").mkdir()
    (home / "a" / "b").mkdir(parents=True)
    assert (home / "a" / "b").is_dir()


def test_mkdir_over_a_file_raises_even_if_exist_ok(home):
    (home / "file").touch()
    with pytest.raises(FileExistsError):
        (home / "file").mkdir(exist_ok=True)


def test_exists_and_kinds(home):
    (home / "file").touch()
    (home / "link").symlink_to(home / "file")
    assert (home / "file").exists()
    assert (home / "file").is_file()
    assert home.is_dir()
    assert (home / "link").is_symlink()
    assert (home / "link").is_file()
    assert not (home / "nope").exists()
    assert not (home / "file" / "below").exists()


def test_iterdir_yields_paths(home):
    (home / "b").touch()
    (home / ".a").touch()
    assert sorted(path.name for path in home.iterdir()) == [".a", "b"]
    assert [path.name for path in home.iterdir(hidden=False)] == ["b"]
    with pytest.raises(NotADirectoryError):
        list((home / "b").iterdir())


def test_unlink_and_rmtree_delete_what_they_are_for(home):
    (home / "file").touch()
    with pytest.raises(IsADirectoryError):
        home.unlink()
    with pytest.raises(NotADirectoryError):
        (home / "file").rmtree()
    (home / "file").unlink()
    with pytest.raises(FileNotFoundError):
        (home / "file").unlink()
    (home / "file").unlink(missing_ok=True)
    home.rmtree()
    assert not home.exists()


def test_touch_keeps_what_is_there(home):
    (home / "file").write_text("text")
    (home / "file").touch()
    assert (home / "file").read_text() == "text"
    with pytest.raises(FileExistsError):
        (home / "file").touch(exist_ok=False)


def test_rename_returns_the_new_path(home):
    (home / "a").write_text("text")
    moved = (home / "a").rename(home / "b")
    assert moved == home / "b"
    assert moved.read_text() == "text"


def test_cache_tells_the_old_until_it_is_cleared(home, site):
    path = FcPath(home.client, "cluster", str(home / "file"), cache_enabled=True)
    path.write_text("1")
    assert path.stat().st_size == 1
    on_disk(site, path).write_text("22")
    assert path.stat().st_size == 1
    path.clear_cache()
    assert path.stat().st_size == 2


def test_path_as_text_behaves_like_pathlib(home):
    path = FcPath(home.client, "cluster", "/a/b/../c.tar.gz")
    assert path.suffixes == [".tar", ".gz"]
    assert path.resolve().path == "/a/c.tar.gz"
    assert path.with_suffix(".x").name == "c.tar.x"
    assert path.relpath("/a") == "c.tar.gz"
    assert os.fspath(path) == "/a/b/../c.tar.gz"
    assert repr(path) == "FcPath('cluster', '/a/b/../c.tar.gz')"


def test_checksum_is_computed_on_the_machine(home):
    (home / "a").write_text("hello\nworld\n")
    expected = "4a1e67f2fe1d1cc7b31d0ca2ec441da4778203a036a77da10344c85e24ff0f92"
    assert (home / "a").checksum() == expected


def test_from_env_variables_when_one_is_missing_names_it(monkeypatch):
    monkeypatch.setenv("FIRECREST_URL", "http://127.0.0.1:1")
    for name in ("FIRECREST_CLIENT_ID", "FIRECREST_CLIENT_SECRET", "AUTH_TOKEN_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.delenv("FIRECREST_TOKEN_COMMAND", raising=False)
    with pytest.raises(ValueError, match="FIRECREST_CLIENT_ID"):
        FcPath.from_env_variables("cluster", "/home")
