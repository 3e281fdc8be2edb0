"""Pipelines whose tasks rerun only when their code or data changed.

Everything that a task needs is a name of this module. What is heavy, and what other packages add,
is imported when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from luisy import luigi_import as _luigi_import  # noqa: F401 - the first to import luigi

# isort: split

from luigi import (
    BoolParameter,
    ChoiceListParameter,
    ChoiceParameter,
    DateHourParameter,
    DateIntervalParameter,
    DateMinuteParameter,
    DateParameter,
    DateSecondParameter,
    DictParameter,
    EnumListParameter,
    EnumParameter,
    FloatParameter,
    IntParameter,
    ListParameter,
    MonthParameter,
    NumericalParameter,
    OptionalBoolParameter,
    OptionalChoiceParameter,
    OptionalDictParameter,
    OptionalFloatParameter,
    OptionalIntParameter,
    OptionalListParameter,
    OptionalNumericalParameter,
    OptionalParameter,
    OptionalPathParameter,
    OptionalStrParameter,
    OptionalTupleParameter,
    Parameter,
    PathParameter,
    StrParameter,
    TaskParameter,
    TimeDeltaParameter,
    TupleParameter,
    YearParameter,
)

from luisy.config import Config, activate_download, set_working_dir
from luisy.decorators import (
    auto_filename,
    azure_blob_storage_input,
    azure_blob_storage_output,
    csv_output,
    deltatable_input,
    deltatable_output,
    feather_output,
    final,
    hdf_output,
    inherits,
    interim,
    json_output,
    parquet_output,
    parquetdir_output,
    pickle_output,
    project_name,
    raw,
    requires,
    xlsx_output,
)
from luisy.task import Task
from luisy.task_kinds import ConcatenationTask, ExternalTask, SparkTask, WrapperTask

if TYPE_CHECKING:
    from luisy.hashing import reads_files
    from luisy.run import build

__version__ = "2.0.0a1"

__all__ = [
    "BoolParameter",
    "ChoiceListParameter",
    "ChoiceParameter",
    "ConcatenationTask",
    "Config",
    "DateHourParameter",
    "DateIntervalParameter",
    "DateMinuteParameter",
    "DateParameter",
    "DateSecondParameter",
    "DictParameter",
    "EnumListParameter",
    "EnumParameter",
    "ExternalTask",
    "FloatParameter",
    "IntParameter",
    "ListParameter",
    "MonthParameter",
    "NumericalParameter",
    "OptionalBoolParameter",
    "OptionalChoiceParameter",
    "OptionalDictParameter",
    "OptionalFloatParameter",
    "OptionalIntParameter",
    "OptionalListParameter",
    "OptionalNumericalParameter",
    "OptionalParameter",
    "OptionalPathParameter",
    "OptionalStrParameter",
    "OptionalTupleParameter",
    "Parameter",
    "PathParameter",
    "SparkTask",
    "StrParameter",
    "Task",
    "TaskParameter",
    "TimeDeltaParameter",
    "TupleParameter",
    "WrapperTask",
    "YearParameter",
    "__version__",
    "activate_download",
    "auto_filename",
    "azure_blob_storage_input",
    "azure_blob_storage_output",
    "build",
    "csv_output",
    "deltatable_input",
    "deltatable_output",
    "feather_output",
    "final",
    "hdf_output",
    "inherits",
    "interim",
    "json_output",
    "parquet_output",
    "parquetdir_output",
    "pickle_output",
    "project_name",
    "raw",
    "reads_files",
    "requires",
    "set_working_dir",
    "xlsx_output",
]

_LAZY = {"build": "luisy.run", "reads_files": "luisy.hashing"}
_MODULES = {"decorators", "helpers", "targets", "testing", "visualize"}


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        found = getattr(importlib.import_module(_LAZY[name]), name)
    elif name in _MODULES:
        return importlib.import_module(f"luisy.{name}")
    else:
        from luisy.extensions import load

        return load(name, module=__name__)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    from luisy.extensions import installed

    return sorted({*globals(), *__all__, *_MODULES, *installed()})
