"""Targets that live outside the working directory and are reached through Spark.

They have no file here, so they have no record: such a task is complete when its table or its data
is there, whatever code made it.
"""

from __future__ import annotations

from typing import Any

from luisy.targets.local import LuisyTarget


class CloudTarget(LuisyTarget):
    """An output that is no file of the working directory."""

    def makedirs(self) -> None:
        """Do nothing: there is no folder to make."""

    def make_dir(self, path: str) -> None:
        """Do nothing: there is no folder to make."""


class SparkTarget(CloudTarget):
    """An output that Spark reads and writes."""

    @property
    def spark(self) -> Any:
        """The Spark session of the settings."""
        from luisy.config import Config

        return Config().spark


class DeltaTableTarget(SparkTarget):
    """A table of Spark's catalog.

    Args:
        outdir: The folder that the name of the output starts with; nothing is written there.
        schema: The schema of the table.
        catalog: The catalog of the schema.
        table_name: The name of the table.
    """

    file_ending = "DeltaTable"

    def __init__(
        self,
        outdir: str = "",
        schema: str = "schema",
        catalog: str = "catalog",
        table_name: str | None = None,
    ) -> None:
        self.table_uri = f"{catalog}.{schema}.{table_name}"
        super().__init__(f"{outdir}/{self.table_uri}.{self.file_ending}")  # type: ignore[no-untyped-call]

    def exists(self) -> bool:
        """Tell whether the table is there."""
        return bool(self.spark.catalog.tableExists(self.table_uri))

    def read(self) -> Any:
        """Return the table as a Spark frame."""
        return self.spark.table(self.table_uri)

    def write(self, obj: Any) -> None:
        """Replace the table by a Spark frame."""
        obj.write.mode("overwrite").saveAsTable(self.table_uri)

    def remove(self) -> None:
        """Drop the table; one that is not there is fine."""
        self.spark.sql(f"DROP TABLE IF EXISTS {self.table_uri}")


class AzureBlobStorageTarget(SparkTarget):
    """A folder that Spark reaches by URL.

    Args:
        outdir: Accepted as for the other targets; nothing is written there.
        endpoint: The URL of the container.
        directory: The folder in it.
        inferschema: Whether Spark guesses the types of the columns.
        file_format: What Spark calls the format.
    """

    def __init__(
        self,
        outdir: str = "",  # noqa: ARG002 - every target outside is built with it
        endpoint: str = "",
        directory: str = "",
        *,
        inferschema: bool = False,
        file_format: str = "parquet",
    ) -> None:
        self.blob_uri = f"{endpoint.rstrip('/')}/{directory.lstrip('/')}"
        self.inferschema = inferschema
        self.file_format = file_format
        super().__init__(self.blob_uri)  # type: ignore[no-untyped-call]

    def exists(self) -> bool:
        """Tell whether there is something to read."""
        from luisy.spark import analysis_exception

        try:
            self.read().limit(1).count()
        except analysis_exception():
            return False
        return True

    def read(self) -> Any:
        """Return the data as a Spark frame."""
        reader = self.spark.read.format(self.file_format)
        return reader.load(self.blob_uri, inferSchema=self.inferschema)

    def write(self, obj: Any) -> None:
        """Replace the data by a Spark frame."""
        obj.write.format(self.file_format).mode("overwrite").save(self.blob_uri)

    def remove(self) -> None:
        """Do nothing: what is in the storage is only ever overwritten."""
