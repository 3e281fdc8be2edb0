"""Transfers of large files through the staging area, an object store beside the server.

An upload: the server makes a form (task 110, 111), the client posts the file to the store with it,
the server notices that (112; it looks about once a minute) and writes the file on the machine (113,
114). A download: the server stages the file (116, 117) and the client fetches it by a link, as
often as it likes. See `firecrest.tasks` for the states.

1. A transfer is its task: an object made from a task id goes on from whatever state the task is in.
   After a form was used, there is nothing left to send; asking for the form then is an error at
   once.
2. What the server sends is data. The form is posted by this client; the command line that comes
   with it is never run, and which local file to send is never taken from the server.
3. 115 is not the end on the server, which tries again every minute (a directory may become
   writable). `wait` raises at once; called again, it looks again.
4. A cut download goes on where it stopped, in the same call or a later one: the part is kept beside
   the target, named after the task. It is renamed when it is whole, and equals the checksum of the
   file on the machine where that can be had (large files take longer than the server allows).
5. Links and forms are as good as passwords: they are in no message and no log.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError, IntegrityError
from luisy_protocol.store import Advance

from firecrest.call import Call
from firecrest.client import Client
from firecrest.direct import compare
from firecrest.errors import (
    Response,
    StorageDownloadException,
    StorageUploadException,
    TaskFailed,
    TaskNotFound,
)
from firecrest.sink import Target, open_download
from firecrest.staging import fetch_link, post_form
from firecrest.steps import (
    BlockingPart,
    ConcurrentPart,
    Request,
    Steps,
    endpoint,
    endpoint_property,
)
from firecrest.tasks import (
    DONE,
    FORM_READY,
    STAGED,
    STAGING_FAILED,
    UPLOAD_FAILED,
    UPLOADED,
    fetch_tasks,
    wait_until,
)
from firecrest.types import Task

FINAL = frozenset({UPLOADED, STAGED, STAGING_FAILED})
OVER = FINAL | {UPLOAD_FAILED}


def patient_waits() -> Iterator[float]:
    """Yield waits that start at a fifth of a second and grow to ten seconds, without an end."""
    wait = 0.2
    while True:
        yield wait
        wait = min(wait * 1.3, 10.0)


class ExternalSteps:
    """One transfer; the common part of both directions.

    Args:
        client: The client that asks for its state.
        task_id: Its task.
        previous_responses: What was answered so far, for exceptions.
    """

    def __init__(
        self,
        client: Client,
        task_id: str,
        previous_responses: Sequence[Response] | None = None,
    ) -> None:
        self._client = client
        self._task_id = task_id
        self._previous = list(previous_responses or [])
        self._last: Task | None = None

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._task_id!r})"

    @property
    def client(self) -> Client:
        """The client."""
        return self._client

    @property
    def task_id(self) -> str:
        """The task."""
        return self._task_id

    @endpoint_property
    def status(self) -> Steps[str]:
        """The code of the state, asked anew until it is final."""
        return (yield from self._look())["status"]

    @endpoint_property
    def in_progress(self) -> Steps[bool]:
        """Whether it is still under way."""
        status = (yield from self._look())["status"]
        return status not in OVER and status < DONE

    # The data's shape depends on the state and on the kind of store.
    @endpoint_property
    def data(self) -> Steps[Any]:
        """What the task tells in its present state."""
        return (yield from self._look())["data"]

    def _call(self) -> Call:
        return Call(self._client, self._previous)

    def _look(self) -> Steps[Task]:
        if self._last is not None and self._last["status"] in FINAL:
            return self._last
        call = self._call()
        tasks = yield from fetch_tasks(call, [self._task_id])
        if self._task_id not in tasks:
            raise TaskNotFound(
                call.responses, f"task {self._task_id} is unknown to the server or expired"
            )
        self._last = tasks[self._task_id]
        return self._last

    def _await(
        self,
        call: Call,
        is_over: Callable[[Task], bool],
        timeout: float | None,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[Task]:
        if self._last is not None and self._last["status"] in FINAL and is_over(self._last):
            return self._last
        self._last = yield from wait_until(
            call,
            self._task_id,
            is_over,
            purpose=f"follow the transfer {self._task_id}",
            timeout=timeout,
            waits=patient_waits(),
            progress=progress,
        )
        return self._last


class UploadSteps(ExternalSteps):
    """One upload through the staging area.

    Args:
        client: The client that asks for its state.
        task_id: Its task.
        previous_responses: What was answered so far, for exceptions.
        source_path: The local file; needed by `finish_upload` here or there.

    Attributes:
        sha256: The digest of what was sent, once this object has sent it.
    """

    def __init__(
        self,
        client: Client,
        task_id: str,
        previous_responses: Sequence[Response] | None = None,
        *,
        source_path: str | os.PathLike[str] | None = None,
    ) -> None:
        super().__init__(client, task_id, previous_responses)
        self._source_path = source_path
        self._form: Any = None
        self.sha256: str | None = None

    # The form's shape depends on the kind of store.
    @endpoint_property
    def object_storage_data(self) -> Steps[Any]:
        """The form to post the file with; waits until the server has made it.

        Raises:
            StorageUploadException: If the form was used already, or the transfer failed.
        """
        if self._form is None:
            call = self._call()
            task = yield from self._await(call, self._has_form(call), None)
            if task["status"] != FORM_READY:
                state = f"{task['status']} {task['description']}"
                raise StorageUploadException(
                    call.responses, f"upload {self._task_id} is past its form already: {state}"
                )
            self._form = task["data"]["msg"]
        return self._form

    @endpoint
    def finish_upload(
        self,
        source_path: str | os.PathLike[str] | None = None,
        *,
        advance: Advance | None = None,
        timeout: float | None = None,
    ) -> Steps[None]:
        """Send the file to the staging area; `wait` then tells when it is on the machine.

        Does nothing if it was sent already.

        Args:
            source_path: The local file; by default the one that the upload was started with.
            advance: Told of every piece that was sent.
            timeout: How many seconds to wait for the form.

        Raises:
            StorageUploadException: If the staging area refuses the file.
        """
        call = self._call()
        task = yield from self._await(call, self._has_form(call), timeout)
        if task["status"] != FORM_READY:
            self._client.log(logging.INFO, f"upload {self._task_id} was sent already")
            return
        self._form = task["data"]["msg"]
        path = source_path if source_path is not None else self._source_path
        if path is None:
            raise ConfigurationError(
                f"upload {self._task_id} was made from its task id: give finish_upload the local "
                "file as source_path="
            )
        self.sha256 = yield from post_form(call, self._form, Path(path), advance)

    @endpoint
    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[None]:
        """Wait until the file is on the machine.

        Args:
            timeout: Give up after so many seconds; None to wait as long as the task lives.
            progress: Told the task at every change of its status.

        Raises:
            StorageUploadException: If it could not be written there.
            PollingIterException: If it is not there in time.
        """
        call = self._call()

        def is_there(task: Task) -> bool:
            self._refuse_failure(call, task)
            return task["status"] == UPLOADED

        yield from self._await(call, is_there, timeout, progress)

    def _has_form(self, call: Call) -> Callable[[Task], bool]:
        def is_over(task: Task) -> bool:
            self._refuse_failure(call, task)
            return task["status"] >= FORM_READY

        return is_over

    def _refuse_failure(self, call: Call, task: Task) -> None:
        if task["status"] == UPLOAD_FAILED:
            raise StorageUploadException(
                call.responses,
                f"upload {self._task_id} could not be written on the machine: {_told(task)}",
            )


class DownloadSteps(ExternalSteps):
    """One download through the staging area.

    Attributes:
        sha256: The digest of what arrived, once this object has fetched it.
    """

    sha256: str | None = None

    # The data's shape depends on the kind of store.
    @endpoint_property
    def object_storage_data(self) -> Steps[Any]:
        """What the server tells about the staged file; waits until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged.
        """
        call = self._call()
        return (yield from self._staged(call, None))["data"]

    @endpoint_property
    def object_storage_link(self) -> Steps[str]:
        """The link to the staged file, as good as a password; waits until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged.
        """
        call = self._call()
        return _link(call, (yield from self._staged(call, None)))

    @endpoint
    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[None]:
        """Wait until the file is staged.

        Args:
            timeout: Give up after so many seconds; None to wait as long as the task lives.
            progress: Told the task at every change of its status.

        Raises:
            StorageDownloadException: If it could not be staged.
            PollingIterException: If it is not staged in time.
        """
        yield from self._staged(self._call(), timeout, progress)

    @endpoint
    def finish_download(
        self,
        target_path: Target,
        *,
        verify: bool = True,
        advance: Advance | None = None,
        timeout: float | None = None,
    ) -> Steps[None]:
        """Fetch the staged file, when it is staged.

        Args:
            target_path: A local path, or a binary stream. What a cut download to a path left is
                continued.
            verify: Whether to compare the bytes with the checksum that the machine computes.
            advance: Told of every piece that has arrived.
            timeout: How many seconds to wait until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged, or the link is no longer valid.
            IntegrityError: If the bytes are not those of the file; nothing is left at
                `target_path`.
        """
        call = self._call()
        task = yield from self._staged(call, timeout)
        content = re.sub(r"\W", "", self._task_id)[:32]
        download = yield from call.work(
            lambda: open_download(target_path, part_of=content, advance=advance)
        )
        try:
            yield from fetch_link(call, _link(call, task), download)
            if verify and isinstance(task["data"], Mapping) and "source" in task["data"]:
                machine = task.get("system") or task["data"]["system_name"]
                yield from compare(call, machine, task["data"]["source"], download)
            yield from call.work(download.commit)
            self.sha256 = download.sha256
        except IntegrityError:
            download.discard()
            raise
        except BaseException:
            download.keep()
            raise

    @endpoint
    def invalidate_object_storage_link(self) -> Steps[None]:
        """Tell the server that the link is no longer needed.

        Do not rely on it: servers of version 1.16 answer that they did, and the link still works
        until it expires.
        """
        request = Request(
            "POST",
            "/storage/xfer-external/invalidate",
            f"invalidate the link of download {self._task_id}",
            headers={"X-Task-Id": self._task_id},
            is_repeatable=True,
        )
        yield from self._call().send(request, expects=201)

    def _staged(
        self,
        call: Call,
        timeout: float | None,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[Task]:
        def is_over(task: Task) -> bool:
            if task["status"] == STAGING_FAILED:
                raise StorageDownloadException(
                    call.responses, f"download {self._task_id} could not be staged: {_told(task)}"
                )
            return task["status"] == STAGED

        try:
            return (yield from self._await(call, is_over, timeout, progress))
        except TaskFailed as error:
            raise StorageDownloadException(call.responses, str(error)) from error


def _told(task: Task) -> str:
    data = task["data"]
    said = data.get("msg", "") if isinstance(data, Mapping) else data
    return f"{task['description']}" + (f": {said}" if isinstance(said, str) and said else "")


def _link(call: Call, task: Task) -> str:
    data = task["data"]
    link = data.get("url") if isinstance(data, Mapping) else data
    if not isinstance(link, str):
        raise StorageDownloadException(
            call.responses, f"download {task['task_id']}: the server tells no link"
        )
    return link


class ExternalStorage(ExternalSteps, BlockingPart):
    """One transfer, for the synchronous client."""


class ExternalUpload(UploadSteps, ExternalStorage):
    """One upload, for the synchronous client."""


class ExternalDownload(DownloadSteps, ExternalStorage):
    """One download, for the synchronous client."""


class AsyncExternalStorage(ExternalSteps, ConcurrentPart):
    """One transfer, for the asynchronous client: its properties are awaited."""


class AsyncExternalUpload(UploadSteps, AsyncExternalStorage):
    """One upload, for the asynchronous client."""


class AsyncExternalDownload(DownloadSteps, AsyncExternalStorage):
    """One download, for the asynchronous client."""
