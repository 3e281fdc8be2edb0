import re
import socket
import subprocess
import sys
from urllib.parse import urlsplit

import boto3
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError, ResourceExistsError
from azure.storage.blob import BlobClient, BlobServiceClient
from botocore.exceptions import ClientError
from luisy_test_servers import azurite as run_azurite
from luisy_test_servers.process import StartError, serving


def test_azurite_keeps_a_blob_and_refuses_to_replace_it_unasked(azurite, azure_container):
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        with service.get_blob_client(azure_container, "a/b") as blob:
            blob.upload_blob(b"content")
            assert blob.download_blob().readall() == b"content"
            with pytest.raises(ResourceExistsError):
                blob.upload_blob(b"other")


def test_azurite_refuses_a_wrong_key(azurite, azure_container):
    credential = {"account_name": azurite.account, "account_key": "d3Jvbmc="}
    with BlobClient(azurite.endpoint, azure_container, "x", credential=credential) as blob:
        with pytest.raises((ClientAuthenticationError, HttpResponseError)) as caught:
            blob.upload_blob(b"content", retry_total=0)
    assert caught.value.status_code == 403


def test_azurite_leaves_no_process_when_it_stops():
    with run_azurite() as server:
        assert _answers(server.endpoint)
    assert not _answers(server.endpoint)


def test_s3_keeps_an_object_and_honours_if_none_match(s3_server, s3_bucket):
    client = s3_server.client()
    client.put_object(Bucket=s3_bucket, Key="a/b", Body=b"content", IfNoneMatch="*")
    assert client.get_object(Bucket=s3_bucket, Key="a/b")["Body"].read() == b"content"
    with pytest.raises(ClientError, match="PreconditionFailed"):
        client.put_object(Bucket=s3_bucket, Key="a/b", Body=b"other", IfNoneMatch="*")


def test_s3_refuses_a_wrong_secret(s3_server, s3_bucket):
    client = boto3.client(
        "s3",
        endpoint_url=s3_server.endpoint,
        aws_access_key_id=s3_server.access_key,
        aws_secret_access_key="wrong",
        region_name=s3_server.region,
    )
    with pytest.raises(ClientError, match="SignatureDoesNotMatch") as caught:
        client.put_object(Bucket=s3_bucket, Key="x", Body=b"content")
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def test_a_server_that_ends_at_once_is_reported_with_its_words():
    command = [sys.executable, "-c", "print('no port is free')"]
    with pytest.raises(StartError, match="no port is free"):
        with serving(command, re.compile("listens")):
            pass


@pytest.mark.parametrize("name", ["azurite", "s3"])
def test_command_prints_settings_and_ends_on_interrupt(name):
    command = [sys.executable, "-m", "luisy_test_servers", name]
    with subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline().startswith("export ")
        assert "serving" in process.stderr.readline()
        process.send_signal(2)
        assert process.wait() == 0


def _answers(endpoint: str) -> bool:
    where = urlsplit(endpoint)
    with socket.socket() as probe:
        return probe.connect_ex((where.hostname, where.port)) == 0
