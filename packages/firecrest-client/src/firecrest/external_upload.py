"""Uploads through the staging area: see `firecrest.external`."""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.store import Advance

from firecrest.client import Client
from firecrest.errors import Response, StorageUploadException
from firecrest.external_steps import ExternalSteps
from firecrest.staging import post_form
from firecrest.steps import Steps, endpoint, endpoint_property
from firecrest.tasks import FORM_READY, IN_PROGRESS, QUEUED, UPLOAD_FAILED, UPLOADED


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

    _name = "upload"
    _states = frozenset({QUEUED, IN_PROGRESS, "110", FORM_READY, "112", "113", UPLOADED})
    _goal = UPLOADED
    _failed = UPLOAD_FAILED
    _trouble = "could not be written on the machine"
    _failure = StorageUploadException

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
            task = yield from self._reach(FORM_READY, call, None)
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
        task = yield from self._reach(FORM_READY, call, timeout)
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
