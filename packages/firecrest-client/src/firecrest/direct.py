"""Direct transfers of small files: one request each, bounded by the server (`SizeLimitExceeded`).

The limit is a parameter of the server (`UTILITIES_MAX_FILE_SIZE`, in MB). Downloads come to an end
earlier, at about 3/4 of it, because the server encodes them within it. A download streams to a
hidden file beside its target, is compared with the checksum that the machine computes, and is then
renamed.
"""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import BinaryIO

from luisy_protocol.errors import IntegrityError
from luisy_protocol.store import Advance

from firecrest.call import Call
from firecrest.client import Client
from firecrest.errors import HeaderException, UnauthorizedException
from firecrest.multipart import FormBody
from firecrest.sink import Download, Target, open_download
from firecrest.steps import Request, Steps, endpoint
from firecrest.utilities import run


class DirectTransfers(Client):
    """The methods that move small files."""

    @endpoint
    def simple_download(
        self,
        machine: str,
        source_path: str,
        target_path: Target,
        *,
        verify: bool = True,
        advance: Advance | None = None,
    ) -> Steps[None]:
        """Download a small file.

        Args:
            machine: The machine.
            source_path: The file on it.
            target_path: A local path, or a binary stream.
            verify: Whether to compare the bytes with the checksum that the machine computes, which
                costs a second request.
            advance: Told of every piece that has arrived.

        Raises:
            IntegrityError: If the bytes are not those of the file; nothing is left at
                `target_path`.
            SizeLimitExceeded: If the file is too big.
        """
        yield from fetch_direct(
            Call(self), machine, source_path, target_path, verify=verify, advance=advance
        )

    @endpoint
    def simple_upload(
        self,
        machine: str,
        source_path: str | os.PathLike[str] | BinaryIO,
        target_path: str,
        filename: str | None = None,
        *,
        advance: Advance | None = None,
    ) -> Steps[None]:
        """Upload a small file, replacing one of the same name.

        Args:
            machine: The machine.
            source_path: A local path, or a binary stream.
            target_path: The directory on the machine.
            filename: The name to give it there; by default that of the source, for a stream without
                a name "file".
            advance: Told of every piece that was sent.
        """
        yield from send_direct(
            Call(self),
            machine,
            source_path,
            target_path,
            filename or _name_of(source_path),
            advance,
        )


def send_direct(  # noqa: PLR0917 - all of them are needed, and none is optional
    call: Call,
    machine: str,
    source: str | os.PathLike[str] | BinaryIO,
    directory: str,
    name: str,
    advance: Advance | None,
) -> Steps[FormBody]:
    """Upload in one request, and return what was sent."""
    body = FormBody({"targetPath": directory}, source, filename=name, advance=advance)
    request = Request(
        "POST",
        "/utilities/upload",
        f"upload {name!r} to {directory!r} on {machine!r}",
        machine=machine,
        body=body,
        is_repeatable=True,
    )
    yield from call.send(request, expects=201)
    return body


def fetch_direct(
    call: Call,
    machine: str,
    source_path: str,
    target: Target,
    *,
    verify: bool,
    advance: Advance | None,
) -> Steps[str]:
    """Download in one request, and return the digest of what arrived."""
    download = open_download(target, advance=advance)
    request = Request(
        "GET",
        "/utilities/download",
        f"download {source_path!r} from {machine!r}",
        machine=machine,
        query={"sourcePath": source_path},
        sink=download,
        is_repeatable=True,
    )
    try:
        yield from call.send(request)
        if verify:
            yield from compare(call, machine, source_path, download)
        yield from call.work(download.commit)
    except BaseException:
        download.discard()
        raise
    return download.sha256


def compare(call: Call, machine: str, source_path: str, download: Download) -> Steps[None]:
    """Compare what was downloaded with the checksum that the machine computes.

    Raises:
        IntegrityError: If they differ.
    """
    wanted = yield from checksum_of(call, machine, source_path)
    if wanted is None:
        call.client.log(logging.INFO, f"{source_path!r} on {machine!r} is not verified")
    elif wanted != download.sha256:
        raise IntegrityError(
            f"{source_path!r} on {machine!r} has the checksum {wanted}, but what arrived has "
            f"{download.sha256}; download it again"
        )


def checksum_of(call: Call, machine: str, path: str) -> Steps[str | None]:
    """Return the checksum that the machine computes, or None if it is not to be had.

    It cannot compute that of a large file in time; and a token may have expired meanwhile.
    """
    purpose, arguments = f"checksum {path!r}", {"targetPath": path}
    try:
        checksum: str = yield from run(call, "checksum", machine, purpose, arguments)
    except (HeaderException, UnauthorizedException) as error:
        call.client.log(logging.INFO, str(error))
        return None
    return checksum


def _name_of(source: str | os.PathLike[str] | BinaryIO) -> str:
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return Path(path).name if isinstance(path, str | os.PathLike) else "file"
