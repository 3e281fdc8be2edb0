"""What travels to and from the staging area: forms that are posted, links that are fetched.

Such a request goes to an object store, without the access token. Its URL is as good as a password,
so no message and no log repeats it.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from luisy_protocol.errors import IntegrityError
from luisy_protocol.store import Advance

from firecrest.answers import reason_of
from firecrest.call import TEMPORARY, Call
from firecrest.client import Client
from firecrest.errors import (
    Response,
    ServerUnreachable,
    StorageDownloadException,
    StorageUploadException,
)
from firecrest.multipart import FormBody
from firecrest.sink import Download
from firecrest.steps import Request, Steps


def start_upload(
    client: Client, machine: str, source_path: str | os.PathLike[str], target_path: str
) -> Steps[tuple[str, list[Response]]]:
    """Ask for an upload; return its task and the responses so far."""
    form = {"targetPath": target_path, "sourcePath": os.fspath(source_path)}
    purpose = f"start an upload to {target_path!r} on {machine!r}"
    return (yield from _start(client, machine, "upload", purpose, form))


def start_download(
    client: Client, machine: str, source_path: str
) -> Steps[tuple[str, list[Response]]]:
    """Ask for a download; return its task and the responses so far."""
    purpose = f"start a download of {source_path!r} from {machine!r}"
    return (yield from _start(client, machine, "download", purpose, {"sourcePath": source_path}))


def _start(
    client: Client, machine: str, kind: str, purpose: str, form: Mapping[str, str]
) -> Steps[tuple[str, list[Response]]]:
    call = Call(client)
    url = f"/storage/xfer-external/{kind}"
    answer = yield from call.send(
        Request("POST", url, purpose, machine=machine, form=form), expects=201
    )
    return answer["task_id"], call.responses


def post_form(call: Call, form: Any, path: Path, advance: Advance | None) -> Steps[str]:
    """Post a file with the server's form, and return its digest."""
    try:
        parameters = form["parameters"]
        url, fields = parameters["url"], parameters.get("data") or {}
    except (TypeError, KeyError) as error:
        raise StorageUploadException(
            call.responses, f"Cannot upload {path}: the server's form lacks {error}"
        ) from error
    body = FormBody(fields, path, filename=path.name, advance=advance)
    request = Request(
        parameters.get("method", "POST"),
        url,
        f"upload {path} to the staging area",
        query=parameters.get("params") or None,
        body=body,
        headers=parameters.get("headers") or {},
        is_repeatable=True,
        is_staging=True,
    )
    response = yield from call.fetch(request)
    if response.status_code >= 300:
        raise StorageUploadException(
            call.responses,
            f"Cannot {request.purpose}: {reason_of(response)} (HTTP {response.status_code})",
        )
    return body.sha256


def fetch_link(call: Call, link: str, download: Download) -> Steps[None]:
    """Fetch a link, going on where a cut connection stopped as long as there is any progress."""
    failed = 0
    while True:
        before = download.position
        try:
            response = yield from call.fetch(_rest_of(link, download))
        except ServerUnreachable as error:
            failed = 1 if download.position > before else failed + 1
            if error.is_permanent or failed > call.client.num_retries:
                raise
            trouble = str(error)
        else:
            failed += 1
            if response.status_code not in TEMPORARY or failed > call.client.num_retries:
                _check_size(call, response, download)
                return
            trouble = f"HTTP {response.status_code}"
        call.client.log(logging.INFO, f"{trouble}; going on at byte {download.position}")
        yield from call.pause(0.25 * 2.0**failed)


def _rest_of(link: str, download: Download) -> Request:
    headers = {"Accept-Encoding": "identity"}
    if download.position:
        headers["Range"] = f"bytes={download.position}-"
    return Request(
        "GET",
        link,
        f"download {download.name} from the staging area",
        headers=headers,
        sink=download,
        is_staging=True,
    )


def _check_size(call: Call, response: Response, download: Download) -> None:
    """Make sure that the response completed the file.

    Raises:
        StorageDownloadException: If the staging area refused.
        IntegrityError: If the file is longer or shorter than it should be.
    """
    told = re.search(r"/(\d+)$", response.headers.get("Content-Range", ""))
    if told and response.status_code in (206, 416):
        total = int(told[1])
    elif response.status_code == 200:
        total = int(response.headers.get("Content-Length", download.position))
    else:
        raise StorageDownloadException(
            call.responses,
            f"Cannot download {download.name} from the staging area: {reason_of(response)} "
            f"(HTTP {response.status_code}); start a new download if the link has expired",
        )
    if download.position != total:
        raise IntegrityError(
            f"{download.name}: {download.position} bytes arrived where {total} were announced"
        )
