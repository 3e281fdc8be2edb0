"""Downloads through the staging area: see `firecrest.external`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from luisy_protocol.errors import IntegrityError
from luisy_protocol.store import Advance

from firecrest.call import Call
from firecrest.direct import compare
from firecrest.errors import StorageDownloadException
from firecrest.external_steps import ExternalSteps
from firecrest.sink import Target, open_download
from firecrest.staging import fetch_link
from firecrest.steps import Request, Steps, endpoint, endpoint_property
from firecrest.tasks import IN_PROGRESS, QUEUED, STAGED, STAGING_FAILED
from firecrest.types import Task


class DownloadSteps(ExternalSteps):
    """One download through the staging area.

    Attributes:
        sha256: The digest of what arrived, once this object has fetched it.
    """

    _name = "download"
    _states = frozenset({QUEUED, IN_PROGRESS, "116", STAGED})
    _goal = STAGED
    _failed = STAGING_FAILED
    _trouble = "could not be staged"
    _failure = StorageDownloadException
    sha256: str | None = None

    # The data's shape depends on the kind of store.
    @endpoint_property
    def object_storage_data(self) -> Steps[Any]:
        """What the server tells about the staged file; waits until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged.
        """
        call = self._call()
        return (yield from self._reach(STAGED, call, None))["data"]

    @endpoint_property
    def object_storage_link(self) -> Steps[str]:
        """The link to the staged file, as good as a password; waits until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged.
        """
        call = self._call()
        return _link(call, (yield from self._reach(STAGED, call, None)))

    @endpoint
    def finish_download(
        self,
        target_path: Target,
        *,
        verify: bool = True,
        keep_part: bool = True,
        advance: Advance | None = None,
        timeout: float | None = None,
    ) -> Steps[None]:
        """Fetch the staged file, when it is staged.

        Args:
            target_path: A local path, or a binary stream. What a cut download to a path left is
                continued.
            verify: Whether to compare the bytes with the checksum that the machine computes.
            keep_part: Whether a cut download to a path leaves what has arrived, in a hidden file
                beside it, for another download of the same task.
            advance: Told of every piece that has arrived.
            timeout: How many seconds to wait until it is staged.

        Raises:
            StorageDownloadException: If it could not be staged, or the link is no longer valid.
            IntegrityError: If the bytes are not those of the file; nothing is left at
                `target_path`.
        """
        call = self._call()
        task = yield from self._reach(STAGED, call, timeout)
        content = re.sub(r"\W", "", self._task_id)[:32] if keep_part else None
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


def _link(call: Call, task: Task) -> str:
    data = task["data"]
    link = data.get("url") if isinstance(data, Mapping) else data
    if not isinstance(link, str):
        raise StorageDownloadException(
            call.responses, f"download {task['task_id']}: the server tells no link"
        )
    return link
