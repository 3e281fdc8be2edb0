"""What uploads and downloads through the staging area have in common: see `firecrest.external`."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, ClassVar

from firecrest.call import Call
from firecrest.client import Client
from firecrest.errors import FirecrestException, Response, TaskFailed, TaskNotFound
from firecrest.steps import Steps, endpoint, endpoint_property
from firecrest.tasks import (
    DONE,
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

    # What each direction is called, which states its tasks have, how they end, and what fails then.
    _name: ClassVar[str]
    _states: ClassVar[frozenset[str]]
    _goal: ClassVar[str]
    _failed: ClassVar[str]
    _trouble: ClassVar[str]
    _failure: ClassVar[type[FirecrestException]]

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

    @endpoint
    def wait(
        self,
        timeout: float | None = None,
        *,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[None]:
        """Wait until the file is there: an upload on the machine, a download in the staging area.

        Args:
            timeout: Give up after so many seconds; None to wait as long as the task lives.
            progress: Told the task at every change of its status.

        Raises:
            StorageUploadException, StorageDownloadException: If it cannot get there.
            PollingIterException: If it is not there in time.
        """
        yield from self._reach(self._goal, self._call(), timeout, progress)

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

    def _reach(
        self,
        state: str,
        call: Call,
        timeout: float | None,
        progress: Callable[[Task], None] | None = None,
    ) -> Steps[Task]:
        """Wait until the transfer is in a state or past it, and return its task."""

        def is_there(task: Task) -> bool:
            self._check(task, call)
            return task["status"] >= state

        if self._last is not None and self._last["status"] in FINAL and is_there(self._last):
            return self._last
        try:
            self._last = yield from wait_until(
                call,
                self._task_id,
                is_there,
                purpose=f"follow the transfer {self._task_id}",
                timeout=timeout,
                waits=patient_waits(),
                progress=progress,
            )
        except TaskFailed as error:
            raise self._failure(call.responses, str(error)) from error
        return self._last

    def _check(self, task: Task, call: Call) -> None:
        """Refuse a transfer that failed, and a task that is something else."""
        what = f"{self._name} {self._task_id}"
        if task["status"] == self._failed:
            raise self._failure(call.responses, f"{what} {self._trouble}: {_told(task)}")
        if task["status"] not in self._states:
            state = f"{task['status']} {task['description']}"
            raise self._failure(call.responses, f"{what} is no {self._name}: its task is {state}")


def _told(task: Task) -> str:
    data = task["data"]
    said = data.get("msg", "") if isinstance(data, Mapping) else data
    return f"{task['description']}" + (f": {said}" if isinstance(said, str) and said else "")
