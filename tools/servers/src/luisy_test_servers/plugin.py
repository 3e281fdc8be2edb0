"""The fixtures; pytest finds them wherever this package is installed."""

from __future__ import annotations

from collections.abc import Iterator
from uuid import uuid4

import pytest

from luisy_test_servers.azure import Azurite
from luisy_test_servers.azure import azurite as run_azurite
from luisy_test_servers.s3 import S3Server
from luisy_test_servers.s3 import s3_server as run_s3_server


@pytest.fixture(scope="session")
def azurite() -> Iterator[Azurite]:
    """A running Azurite, one for all tests of a run."""
    with run_azurite() as server:
        yield server


@pytest.fixture
def azure_container(azurite: Azurite) -> str:
    """The name of an empty container of its own."""
    from azure.storage.blob import BlobServiceClient

    name = f"test-{uuid4().hex}"
    with BlobServiceClient.from_connection_string(azurite.connection_string) as service:
        service.create_container(name).close()
    return name


@pytest.fixture(scope="session")
def s3_server() -> Iterator[S3Server]:
    """A running S3 server that checks signatures, one for all tests of a run."""
    with run_s3_server() as server:
        yield server


@pytest.fixture
def s3_bucket(s3_server: S3Server) -> str:
    """The name of an empty bucket of its own."""
    name = f"test-{uuid4().hex}"
    s3_server.client().create_bucket(Bucket=name)
    return name
