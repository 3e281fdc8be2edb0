from __future__ import annotations

import sys

import pytest
from azure.storage.blob import ContainerClient
from luisy_cloud.azure_client import open_container
from luisy_cloud.azure_session import AzureSession
from luisy_cloud.azure_settings import AzureSettings, read_settings
from luisy_protocol.errors import ConfigurationError, MissingPackage


def opened(settings: AzureSettings) -> ContainerClient:
    return open_container(settings, AzureSession(retries=0))


ACCOUNT = {"LUISY_AZURE_ACCOUNT_NAME": "team"}


def test_without_a_key_the_identity_of_the_person_is_used():
    pytest.importorskip("azure.identity")
    container = opened(read_settings("az://projects", ACCOUNT))
    assert type(container.credential).__name__ == "DefaultAzureCredential"


def test_identity_is_not_sent_over_an_open_line():
    pytest.importorskip("azure.identity")
    environ = {**ACCOUNT, "LUISY_AZURE_ENDPOINT": "http://127.0.0.1:9/team"}
    with pytest.raises(ConfigurationError, match=r"(?i)https"):
        opened(read_settings("az://projects", environ))


@pytest.mark.parametrize(
    ("endpoint", "account"),
    [
        ("https://secondteam.blob.core.chinacloudapi.cn", "secondteam"),
        ("http://127.0.0.1:10000/devaccount", "devaccount"),
    ],
    ids=["sovereign cloud", "emulator"],
)
def test_account_is_taken_from_the_endpoint_when_it_is_not_named(endpoint, account):
    environ = {"LUISY_AZURE_ENDPOINT": endpoint, "LUISY_AZURE_STORAGE_KEY": "a2V5"}
    container = opened(read_settings("az://projects", environ))
    assert container.credential.account_name == account
    assert container.url == f"{endpoint}/projects"


def test_identity_without_its_package_names_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "azure.identity", None)
    with pytest.raises(MissingPackage, match=r"luisy-cloud\[identity\]"):
        opened(read_settings("az://projects", ACCOUNT))


@pytest.mark.parametrize("name", ["REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"])
def test_file_of_certificates_that_is_not_there_is_named(monkeypatch, name):
    monkeypatch.delenv("REQUESTS_CA_BUNDLE", raising=False)
    monkeypatch.setenv(name, "/nowhere/company.pem")
    with pytest.raises(ConfigurationError, match=f"{name} is '/nowhere/company.pem'"):
        AzureSession(retries=0)
