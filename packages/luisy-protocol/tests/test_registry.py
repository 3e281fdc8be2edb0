"""Opening stores by URL, with plugins that are there, missing, broken and doubled."""

import subprocess
import sys
import textwrap

import pytest
from luisy_protocol import ConfigurationError, FileStore, LuisyError, MissingPackage, open_store


def install(folder, distribution, entry, code=""):
    """Lay out an installed distribution that registers a store, as pip would."""
    info = folder / f"{distribution.replace('-', '_')}-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(f"[luisy.stores]\n{entry}\n")
    (folder / f"{distribution.replace('-', '_')}.py").write_text(textwrap.dedent(code))


def open_with(folder, url):
    """Open a store in an interpreter that sees these distributions; return what it prints."""
    code = (
        "import sys; sys.path.insert(0, sys.argv[1])\n"
        "from luisy_protocol import open_store, LuisyError\n"
        "try: print(open_store(sys.argv[2]).url)\n"
        "except LuisyError as error: print(type(error).__name__, error)"
    )
    command = [sys.executable, "-c", code, str(folder), url]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def test_open_store_of_a_file_url(tmp_path):
    assert isinstance(open_store(tmp_path.as_uri()), FileStore)


def test_open_store_of_an_absolute_path(tmp_path):
    assert open_store(str(tmp_path / "a b")).root == tmp_path / "a b"


def test_open_store_of_a_path_below_home(tmp_path):
    assert open_store("~/store").root.is_absolute()


def test_open_store_of_a_registered_scheme_calls_its_factory(tmp_path):
    install(
        tmp_path,
        "my-store",
        "my = my_store:open",
        "from luisy_protocol.testing import MemoryStore\nopen = MemoryStore",
    )
    assert open_with(tmp_path, "my://there") == "my://there"


def test_open_store_of_a_broken_plugin_names_its_distribution(tmp_path):
    install(tmp_path, "my-store", "my = my_store:open", "import not_there_at_all")
    shown = open_with(tmp_path, "my://there")
    assert shown.startswith("MissingPackage my-store")
    assert "not_there_at_all" in shown


def test_open_store_when_the_factory_crashes_names_its_distribution(tmp_path):
    install(tmp_path, "my-store", "my = my_store:open", "def open(url): raise KeyError(url)")
    assert open_with(tmp_path, "my://there").startswith("ConfigurationError my-store")


def test_open_store_when_two_plugins_claim_a_scheme_names_both(tmp_path):
    install(tmp_path, "my-store", "my = my_store:open")
    install(tmp_path, "your-store", "my = your_store:open")
    shown = open_with(tmp_path, "my://there")
    assert "my-store" in shown
    assert "your-store" in shown


@pytest.mark.parametrize(
    ("url", "package"),
    [("az://a/b", "luisy-cloud"), ("s3://a/b", "m80-cloud"), ("firecrest://a", "firecrest-client")],
)
def test_open_store_without_the_package_names_the_pip_install(url, package):
    code = (
        "import importlib.metadata as m; old = m.entry_points\n"
        "m.entry_points = lambda **kw: [p for p in old(**kw) if p.name == 'file']\n"
        "from luisy_protocol import open_store, MissingPackage\n"
        f"try: open_store('{url}')\n"
        "except MissingPackage as error: print(error)"
    )
    command = [sys.executable, "-c", code]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert f"pip install {package}" in shown
    assert url in shown


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("ftp://a/b", "no store for 'ftp://'.*file://"),
        ("relative/path", "neither"),
        ("", "neither"),
        ("file:relative", "neither"),
        ("http://[broken", "malformed"),
        ("~nobody-of-this-name/x", "neither"),
    ],
)
def test_open_store_refuses_and_says_why(url, reason):
    with pytest.raises(ConfigurationError, match=reason):
        open_store(url)


@pytest.mark.parametrize(
    "url",
    [
        "az://user:hunter2@account/container",
        "s3://hunter2@bucket",
        "az://account/container?sv=1&sig=hunter2",
        "s3://bucket?access_key=hunter2",
        "az:user:hunter2@account",
    ],
)
def test_open_store_refuses_a_credential_and_does_not_show_it(url):
    with pytest.raises(LuisyError) as caught:
        open_store(url)
    assert isinstance(caught.value, ConfigurationError)
    assert not isinstance(caught.value, MissingPackage)
    assert "hunter2" not in str(caught.value)
