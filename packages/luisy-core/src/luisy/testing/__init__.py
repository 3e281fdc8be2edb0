"""Test pipelines without files: outputs are kept in memory, inputs are given as objects.

With unittest derive from `LuisyTestCase`; with pytest add
``pytest_plugins = ["luisy.testing.fixtures"]`` to the `conftest.py` and use the fixtures
`luisy_working_dir` and `run_pipeline`.
"""

from luisy.testing.case import LuisyTestCase
from luisy.testing.config import create_testing_config
from luisy.testing.memory import PipelineFailed, debug_run, get_all_dependencies, run_in_memory
from luisy.testing.spark_fake import DFMock, SparkMock

__all__ = [
    "DFMock",
    "LuisyTestCase",
    "PipelineFailed",
    "SparkMock",
    "create_testing_config",
    "debug_run",
    "get_all_dependencies",
    "run_in_memory",
]
