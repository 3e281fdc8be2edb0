"""The tasks service: what is known of work that outlives its request.

The list form ``GET /tasks?tasks=a,b`` leaves unknown ids out; the single form answers 404. After an
invalidation the single form says 302 and the list form still 117: both as recorded.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import Refusal

DESCRIPTIONS: Mapping[str, str] = {
    "100": "Queued",
    "110": "Waiting for Form URL from Object Storage to be retrieved",
    "111": "Form URL from Object Storage received",
    "112": "Object Storage confirms that upload to Object Storage has finished",
    "113": "Download from Object Storage to server has started",
    "114": "Download from Object Storage to server has finished",
    "115": "Download from Object Storage error",
    "116": "Started upload from filesystem to Object Storage",
    "117": "Upload from filesystem to Object Storage has finished succesfully",
    "118": "Upload from filesystem to Object Storage has finished with errors",
    "200": "Finished successfully",
    "302": "Object Storage URL no longer valid",
    "400": "Finished with errors",
}


def _now() -> str:
    return datetime.now().isoformat(timespec="seconds")


@dataclass(frozen=True, slots=True)
class Task:
    """One task as the server tells it.

    Attributes:
        id: 32 hexadecimal digits.
        user: Whose it is.
        service: ``compute`` or ``storage``.
        system: The machine.
        status: Three digits.
        data: What the status says beyond its description.
        created: When, in local time without a zone (as the real server).
        updated: When the status last changed.
        history: Every status so far, the present one last.
        is_invalidated: Whether its link was invalidated.
    """

    id: str
    user: str
    service: str
    system: str
    status: str = "100"
    data: object = "Queued"
    created: str = field(default_factory=_now)
    updated: str = field(default_factory=_now)
    history: tuple[str, ...] = ("100",)
    is_invalidated: bool = False

    def to_json(self) -> dict[str, object]:
        """Return the task in the server's form."""
        return {
            "created_at": self.created,
            "data": self.data,
            "description": DESCRIPTIONS[self.status],
            "hash_id": self.id,
            "last_modify": self.updated,
            "service": self.service,
            "status": self.status,
            "system": self.system,
            "task_id": self.id,
            "updated_at": self.updated,
            "user": self.user,
        }


class Tasks:
    """All tasks of a site; safe to use from several threads."""

    def __init__(self) -> None:
        self._tasks: dict[str, Task] = {}
        self._lock = threading.Lock()

    def create(self, call: Call, *, service: str) -> Task:
        """Start a task with status 100."""
        task = Task(uuid.uuid4().hex, call.user, service, call.machine)
        with self._lock:
            self._tasks[task.id] = task
        return task

    def update(self, task_id: str, status: str, data: object) -> None:
        """Move a task to another status."""
        with self._lock:
            task = self._tasks[task_id]
            self._tasks[task_id] = replace(
                task,
                status=status,
                data=data,
                updated=_now(),
                history=(*task.history, status),
            )

    def invalidate(self, task_id: str) -> None:
        """Note that the task's link is not to be used any more."""
        with self._lock:
            self._tasks[task_id] = replace(self._tasks[task_id], is_invalidated=True)

    def forget(self, task_id: str) -> None:
        """Drop a task, as the real server does when it expires."""
        with self._lock:
            self._tasks.pop(task_id, None)

    def find(self, task_id: str, *, user: str) -> Task | None:
        """Return a task of this user, if there is one."""
        with self._lock:
            task = self._tasks.get(task_id)
        return task if task and task.user == user else None

    def of_user(self, user: str) -> list[Task]:
        """Return every task of a user, oldest first."""
        with self._lock:
            return [task for task in self._tasks.values() if task.user == user]


def listed(call: Call) -> Answer:
    """Answer ``GET /tasks``."""
    wanted = call.query.get("tasks")
    tasks = call.site.tasks.of_user(call.user)
    chosen = tasks if wanted is None else [task for task in tasks if task.id in wanted.split(",")]
    return Answer(200, {"tasks": {task.id: task.to_json() for task in chosen}})


def single(call: Call) -> Answer:
    """Answer ``GET /tasks/{task_id}``."""
    task = call.site.tasks.find(call.path["task_id"], user=call.user)
    if task is None:
        raise Refusal(404, {"error": f"Task {call.path['task_id']} does not exist"})
    shown = task.to_json()
    if task.is_invalidated:
        shown |= {"status": "302", "description": DESCRIPTIONS["302"]}
    return Answer(200, {"task": shown})


def created(task: Task, *, status: int = 200, with_url: bool = True) -> Answer:
    """Return the answer to the request that started a task."""
    body = {"success": "Task created", "task_id": task.id}
    if with_url:
        body["task_url"] = f"/tasks/{task.id}"
    return Answer(status, body)


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/tasks", listed),
    ("GET", "/tasks/{task_id}", single),
)
