"""The target of a folder of parquet files, which pandas and Spark write and read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError

from luisy.targets.frames import engine, is_polars, to_pandas
from luisy.targets.local import FolderTarget


class ParquetDirTarget(FolderTarget):
    """A folder of parquet files that together are one table.

    A pandas or polars frame becomes one file. A Spark frame becomes one file for each of its
    partitions, written by Spark itself.
    """

    def load(self, path: Path) -> Any:
        """Read all parts into one pandas frame."""
        from luisy.helpers import get_df_from_parquet_dir

        return get_df_from_parquet_dir(str(path))

    def load_spark(self, session: Any) -> Any:
        """Read the folder as a Spark frame."""
        return session.read.parquet(self.path)

    def dump(self, obj: Any, path: Path) -> None:
        """Write a frame."""
        part = path / "part-00000.parquet"
        if hasattr(obj, "sparkSession"):
            obj.write.mode("overwrite").parquet(str(path))
        elif is_polars(obj) or hasattr(obj, "to_parquet"):
            with engine("pyarrow", extra="parquet"):
                to_pandas(obj).to_parquet(part)
        else:
            raise ConfigurationError(
                "a parquet folder holds a frame of pandas, polars or Spark, "
                f"not {type(obj).__name__}"
            )
