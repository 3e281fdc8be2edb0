"""What tasks write: one class for each kind of output."""

from luisy.targets.folders import ParquetDirTarget
from luisy.targets.frames import (
    CSVTarget,
    FeatherTarget,
    HDFTarget,
    ParquetTarget,
    XLSXTarget,
)
from luisy.targets.local import FolderTarget, LocalTarget, LuisyTarget
from luisy.targets.objects import JSONTarget, PickleTarget
from luisy.targets.tables import (
    AzureBlobStorageTarget,
    CloudTarget,
    DeltaTableTarget,
    SparkTarget,
)

__all__ = [
    "AzureBlobStorageTarget",
    "CSVTarget",
    "CloudTarget",
    "DeltaTableTarget",
    "FeatherTarget",
    "FolderTarget",
    "HDFTarget",
    "JSONTarget",
    "LocalTarget",
    "LuisyTarget",
    "ParquetDirTarget",
    "ParquetTarget",
    "PickleTarget",
    "SparkTarget",
    "XLSXTarget",
]
