"""Real object-store servers on free loopback ports, for tests and benchmarks."""

from luisy_test_servers.azure import Azurite, azurite
from luisy_test_servers.proxy import (
    Answer,
    CutAnswer,
    CutRequest,
    DamageRequest,
    Proxy,
    Request,
    proxy,
)
from luisy_test_servers.s3 import S3Server, s3_server

__all__ = [
    "Answer",
    "Azurite",
    "CutAnswer",
    "CutRequest",
    "DamageRequest",
    "Proxy",
    "Request",
    "S3Server",
    "azurite",
    "proxy",
    "s3_server",
]
