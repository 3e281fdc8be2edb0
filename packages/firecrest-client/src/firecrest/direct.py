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
from firecrest.errors import HeaderException
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
        call = Call(self)
        download = open_download(target_path, advance=advance)
        try:
            yield from _fetch(call, machine, source_path, download, verify=verify)
            yield from call.work(download.commit)
        except BaseException:
            download.discard()
            raise

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
        body = FormBody(
            {"targetPath": target_path},
            source_path,
            filename=filename or _name_of(source_path),
            advance=advance,
        )
        purpose = f"upload to {target_path!r} on {machine!r}"
        request = Request(
            "POST", "/utilities/upload", purpose, machine=machine, body=body, is_repeatable=True
        )
        yield from Call(self).send(request, expects=201)


def _fetch(
    call: Call, machine: str, source_path: str, download: Download, *, verify: bool
) -> Steps[None]:
    request = Request(
        "GET",
        "/utilities/download",
        f"download {source_path!r} from {machine!r}",
        machine=machine,
        query={"sourcePath": source_path},
        sink=download,
        is_repeatable=True,
    )
    yield from call.send(request)
    if verify:
        yield from compare(call, machine, source_path, download)


def compare(call: Call, machine: str, source_path: str, download: Download) -> Steps[None]:
    """Compare what was downloaded with the checksum that the machine computes.

    A machine that cannot compute it in time has not said that the bytes are wrong.

    Raises:
        IntegrityError: If they differ.
    """
    purpose = f"checksum {source_path!r}"
    try:
        wanted = yield from run(
            call, "GET", "checksum", machine, purpose, {"targetPath": source_path}
        )
    except HeaderException as error:
        call.client.log(logging.INFO, f"{source_path!r} is not verified: {error}")
        return
    if wanted != download.sha256:
        raise IntegrityError(
            f"{source_path!r} on {machine!r} has the checksum {wanted}, but what arrived has "
            f"{download.sha256}; download it again"
        )


def _name_of(source: str | os.PathLike[str] | BinaryIO) -> str:
    path = source if isinstance(source, str | os.PathLike) else getattr(source, "name", None)
    return Path(path).name if isinstance(path, str | os.PathLike) else "file"
