"""The shapes of the answers. Each is a plain dict at run time, as the server sent it."""

from __future__ import annotations

from typing import Any, NotRequired, TypedDict


class Service(TypedDict):
    """One microservice; `status_code` is missing where the server does not tell."""

    service: str
    status: str
    description: str
    status_code: NotRequired[int]


class System(TypedDict):
    """One machine."""

    system: str
    status: str
    description: str


class Parameter(TypedDict):
    """One setting of the server; `value` is text, for FILESYSTEMS a list."""

    name: str
    value: Any
    unit: str
    description: NotRequired[str]


class Parameters(TypedDict):
    """The settings of the server by section."""

    storage: list[Parameter]
    utilities: list[Parameter]
    compute: NotRequired[list[Parameter]]
    general: NotRequired[list[Parameter]]


class Filesystem(TypedDict):
    """One mounted file system of a machine."""

    name: str
    path: str
    description: str
    status: str
    status_code: int


class LsFile(TypedDict):
    """One entry of a directory; all values are text, `type` as in `ls -l`."""

    name: str
    type: str
    link_target: str
    user: str
    group: str
    permissions: str
    last_modified: str
    size: str


class StatFile(TypedDict):
    """What stat tells."""

    mode: int
    ino: int
    dev: int
    nlink: int
    uid: int
    gid: int
    size: int
    atime: int
    mtime: int
    ctime: int


class Id(TypedDict):
    """A name with its number, both as text."""

    name: str
    id: str


class UserId(TypedDict):
    """What id tells about the user on a machine."""

    user: Id
    group: Id
    groups: list[Id]


class JobSubmit(TypedDict):
    """A submitted job."""

    jobid: str
    result: str
    job_file: str
    job_file_out: str
    job_file_err: str
    job_data_out: str
    job_data_err: str
    job_info_extra: NotRequired[str]
    firecrest_taskid: NotRequired[str]


class InternalTransferJobSubmit(JobSubmit):
    """A submitted transfer job, with the machine it runs on."""

    system: str


class JobAcct(TypedDict):
    """One row of the accounting (sacct)."""

    jobid: str
    name: str
    partition: str
    user: str
    state: str
    start_time: str
    time: str
    cpu_time: NotRequired[str]
    elapsed_time: NotRequired[str]
    termination_time: NotRequired[str]
    time_left: str
    nodes: str
    nodelist: str
    exit_code: NotRequired[str]


class JobQueue(TypedDict):
    """One row of the queue (squeue). Servers put the start time into `time` and vice versa."""

    jobid: str
    name: str
    partition: str
    user: str
    state: str
    start_time: str
    time: str
    time_left: str
    nodes: str
    nodelist: str
    job_file: NotRequired[str]
    job_file_out: NotRequired[str]
    job_file_err: NotRequired[str]
    job_data_out: NotRequired[str]
    job_data_err: NotRequired[str]
    job_info_extra: NotRequired[str]


class NodeInfo(TypedDict):
    """One compute node."""

    NodeName: str
    ActiveFeatures: list[str]
    Partitions: list[str]
    State: list[str]


class PartitionInfo(TypedDict):
    """One partition; all values are text."""

    PartitionName: str
    State: str
    TotalCPUs: str
    TotalNodes: str
    Default: NotRequired[str]


class ReservationInfo(TypedDict):
    """One reservation of the scheduler."""

    ReservationName: str
    State: str
    Nodes: str
    StartTime: str
    EndTime: str
    Features: list[str]


class Task(TypedDict):
    """One task of the server: how it runs everything that takes long.

    `status` is one of the codes in `firecrest.tasks`; what `data` holds depends on it.
    """

    task_id: str
    hash_id: str
    status: str
    description: str
    data: Any
    service: str
    user: str
    system: NotRequired[str]
    created_at: NotRequired[str]
    updated_at: NotRequired[str]
    last_modify: NotRequired[str]
