from pathlib import Path

import luisy
import pytest
from luisy.config import Config
from luisy_protocol import ConfigurationError

AZURE = {
    "LUISY_AZURE_ACCOUNT_NAME": "acme",
    "LUISY_AZURE_CONTAINER_NAME": "projects",
    "LUISY_AZURE_STORAGE_KEY": "hunter2",
}
VARIABLES = [*AZURE, "WORKING_DIR", "LUISY_REMOTE", "LUISY_REQUIREMENTS_PATH"]


@pytest.fixture(autouse=True)
def unset(monkeypatch):
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
    with Config().restored():
        Config().reset()
        yield


def test_config_is_one_object():
    assert Config() is luisy.Config()


def test_working_dir_is_read_from_the_environment_when_asked(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKING_DIR", str(tmp_path))
    assert Config().working_dir == str(tmp_path)


def test_set_working_dir_wins_over_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("WORKING_DIR", "/elsewhere")
    luisy.set_working_dir(tmp_path)
    assert Config().working_dir == str(tmp_path)


def test_relative_working_dir_is_that_of_the_moment_it_was_set(monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    luisy.set_working_dir("data")
    monkeypatch.chdir("/")
    assert Config().working_dir == str(tmp_path / "data")


def test_working_dir_names_every_way_to_set_it_when_missing():
    with pytest.raises(ConfigurationError, match=r"--working-dir.*set_working_dir.*WORKING_DIR"):
        _ = Config().working_dir


@pytest.mark.parametrize(
    "use",
    [
        lambda: Config().get_param("wroking_dir"),
        lambda: Config().set_param("wroking_dir", "x"),
        lambda: Config().update({"wroking_dir": "x"}),
    ],
    ids=["get", "set", "update"],
)
def test_unknown_setting_is_named_in_one_sentence(use):
    with pytest.raises(
        ConfigurationError, match=r"^there is no setting 'wroking_dir'; .*working_dir"
    ):
        use()


def test_setting_none_gives_the_setting_back_to_the_environment(monkeypatch):
    monkeypatch.setenv("LUISY_REMOTE", "file:///shared")
    Config().set_param("remote", "file:///other")
    Config().set_param("remote", None)
    assert Config().remote == "file:///shared"


def test_remote_is_none_without_any_setting():
    assert Config().remote is None


def test_remote_is_the_azure_container_when_the_account_is_given(monkeypatch):
    for name, value in AZURE.items():
        monkeypatch.setenv(name, value)
    assert Config().remote == "az://projects"


def test_remote_url_wins_over_the_azure_account(monkeypatch):
    for name, value in {**AZURE, "LUISY_REMOTE": "file:///shared"}.items():
        monkeypatch.setenv(name, value)
    assert Config().remote == "file:///shared"


@pytest.mark.parametrize("missing", sorted(AZURE))
def test_remote_names_the_missing_variable_of_an_azure_account(monkeypatch, missing):
    for name in AZURE.keys() - {missing}:
        monkeypatch.setenv(name, AZURE[name])
    with pytest.raises(ConfigurationError, match=missing) as caught:
        _ = Config().remote
    assert all(name not in str(caught.value) for name in AZURE.keys() - {missing})
    assert "LUISY_REMOTE=az://<container>" in str(caught.value)


@pytest.mark.parametrize("source", ["environment", "set"])
def test_storage_key_is_never_shown(monkeypatch, source):
    if source == "set":
        Config().set_param("azure_storage_key", "hunter2")
    else:
        monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", "hunter2")
    assert "hunter2" not in repr(Config().config)
    assert Config().get_param("azure_storage_key").reveal() == "hunter2"


def test_check_params_asks_for_a_store_only_when_one_is_needed(tmp_path):
    luisy.set_working_dir(tmp_path)
    Config().check_params()
    luisy.activate_download()
    with pytest.raises(ConfigurationError, match="LUISY_REMOTE"):
        Config().check_params()


def test_restored_gives_settings_back_after_an_error(tmp_path):
    luisy.set_working_dir(tmp_path)
    with pytest.raises(KeyError), Config().restored():  # noqa: PT012 - the block is the test
        luisy.set_working_dir("/elsewhere")
        raise KeyError
    assert Config().working_dir == str(tmp_path)


def test_working_dir_understands_the_home_folder():
    luisy.set_working_dir("~/data")
    assert Config().working_dir == str(Path.home() / "data")
