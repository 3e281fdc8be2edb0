"""One bucket of one server: boto3's client and the fast way for small objects."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cached_property
from threading import BoundedSemaphore, RLock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

from minus80.s3_errors import s3_errors
from minus80.s3_quick import QuickRequests
from minus80.settings import Cloud

if TYPE_CHECKING:
    import botocore.session
    from types_boto3_s3.client import S3Client

CONNECTIONS = 32
# Each part on its way needs a core's time, for digests, encryption and copies. More parts than the
# cores can serve displace each other in the caches; more than six bring nothing.
PART_WORKERS = min(6, (os.cpu_count() or 1) + 1)
# A server on the same machine needs the cores, too: it is fastest with one part after the other.
_SENDS_HERE = 1
PART = 8 * 1024 * 1024
_LARGE_AT_ONCE = 2
_ATTEMPTS = 6


class Connection:
    """A bucket and how to reach it; safe to use from several threads.

    Args:
        cloud: The settings.

    Attributes:
        cloud: The settings.
        url: The bucket for messages.
        sends_at_a_time: How many parts of a file may be on their way to the bucket.
        large: Held by each file that is sent in parts, for their parts are in memory.
    """

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.bucket = cloud.bucket
        self.url = f"s3://{cloud.bucket}"
        self.sends_at_a_time = _SENDS_HERE if _is_here(cloud.endpoint) else PART_WORKERS
        self.large = BoundedSemaphore(_LARGE_AT_ONCE)
        self._lock = RLock()

    @property
    def client(self) -> S3Client:
        """The boto3 client; made once, for that takes a good part of a second."""
        with self._lock:
            return self._client

    @property
    def quick(self) -> QuickRequests | None:
        """The fast way, or None where only boto3 knows the way (behind a proxy)."""
        with self._lock:
            return self._quick

    @property
    def parts(self) -> ThreadPoolExecutor:
        """The threads that move the parts of large objects, shared by all transfers."""
        with self._lock:
            return self._parts

    def close(self) -> None:
        """Release sockets and threads."""
        with self._lock:
            for name in ("_parts", "_client", "_quick"):
                made = self.__dict__.pop(name, None)
                if name == "_parts" and made is not None:
                    made.shutdown(wait=False, cancel_futures=True)
                elif made is not None:
                    made.close()

    def create_bucket(self) -> None:
        """Make the bucket; fine if it is there.

        Raises:
            AccessDenied: If that is not allowed, or somebody else owns a bucket of that name.
        """
        client = self.client
        with s3_errors(f"create the bucket {self.bucket}", url=self.cloud.endpoint or "Amazon S3"):
            try:
                region = client.meta.region_name
                if self.cloud.endpoint or region in {"us-east-1", "aws-global"}:
                    client.create_bucket(Bucket=self.bucket)
                else:
                    client.create_bucket(
                        Bucket=self.bucket,
                        CreateBucketConfiguration={"LocationConstraint": region},  # type: ignore[typeddict-item] # any region
                    )
            except client.exceptions.BucketAlreadyOwnedByYou:
                return

    @cached_property
    def _session(self) -> botocore.session.Session:
        import botocore.session

        session = botocore.session.Session()
        # A listing has a time for each object, and botocore's way to read one takes longer than
        # the rest of the listing.
        parsers = session.get_component("response_parser_factory")
        parsers.set_parser_defaults(timestamp_parser=_timestamp)
        if self.cloud.access_key and self.cloud.secret_key:
            session.set_credentials(self.cloud.access_key, self.cloud.secret_key.reveal())
        return session

    @cached_property
    def _client(self) -> S3Client:
        import boto3
        from botocore.config import Config

        config = Config(
            signature_version="s3v4",
            retries={"mode": "standard", "total_max_attempts": _ATTEMPTS},
            max_pool_connections=CONNECTIONS,
            connect_timeout=10,
            read_timeout=60,
            # Digests are taken here; servers other than Amazon's stumble over trailing checksums.
            request_checksum_calculation="when_required",
            response_checksum_validation="when_required",
        )
        with s3_errors("open the bucket", url=self.url):
            session = boto3.Session(botocore_session=self._session)
            region = self.cloud.region or session.region_name or "us-east-1"
            client: S3Client = session.client(
                "s3", endpoint_url=self.cloud.endpoint, region_name=region, config=config
            )
        return client

    @cached_property
    def _quick(self) -> QuickRequests | None:
        with s3_errors("find credentials", url=self.url):
            # boto3 knows how servers, regions and buckets make an address; ask it once.
            example = self._client.generate_presigned_url(
                "get_object", Params={"Bucket": self.bucket, "Key": "x"}
            )
            credentials = self._session.get_credentials()
        base = example.partition("?")[0].removesuffix("x")
        split = urlsplit(base)
        behind_proxy = split.scheme in getproxies() and not proxy_bypass(split.hostname or "")
        if behind_proxy or credentials is None:
            return None
        bundle = self._session.get_config_variable("ca_bundle") or os.environ.get(
            "REQUESTS_CA_BUNDLE"
        )
        return QuickRequests(
            base,
            credentials=credentials,
            region=self._client.meta.region_name,
            ca_bundle=bundle,
        )

    @cached_property
    def _parts(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(PART_WORKERS, thread_name_prefix="minus80-part")


def _is_here(endpoint: str | None) -> bool:
    return urlsplit(endpoint or "").hostname in {"localhost", "127.0.0.1", "::1"}


def _timestamp(text: str) -> datetime:
    try:
        return datetime.fromisoformat(text)
    except (TypeError, ValueError):
        from botocore.utils import parse_timestamp

        return parse_timestamp(text)
