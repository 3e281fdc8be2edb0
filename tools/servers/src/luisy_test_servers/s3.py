"""An S3 server (moto) that checks signatures: a wrong secret is refused, as Amazon does."""

from __future__ import annotations

import json
import os
import re
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from luisy_test_servers.process import serving

LISTENS = re.compile(r"listens on (http://127\.0\.0\.1:\d+)")
REGION = "us-east-1"
ANYTHING = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
}


@dataclass(frozen=True, slots=True)
class S3Server:
    """Where a running S3 server is and how to enter.

    Attributes:
        endpoint: The URL to give to an S3 client, which must use path-style addresses.
        access_key: The key of a user who may do anything.
        secret_key: That user's secret; any other is refused.
        region: The region in which buckets are made.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)
    region: str = REGION

    def client(self) -> Any:
        """Return a boto3 client of this server; boto3 makes the classes at run time: no type."""
        return _client("s3", self.endpoint, self.access_key, self.secret_key)


@contextmanager
def s3_server() -> Iterator[S3Server]:
    """Serve S3 from memory on a free loopback port until the block ends.

    Raises:
        StartError: If the server does not start.
    """
    command = [sys.executable, "-m", "luisy_test_servers.moto_process"]
    with serving(command, LISTENS, env=dict(os.environ)) as match:
        endpoint = match[1]
        access_key, secret_key = _make_user(endpoint)
        _check_signatures_from_now(endpoint)
        yield S3Server(endpoint, access_key, secret_key)


def _make_user(endpoint: str) -> tuple[str, str]:
    iam = _client("iam", endpoint, "anybody", "anything")
    iam.create_user(UserName="tester")
    iam.put_user_policy(
        UserName="tester", PolicyName="anything", PolicyDocument=json.dumps(ANYTHING)
    )
    made = iam.create_access_key(UserName="tester")["AccessKey"]
    return made["AccessKeyId"], made["SecretAccessKey"]


def _check_signatures_from_now(endpoint: str) -> None:
    """Set to zero the number of requests that moto lets pass without a look at who asks."""
    url, plain = f"{endpoint}/moto-api/reset-auth", {"Content-Type": "text/plain"}
    request = urllib.request.Request(url, data=b"0", headers=plain, method="POST")
    urllib.request.urlopen(request, timeout=120).close()


def _client(service: str, endpoint: str, access_key: str, secret_key: str) -> Any:
    import boto3

    client: Any = boto3.client  # its types want the service's name as a literal
    return client(
        service,
        endpoint_url=endpoint,
        aws_access_key_id=access_key,
        aws_secret_access_key=secret_key,
        region_name=REGION,
    )
