"""Azurite, Microsoft's own emulator of Azure Blob storage."""

from __future__ import annotations

import base64
import os
import re
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from luisy_test_servers.process import StartError, serving

HOME = Path(__file__).parents[2]
ACCOUNT = "luisytest"
# While its heap is small, Node takes the buffers that pass through for a reason to collect all of
# it, at times for every 8 MB and at times never. This cost up to 1.5 s of CPU for each 512 MB.
COLLECT_LATE = "--initial-old-space-size=1024"
LISTENS = re.compile(r"successfully listens on (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True)
class Azurite:
    """Where a running Azurite is and how to enter.

    Attributes:
        endpoint: The blob endpoint with the account in its path.
        account: The account's name.
        key: The account's key, made for this server alone.
    """

    endpoint: str
    account: str
    key: str = field(repr=False)

    @property
    def connection_string(self) -> str:
        """The text that Azure's SDKs accept in the place of endpoint, account and key."""
        return (
            f"DefaultEndpointsProtocol=http;AccountName={self.account};"
            f"AccountKey={self.key};BlobEndpoint={self.endpoint};"
        )


@contextmanager
def azurite() -> Iterator[Azurite]:
    """Serve blobs from a temporary folder on a free loopback port until the block ends.

    Raises:
        StartError: If Azurite is not installed (``npm ci`` in ``tools/servers``) or does not start.
    """
    if not (HOME / "node_modules/azurite").is_dir():
        raise StartError("Azurite is not installed: run `npm ci` in tools/servers")
    key = base64.b64encode(secrets.token_bytes(64)).decode()
    with tempfile.TemporaryDirectory(prefix="azurite-") as folder:
        command = ["node", COLLECT_LATE, str(HOME / "azurite.js")]
        address = ["--blobHost", "127.0.0.1", "--blobPort", "0"]
        # A current SDK speaks a newer API version than Azurite knows; telemetry delays its end.
        options = ["--location", folder, "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
        env = {**os.environ, "AZURITE_ACCOUNTS": f"{ACCOUNT}:{key}"}
        with serving([*command, *address, *options], LISTENS, env=env) as match:
            yield Azurite(f"{match[1]}/{ACCOUNT}", ACCOUNT, key)
