"""Fixtures for pytest: ``pytest_plugins = ["luisy.testing.fixtures"]`` in `conftest.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import luigi
import pytest
from luigi.execution_summary import LuigiStatusCode, _summary_dict

from luisy.config import Config
from luisy.testing.config import create_testing_config
from luisy.testing.memory import Outputs, PipelineFailed, run_in_memory


@pytest.fixture
def luisy_working_dir(tmp_path: Path) -> Iterator[Path]:
    """Set a temporary working directory; no setting of the environment counts."""
    with Config().restored():
        create_testing_config(tmp_path, mock_spark=False)
        yield tmp_path


@pytest.fixture
def run_pipeline() -> Callable[..., Any]:
    """Run a task with outputs in memory: `run_pipeline(task, {below: frame})`."""

    def run(task: luigi.Task, existing_outputs: Outputs | None = None) -> Any:
        result, store = run_in_memory(task, existing_outputs)
        if result.status != LuigiStatusCode.SUCCESS:
            raise PipelineFailed(str(_summary_dict(result.worker)))
        return store.get(task)

    return run
