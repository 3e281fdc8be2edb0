"""The test case for pipelines."""

from __future__ import annotations

import unittest
from collections.abc import Callable
from typing import Any

import luigi
from luigi.execution_summary import LuigiStatusCode, _summary_dict

from luisy.testing.memory import Outputs, run_in_memory


class LuisyTestCase(unittest.TestCase):
    """A test case that runs pipelines with their outputs in memory."""

    def run_pipeline(
        self,
        task: luigi.Task,
        existing_outputs: Outputs | None = None,
        return_store: bool = False,
    ) -> Any:
        """Run a task, fail the test if it does not succeed, and return its output.

        Args:
            task: The task.
            existing_outputs: Tasks whose outputs are there already, and what they hold.
            return_store: Whether to return the outputs of all tasks, by task.
        """
        result, store = run_in_memory(task, existing_outputs)
        if result.status != LuigiStatusCode.SUCCESS:
            self.fail(str(_summary_dict(result.worker)))
        return store if return_store else store.get(task)

    def get_execution_summary(
        self, task: luigi.Task, existing_outputs: Outputs | None = None
    ) -> dict[str, Any]:
        """Run a task and return which tasks were completed, failed and so on."""
        result, _ = run_in_memory(task, existing_outputs)
        return dict(_summary_dict(result.worker))

    def assertSuccess(  # noqa: N802 - named like the assertions of unittest
        self, task: luigi.Task, existing_outputs: Outputs | None = None
    ) -> None:
        """Check that a task and all that it requires succeed."""
        self._check(task, existing_outputs, lambda status: status is LuigiStatusCode.SUCCESS)

    def assertFail(  # noqa: N802
        self, task: luigi.Task, existing_outputs: Outputs | None = None
    ) -> None:
        """Check that a task, or something that it requires, does not succeed."""
        self._check(task, existing_outputs, lambda status: status is not LuigiStatusCode.SUCCESS)

    def assertMissing(  # noqa: N802
        self, task: luigi.Task, existing_outputs: Outputs | None = None
    ) -> None:
        """Check that a task cannot run because an external input is missing."""
        self._check(task, existing_outputs, lambda status: status is LuigiStatusCode.MISSING_EXT)

    def _check(
        self,
        task: luigi.Task,
        existing_outputs: Outputs | None,
        expected: Callable[[LuigiStatusCode], bool],
    ) -> None:
        result, _ = run_in_memory(task, existing_outputs)
        if not expected(result.status):
            self.fail(f"{task}: {result.status.name}, {_summary_dict(result.worker)}")
