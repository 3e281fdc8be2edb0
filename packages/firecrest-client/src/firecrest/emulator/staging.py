"""The staging area between a client and a machine: built in, or a real S3 server.

Each user has a bucket named after them; an object's key is ``<task id>/<file name>``.
"""

from __future__ import annotations

import secrets
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import quote

from firecrest.emulator.signature import Signer

if TYPE_CHECKING:
    from firecrest.emulator.call import Upload

LIFETIME = 604800
_POLLING = 0.2


@dataclass(frozen=True, slots=True)
class Form:
    """Where and with which fields a file is posted."""

    url: str
    fields: dict[str, str]


class Staging(Protocol):
    """What the storage service asks of a staging area."""

    def form(self, bucket: str, key: str) -> Form:
        """Return the form with which a client uploads an object."""
        ...

    def link(self, bucket: str, key: str) -> str:
        """Return the link with which a client downloads an object."""
        ...

    def wait(self, bucket: str, key: str, *, stopped: threading.Event) -> bool:
        """Wait until the object has arrived; False if `stopped` was set before."""
        ...

    def fetch(self, bucket: str, key: str, path: Path) -> None:
        """Copy an object to a file."""
        ...

    def store(self, path: Path, bucket: str, key: str) -> None:
        """Copy a file to an object."""
        ...

    def drop(self, bucket: str, key: str) -> None:
        """Remove an object; one that is not there is fine."""
        ...


class BuiltInStaging:
    """Files in a folder, served by the emulator itself below ``/staging`` with signed requests."""

    def __init__(self, folder: Path, *, address: Callable[[], str]) -> None:
        """Keep objects in `folder`; `address` tells ``host:port`` once the server listens."""
        self._folder = folder
        self._address = address
        self._signer = Signer("emulator", secrets.token_hex(20))
        self._arrived = threading.Condition()

    def form(self, bucket: str, key: str) -> Form:
        """Return a presigned POST."""
        url = f"http://{self._address()}/staging/{bucket}"
        return Form(url, self._signer.form(bucket, key, lifetime=LIFETIME))

    def link(self, bucket: str, key: str) -> str:
        """Return a presigned GET."""
        path = f"/staging/{bucket}/{key}"
        return f"http://{self._address()}{quote(path)}?" + self._signer.query(
            self._address(), path, lifetime=LIFETIME
        )

    def wait(self, bucket: str, key: str, *, stopped: threading.Event) -> bool:
        """Wait for `receive`, or for `wake` after `stopped` was set."""
        path = self._path(bucket, key)
        with self._arrived:
            self._arrived.wait_for(lambda: stopped.is_set() or path.exists())
        return path.exists()

    def wake(self) -> None:
        """Let every waiting thread look again whether it was stopped."""
        with self._arrived:
            self._arrived.notify_all()

    def fetch(self, bucket: str, key: str, path: Path) -> None:
        """Copy an object to a file."""
        shutil.copyfile(self._path(bucket, key), path)

    def store(self, path: Path, bucket: str, key: str) -> None:
        """Copy a file to an object."""
        target = self._path(bucket, key)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)

    def drop(self, bucket: str, key: str) -> None:
        """Remove an object."""
        self._path(bucket, key).unlink(missing_ok=True)

    def receive(self, bucket: str, fields: dict[str, str], file: Upload) -> bool:
        """Keep a posted file; False if the form is not signed by `form`."""
        if not self._signer.accepts_form(bucket, fields):
            return False
        target = self._path(bucket, fields["key"])
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{secrets.token_hex(8)}.part")
        with partial.open("wb") as sink:
            shutil.copyfileobj(file.content, sink, 2**20)
        with self._arrived:
            partial.replace(target)
            self._arrived.notify_all()
        return True

    def serve(self, bucket: str, key: str, *, host: str, query: dict[str, str]) -> Path | None:
        """Return the file behind a presigned link, or None if there is none or it is not ours."""
        if not self._signer.accepts_query(host, f"/staging/{bucket}/{key}", query):
            return None
        path = self._path(bucket, key)
        return path if path.is_file() else None

    def _path(self, bucket: str, key: str) -> Path:
        task, _, name = key.partition("/")
        return self._folder / bucket / task / f"object-{name}"


@dataclass(frozen=True)
class S3Staging:
    """A real S3 server; needs boto3.

    Attributes:
        endpoint: Its URL.
        access_key: The key's id.
        secret_key: The key.
    """

    endpoint: str
    access_key: str
    secret_key: str = field(repr=False)

    def form(self, bucket: str, key: str) -> Form:
        """Return a presigned POST, making the user's bucket where needed."""
        self._client.create_bucket(Bucket=bucket)
        made = self._client.generate_presigned_post(bucket, key, ExpiresIn=LIFETIME)
        return Form(made["url"], made["fields"])

    def link(self, bucket: str, key: str) -> str:
        """Return a presigned GET."""
        where = {"Bucket": bucket, "Key": key}
        return str(self._client.generate_presigned_url("get_object", where, ExpiresIn=LIFETIME))

    def wait(self, bucket: str, key: str, *, stopped: threading.Event) -> bool:
        """Ask until the object is there, as the real server does."""
        while not stopped.wait(_POLLING):
            if self._client.list_objects_v2(Bucket=bucket, Prefix=key).get("Contents"):
                return True
        return False

    def fetch(self, bucket: str, key: str, path: Path) -> None:
        """Download an object."""
        self._client.download_file(bucket, key, str(path))

    def store(self, path: Path, bucket: str, key: str) -> None:
        """Upload a file."""
        self._client.create_bucket(Bucket=bucket)
        self._client.upload_file(str(path), bucket, key)

    def drop(self, bucket: str, key: str) -> None:
        """Delete an object."""
        self._client.delete_object(Bucket=bucket, Key=key)

    @cached_property
    def _client(self) -> Any:  # boto3 makes its clients' types at run time
        import boto3
        from botocore.config import Config

        return boto3.client(
            "s3",
            endpoint_url=self.endpoint,
            aws_access_key_id=self.access_key,
            aws_secret_access_key=self.secret_key,
            region_name="us-east-1",
            config=Config(signature_version="s3v4", s3={"addressing_style": "path"}),
        )
