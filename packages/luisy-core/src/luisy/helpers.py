"""What pipelines often need: dates of weeks, the tasks below a task, instances found on disk."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import luigi
from luigi.date_interval import Week
from luigi.task import flatten

from luisy.file_name import plain as get_string_repr
from luisy.instances import find_instances

__all__ = [
    "add_filter_info",
    "get_all_reqs",
    "get_df_from_parquet_dir",
    "get_related_instances",
    "get_start_date",
    "get_stop_date",
    "get_string_repr",
]

_logger = logging.getLogger(__name__)


def get_start_date(week: Week | str) -> date:
    """Return the first day of a week, given as luigi's `Week` or as text like ``2021-W12``."""
    day: date = _week(week).date_a
    return day


def get_stop_date(week: Week | str) -> date:
    """Return the first day after a week, given as luigi's `Week` or as text like ``2021-W12``."""
    day: date = _week(week).date_b
    return day


def get_all_reqs(task: luigi.Task, visited: list[luigi.Task] | None = None) -> list[luigi.Task]:
    """Return a task and all tasks below it, each once.

    Args:
        task: The task.
        visited: Tasks to return, too, without looking below them.
    """
    found = dict.fromkeys([*(visited or []), task])
    pending = [task]
    while pending:
        for below in flatten(pending.pop().requires()):
            if below not in found:
                found[below] = None
                pending.append(below)
    return list(found)


def get_related_instances(
    task_cls: type[luigi.Task], regex_placeholder: str = r"[\S]*"
) -> list[Any]:
    """Return the instances of a task class whose outputs are in the working directory.

    Args:
        task_cls: The class of a luisy task.
        regex_placeholder: A regular expression that each parameter's text in the path must match.
    """
    return find_instances(task_cls, regex_placeholder)


def add_filter_info(filter_func: Callable[..., Any]) -> Callable[..., Any]:
    """Let a method that filters a frame log how many rows and columns it had and has."""

    @functools.wraps(filter_func)
    def wrapper(self: Any, df: Any, *args: Any, **kwargs: Any) -> Any:
        name = f"{type(self).__name__}.{filter_func.__name__}"
        _logger.info("df.shape before '%s': %s", name, df.shape)
        result = filter_func(self, df, *args, **kwargs)
        if result is not None:
            _logger.info("df.shape after '%s': %s", name, result.shape)
        return result

    return wrapper


def get_df_from_parquet_dir(path: str) -> Any:
    """Return one pandas frame of all parquet files in a folder.

    Raises:
        ConfigurationError: If there is none.
    """
    import pandas as pd
    from luisy_protocol.errors import ConfigurationError

    from luisy.targets.frames import engine

    files = sorted(Path(path).glob("[!.]*.parquet"))
    if not files:
        raise ConfigurationError(f"there are no parquet files in {path}")
    with engine("pyarrow", extra="parquet"):
        frames = [pd.read_parquet(file, engine="pyarrow") for file in files]
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    return pd.concat(filled, ignore_index=True)


def _week(week: Week | str) -> Any:
    return week if isinstance(week, Week) else Week.parse(week)
