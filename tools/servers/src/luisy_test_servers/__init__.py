"""Real object-store servers on free loopback ports, for tests and benchmarks."""

from luisy_test_servers.azure import Azurite, azurite
from luisy_test_servers.s3 import S3Server, s3_server

__all__ = ["Azurite", "S3Server", "azurite", "s3_server"]
