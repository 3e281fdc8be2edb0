"""Tasks: how the server runs what takes long, and how the client waits for them.

| status | meaning | |
|---|---|---|
| 100, 101 | queued, in progress | |
| 110 | upload: the form is being made | |
| 111 | upload: the form is ready; send the file now | |
| 112 | upload: the file is in the staging area | |
| 113 | upload: it is on its way to the machine | |
| 114 | upload: done | final |
| 115 | upload: it could not be written on the machine | the server tries again |
| 116 | download: on its way to the staging area | |
| 117 | download: ready to be fetched | final |
| 118 | download: it could not be staged | final |
| 200 | done | final |
| 300, 301, 302 | deleted, about to expire, no longer valid | final |
| 400 | failed; `data` is the reason | final |

A task is always asked for through the list form of the endpoint, because only that tells the data
of transfers. A task that the server does not list is unknown, somebody else's, or has expired.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from firecrest.call import Call
from firecrest.client import Client
from firecrest.errors import PollingIterException, TaskFailed, TaskNotFound
from firecrest.steps import Request, Steps, endpoint
from firecrest.types import Task

QUEUED, IN_PROGRESS = "100", "101"
FORM_READY, UPLOADED, UPLOAD_FAILED = "111", "114", "115"
STAGED, STAGING_FAILED = "117", "118"
DONE, FAILED = "200", "400"
GONE = frozenset({"300", "301", "302"})


class Tasks(Client):
    """Looks at the tasks of the user."""

    @endpoint
    def tasks(self, task_ids: Sequence[str] | None = None) -> Steps[dict[str, Task]]:
        """Return the user's tasks by their id; those that the server does not know are missing.

        Args:
            task_ids: The tasks to look at; None for all that have not expired.
        """
        ids = [task_ids] if isinstance(task_ids, str) else task_ids
        return (yield from fetch_tasks(Call(self), ids))

    _tasks = tasks  # the name that scripts for the public client know


def fetch_tasks(call: Call, task_ids: Sequence[str] | None) -> Steps[dict[str, Task]]:
    """Return tasks by their id."""
    query = {"tasks": ",".join(task_ids)} if task_ids else None
    request = Request("GET", "/tasks", "look at the tasks", query=query, is_repeatable=True)
    answer = yield from call.send(request)
    tasks: dict[str, Task] = answer["tasks"]
    return {key: task for key, task in tasks.items() if not task_ids or key in task_ids}


def fetch_task(call: Call, task_id: str, *, purpose: str) -> Steps[Task]:
    """Return one task; `purpose` says in messages what it is for.

    Raises:
        TaskNotFound: If the server does not know it, or calls it expired.
        TaskFailed: If it has failed.
    """
    tasks = yield from fetch_tasks(call, [task_id])
    task = tasks.get(task_id)
    if task is None or task["status"] in GONE:
        state = task["description"] if task else "unknown to the server or expired"
        raise TaskNotFound(call.responses, f"Cannot {purpose}: task {task_id} is {state}")
    if task["status"] >= FAILED:
        raise TaskFailed(
            call.responses, f"Cannot {purpose}: {task['data']} (task {task_id}, {task['status']})"
        )
    return task


def wait_until(
    call: Call,
    task_id: str,
    is_over: Callable[[Task], bool],
    *,
    purpose: str,
    timeout: float | None = None,
    waits: Iterator[float] | None = None,
    progress: Callable[[Task], None] | None = None,
) -> Steps[Task]:
    """Look at a task until it is over, first quickly, then slower.

    Args:
        call: The call on whose behalf.
        task_id: The task.
        is_over: Tells the task that is waited for; it may raise.
        purpose: What it is for, in messages: "Cannot <purpose>: ...".
        timeout: Give up after so many seconds; None to give up when the waits are used up.
        waits: The seconds between two looks; by default `polling_sleep_times`.
        progress: Told the task at every change of its status.

    Raises:
        PollingIterException: If the time is up.
        TaskNotFound, TaskFailed: See `fetch_task`.
    """
    waits = waits or call.client.sleep_times(timeout)
    now = yield from call.pause(0)
    deadline = None if timeout is None else now + timeout
    kept, shown = len(call.responses), ""
    while True:
        task = yield from fetch_task(call, task_id, purpose=purpose)
        # Of all that was seen on the way the last is enough, however long the wait.
        del call.responses[kept:-1]
        if progress and task["status"] != shown:
            shown = task["status"]
            progress(task)
        if is_over(task):
            return task
        wait = next(waits, None)
        if wait is None or (deadline is not None and now >= deadline):
            state = f"{task['status']} {task['description']}"
            raise PollingIterException(
                task_id,
                f"Cannot {purpose} in time: task {task_id} is {state}; give it a longer timeout=",
            )
        now = yield from call.pause(wait if deadline is None else min(wait, deadline - now))


def wait_until_done(
    call: Call, task_id: str, *, purpose: str, timeout: float | None = None
) -> Steps[Task]:
    """Wait for the end of a task of the scheduler and return it."""
    return (
        yield from wait_until(
            call,
            task_id,
            lambda task: task["status"] == DONE,
            purpose=purpose,
            timeout=timeout,
        )
    )
