from __future__ import annotations

import pytest
from luisy_cloud.azure_settings import read_settings
from luisy_protocol.errors import ConfigurationError

DOCUMENTED = {
    "LUISY_AZURE_ACCOUNT_NAME": "team",
    "LUISY_AZURE_CONTAINER_NAME": "projects",
    "LUISY_AZURE_STORAGE_KEY": "a2V5",
}


def test_documented_variables_are_enough():
    settings = read_settings("az://", DOCUMENTED)
    assert (settings.container, settings.prefix) == ("projects", "")
    assert settings.endpoint == "https://team.blob.core.windows.net"
    assert settings.key is not None
    assert settings.key.reveal() == "a2V5"


def test_url_names_another_container_and_a_prefix():
    settings = read_settings("az://other/a/b%20c/", DOCUMENTED)
    assert (settings.container, settings.prefix) == ("other", "a/b c/")


def test_connection_string_comes_before_the_key_and_needs_no_account():
    environ = {"LUISY_AZURE_CONNECTION_STRING": "x", "LUISY_AZURE_STORAGE_KEY": "a2V5"}
    settings = read_settings("az://projects", environ)
    assert settings.connection_string is not None
    assert settings.key is None


def test_without_any_secret_identity_is_left():
    settings = read_settings("az://projects", {"LUISY_AZURE_ACCOUNT_NAME": "team"})
    assert not settings.key
    assert not settings.sas_token


@pytest.mark.parametrize(
    ("url", "changes", "words"),
    [
        ("az://", {"LUISY_AZURE_CONTAINER_NAME": ""}, "LUISY_AZURE_CONTAINER_NAME"),
        ("az://Pro_jects", {}, "is not the name of a container"),
        ("az://projects/../x", {}, "not allowed"),
        ("az://projects?x=1", {}, "az://<container>"),
        ("az://", {"LUISY_AZURE_CONTAINER_NAME": ""}, "LUISY_REMOTE=az://<container>"),
        ("az://projects", {"LUISY_AZURE_ACCOUNT_NAME": ""}, "LUISY_AZURE_ACCOUNT_NAME"),
        ("az://projects", {"LUISY_AZURE_ACCOUNT_NAME": "a.b/c"}, "not the name of an account"),
        ("az://projects", {"LUISY_AZURE_ENDPOINT": "ftp://x"}, "LUISY_AZURE_ENDPOINT"),
        ("az://projects", {"LUISY_AZURE_ENDPOINT": "https://x?sig=1"}, "LUISY_AZURE_SAS_TOKEN"),
        ("az://projects", {"LUISY_AZURE_RETRIES": "many"}, "LUISY_AZURE_RETRIES"),
        ("az://projects", {"LUISY_AZURE_TIMEOUT": "-1"}, "LUISY_AZURE_TIMEOUT"),
        ("az://projects", {"LUISY_AZURE_TIMEOUT": "0"}, "from 1 to 86400"),
    ],
    ids=lambda value: value if isinstance(value, str) else ",".join(value),
)
def test_what_is_wrong_is_named(url, changes, words):
    with pytest.raises(ConfigurationError, match=words):
        read_settings(url, {**DOCUMENTED, **changes})


@pytest.mark.parametrize(
    "expiry", ["2020-01-01T00:00:00Z", "2020-01-01", "2020-01-01T00%3A00%3A00Z"]
)
def test_expired_token_is_named_wherever_it_is(expiry):
    token = f"sv=2024-11-04&se={expiry}&sr=c&sp=rl&sig=abc"
    for environ in (
        {"LUISY_AZURE_ACCOUNT_NAME": "team", "LUISY_AZURE_SAS_TOKEN": token},
        {"LUISY_AZURE_CONNECTION_STRING": f"BlobEndpoint=x;SharedAccessSignature={token}"},
    ):
        with pytest.raises(ConfigurationError, match="expired on 2020-01-01"):
            read_settings("az://projects", environ)


def test_token_without_an_expiry_of_its_own_is_left_to_azure():
    environ = {"LUISY_AZURE_ACCOUNT_NAME": "team", "LUISY_AZURE_SAS_TOKEN": "si=policy&sig=abc"}
    assert read_settings("az://projects", environ).sas_token is not None
