"""The other kinds of task: inputs from outside, tables as one, groups, and Spark."""

from __future__ import annotations

from typing import Any, ClassVar

import luigi
from luigi.task import flatten, getpaths

from luisy.task import Task


class ExternalTask(Task, luigi.ExternalTask):
    """An input that a person made: never run, never removed."""

    is_external: ClassVar[bool] = True


class ConcatenationTask(Task):
    """Put the tables of all required tasks below each other; `preprocess` may change the result."""

    def preprocess(self, df: Any) -> Any:
        """Change the concatenated frame before it is written; by default not at all."""
        return df

    def run(self) -> None:
        """Read every input, concatenate, preprocess and write."""
        import pandas as pd

        frames = []
        for target in flatten(self.input()):
            self.logger.info("Read file %s", target.path)
            frames.append(target.read())
        self.write(self.preprocess(pd.concat(frames)))


class WrapperTask(Task, luigi.WrapperTask):
    """A task without an output of its own: complete when everything it requires is."""

    @property
    def key(self) -> str:
        """Nothing: there is no output."""
        return ""

    def output(self) -> Any:
        """Return no target."""
        return []

    def complete(self) -> bool:
        """Tell whether every required task is complete."""
        from luisy.session import is_complete

        return is_complete(self)

    def read(self) -> Any:
        """Return the outputs of the required tasks, in the structure that `requires` has."""
        from luisy.session import prepare_read

        prepare_read(self)
        return _read(self.requires())

    def clean(self) -> None:
        """Do nothing: there is no output."""


class SparkTask(Task):
    """A task that computes with Spark: its inputs arrive as Spark frames."""

    @property
    def spark(self) -> Any:
        """The Spark session."""
        from luisy.config import Config

        return Config().spark

    def read_input(self) -> Any:
        """Return the one input as a Spark frame."""
        from luisy.spark import read_frame

        return read_frame(self.input(), self.spark)

    def write(self, obj: Any) -> None:
        """Write a Spark frame; a target of pandas gets a pandas frame."""
        if self.target_cls.requires_pandas and hasattr(obj, "toPandas"):
            obj = obj.toPandas()
        super().write(obj)


def _read(required: Any) -> Any:
    if isinstance(required, WrapperTask):
        return _read(required.requires())
    if isinstance(required, luigi.Task):
        return getpaths(required).read()
    if isinstance(required, dict):
        return {name: _read(task) for name, task in required.items()}
    return [_read(task) for task in required]
