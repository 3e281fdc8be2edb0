"""The task classes under the names of luisy 1.4; `luisy.Task` and the others are the same."""

from luisy.task import Task
from luisy.task_kinds import ConcatenationTask, ExternalTask, SparkTask, WrapperTask

__all__ = ["ConcatenationTask", "ExternalTask", "SparkTask", "Task", "WrapperTask"]
