"""Transfers that choose their way: directly if the server allows it, else through the staging area.

The server tells its limit (`firecrest.limits`), which is asked once per client. Both end when the
whole file is there under its name, compared with the checksum that the machine computes where it
can: a large file takes longer than the server lets a command run, and then only its size is
compared.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path

from luisy_protocol.errors import IntegrityError
from luisy_protocol.store import Advance

from firecrest.call import Call
from firecrest.client import Client
from firecrest.direct import checksum_of, fetch_direct, send_direct
from firecrest.errors import (
    FirecrestException,
    HeaderException,
    PathNotFound,
    ServerUnreachable,
    StorageUploadException,
    UnauthorizedException,
)
from firecrest.external_download import DownloadSteps
from firecrest.external_upload import UploadSteps
from firecrest.limits import DirectLimits
from firecrest.multipart import size_of
from firecrest.sink import Target, check_target
from firecrest.staging import start_download, start_upload
from firecrest.steps import Steps, endpoint
from firecrest.types import Task
from firecrest.utilities import Utilities

Tell = Callable[[Task], None]


class Transfers(Client):
    """The methods that move a file of any size."""

    @endpoint
    def download(
        self,
        machine: str,
        source_path: str,
        target_path: Target,
        *,
        size: int | None = None,
        verify: bool = True,
        advance: Advance | None = None,
        timeout: float | None = None,
        progress: Tell | None = None,
    ) -> Steps[str]:
        """Download a file of any size, and return the SHA-256 of what arrived.

        Args:
            machine: The machine.
            source_path: The file on it.
            target_path: A local path, or a binary stream.
            size: The size of the file, if it is known, which saves a request.
            verify: Whether to compare the bytes with the checksum that the machine computes.
            advance: Told of every piece that has arrived.
            timeout: How many seconds to wait until the file is staged, if it must be.
            progress: Told the task at every change of its status, if the file is staged.

        Raises:
            IntegrityError: If the bytes are not those of the file; nothing is left at
                `target_path`.
            StorageDownloadException: If the file could not be staged.
        """
        check_target(target_path)
        if size is None:
            found = yield from Utilities.stat(self, machine, source_path, dereference=True)
            size = found["size"]
        if size <= (yield from direct_limits(self)).download:
            return (
                yield from fetch_direct(
                    Call(self), machine, source_path, target_path, verify=verify, advance=advance
                )
            )
        task_id, responses = yield from start_download(self, machine, source_path)
        transfer = DownloadSteps(self, task_id, responses)
        yield from transfer.wait(timeout, progress=progress)
        # Another call makes another task, so what is left of this one would lie there for ever.
        yield from transfer.finish_download(
            target_path, verify=verify, keep_part=False, advance=advance
        )
        try:
            yield from transfer.invalidate_object_storage_link()
        except (FirecrestException, ServerUnreachable) as error:
            self.log(logging.WARNING, f"{error}; the file is there")
        return transfer.sha256 or ""

    @endpoint
    def upload(
        self,
        machine: str,
        source_path: str | os.PathLike[str],
        target_path: str,
        filename: str | None = None,
        *,
        verify: bool = True,
        advance: Advance | None = None,
        timeout: float | None = None,
        progress: Tell | None = None,
    ) -> Steps[str]:
        """Upload a file of any size, and return its SHA-256 when it is on the machine.

        Args:
            machine: The machine.
            source_path: The local file.
            target_path: The directory on the machine.
            filename: The name to give it there; by default the same.
            verify: Whether to compare the bytes with the checksum that the machine computes.
            advance: Told of every piece that was sent.
            timeout: How many seconds to wait for the staging area, if the file goes through it.
            progress: Told the task at every change of its status, if the file is staged.

        Raises:
            IntegrityError: If what arrived is not what was sent.
            StorageUploadException: If the file could not be written on the machine.
        """
        call, source = Call(self), Path(source_path)
        name, size = filename or source.name, size_of(source)
        limits = yield from direct_limits(self)
        if size > limits.upload:
            # The server goes by the last part of the path that it is told.
            told = source.with_name(name)
            task_id, responses = yield from start_upload(self, machine, told, target_path)
            transfer = UploadSteps(self, task_id, responses)
            yield from transfer.finish_upload(source, advance=advance, timeout=timeout)
            yield from transfer.wait(timeout, progress=progress)
            sent = transfer.sha256
            if sent is None:
                raise StorageUploadException(
                    call.responses, f"Cannot upload {source}: task {task_id} has another file"
                )
        else:
            body = yield from send_direct(call, machine, source, target_path, name, advance)
            sent = body.sha256
        if verify:
            path = f"{target_path.rstrip('/')}/{name}"
            yield from _compare(call, machine, path, sent, size)
        return sent


def direct_limits(client: Client) -> Steps[DirectLimits]:
    """Return the server's limits for direct transfers, asked once per client."""
    if client.direct_limits is None:
        call = Call(client)
        client.direct_limits = DirectLimits.of((yield from call.parameters()))
    return client.direct_limits


def _compare(call: Call, machine: str, path: str, sent: str, size: int) -> Steps[None]:
    arrived = yield from checksum_of(call, machine, path)
    if arrived is None:
        yield from _compare_size(call, machine, path, size)
    elif arrived != sent:
        raise IntegrityError(
            f"{path!r} on {machine!r} has the checksum {arrived}, but what was sent has {sent}; "
            "upload it again"
        )


def _compare_size(call: Call, machine: str, path: str, size: int) -> Steps[None]:
    try:
        found = yield from Utilities.stat(call.client, machine, path, dereference=True)
    except PathNotFound:
        raise
    except (HeaderException, UnauthorizedException) as error:
        call.client.log(logging.INFO, f"{path!r} on {machine!r} is not verified: {error}")
        return
    if found["size"] != size:
        raise IntegrityError(
            f"{path!r} on {machine!r} has {found['size']} bytes, but {size} were sent; "
            "upload it again"
        )
