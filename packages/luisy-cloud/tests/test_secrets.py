"""No secret comes out by output, by logs with everything switched on, or by exceptions."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta
from urllib.parse import unquote

import pytest
from luisy_cloud.azure_settings import read_settings
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.errors import LuisyError

RUN = """
import logging, sys
logging.basicConfig(level=logging.DEBUG, stream=sys.stdout)
from luisy.cli import call
sys.exit(call(sys.argv[1:]))
"""


@pytest.fixture(params=["key", "token", "connection string"])
def secret(request, azurite, azure_url, monkeypatch) -> str:
    """Set one of the ways in, and return the text that nobody may see."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    if request.param == "key":
        return azurite.key
    monkeypatch.delenv("LUISY_AZURE_STORAGE_KEY")
    if request.param == "connection string":
        monkeypatch.setenv("LUISY_AZURE_CONNECTION_STRING", azurite.connection_string)
        return azurite.key
    token = generate_container_sas(
        azurite.account,
        azure_url.removeprefix("az://").partition("/")[0],
        account_key=azurite.key,
        permission=ContainerSasPermissions(read=True, write=True, list=True, delete=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    monkeypatch.setenv("LUISY_AZURE_SAS_TOKEN", token)
    return token.partition("sig=")[2].partition("&")[0]


def shows(text: str, secret: str) -> bool:
    return secret in text or unquote(secret) in text


def test_logs_with_everything_switched_on_show_no_secret(secret, azure_url, caplog, tmp_path):
    caplog.set_level(logging.DEBUG)
    store = open_azure_store(azure_url)
    store.write("p/a", b"1")
    store.read("p/a")
    store.download("p/a", tmp_path / "a")
    list(store.list())
    with pytest.raises(LuisyError):
        store.read("p/absent")
    assert "Request URL" in caplog.text
    assert "urllib3" in caplog.text
    assert not shows(caplog.text, secret)


@pytest.mark.parametrize("fault", ["refused", "denied", "resolved"])
def test_exceptions_show_no_secret(secret, azure_url, azurite, monkeypatch, fault):
    monkeypatch.setenv("LUISY_AZURE_RETRIES", "0")
    endpoint = {
        "refused": "http://127.0.0.1:9/x",
        "denied": azurite.endpoint,
        "resolved": "http://no-such-host.invalid",
    }[fault]
    text = os.environ.get("LUISY_AZURE_CONNECTION_STRING")
    if text:
        monkeypatch.setenv(
            "LUISY_AZURE_CONNECTION_STRING", text.replace(azurite.endpoint, endpoint)
        )
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", endpoint)
    url = azure_url if fault != "denied" else "az://another-container"
    store = open_azure_store(url)
    with pytest.raises(LuisyError) as raised:
        list(store.list())
    chain = [raised.value]
    while chain[-1].__context__ is not None:
        chain.append(chain[-1].__context__)
    shown = "".join(repr(error) + str(error) for error in chain)
    shown += "".join(traceback.format_exception(raised.value))
    assert not shows(shown, secret)


@pytest.mark.parametrize("word", ["ls", "verify"])
def test_command_with_all_logging_shows_no_secret(secret, azure_url, word):
    done = subprocess.run(
        [sys.executable, "-c", RUN, "remote", word, "--remote", azure_url],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "azure.core" in done.stdout
    assert not shows(done.stdout + done.stderr, secret)


def test_run_with_verbose_and_all_logging_shows_no_secret(secret, azure_url, tmp_path):
    (tmp_path / "my_tasks.py").write_text(
        "import luisy\n\n@luisy.final\n@luisy.pickle_output\nclass One(luisy.Task):\n"
        "    def run(self):\n        self.write(1)\n"
    )
    line = ["--module", "my_tasks", "One", "--working-dir", str(tmp_path / "data"), "--verbose"]
    for wish in ("--upload", "--download"):
        done = subprocess.run(
            [sys.executable, "-c", RUN, *line, wish, "--no-ask", "--remote", azure_url],
            capture_output=True,
            text=True,
            check=False,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        assert not shows(done.stdout + done.stderr, secret)


def test_settings_and_store_show_no_secret(secret, azure_url):
    settings = read_settings(azure_url, os.environ)
    store = open_azure_store(azure_url)
    assert not shows(f"{settings!r} {store!r} {store.url} {vars(store)!r}", secret)
    assert not shows(pickle.dumps(store).decode("latin-1"), secret)
    assert pickle.loads(pickle.dumps(store)).url == store.url


def test_malformed_connection_string_is_not_quoted(monkeypatch, azure_url):
    monkeypatch.setenv("LUISY_AZURE_CONNECTION_STRING", "AccountName=x;AccountKey")
    with pytest.raises(LuisyError) as raised:
        open_azure_store(azure_url)
    assert "AccountKey" not in "".join(traceback.format_exception(raised.value))
