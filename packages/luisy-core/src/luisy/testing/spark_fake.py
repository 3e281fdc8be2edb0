"""A Spark that keeps tables in memory, for tests of tasks that read and write tables."""

from __future__ import annotations

from typing import Any


class DFMock:
    """A frame of the fake: it saves itself as a table and turns into a pandas frame.

    Args:
        data: What pandas makes a frame of.
        spark: The fake whose table it becomes.
        table_uri: The table it was read from.
    """

    def __init__(self, data: Any, *, spark: SparkMock, table_uri: str = "") -> None:
        self.data = data
        self.spark = spark
        self.table_uri = table_uri

    @property
    def write(self) -> DFMock:
        """The writer: the frame itself."""
        return self

    def mode(self, saveMode: str) -> DFMock:  # noqa: ARG002, N803 - as Spark names it
        """Accept a mode; a table is always replaced."""
        return self

    def saveAsTable(self, name: str) -> None:  # noqa: N802 - as Spark names it
        """Keep the data as a table."""
        self.spark.data[name] = self.data

    def toPandas(self) -> Any:  # noqa: N802 - as Spark names it
        """Return a pandas frame."""
        import pandas as pd

        return pd.DataFrame(data=self.data)


class SparkMock:
    """A session whose tables are a dictionary.

    Attributes:
        data: What each table holds.
    """

    def __init__(self) -> None:
        self.data: dict[str, Any] = {}

    @property
    def catalog(self) -> SparkMock:
        """The catalog: the session itself."""
        return self

    @property
    def tables(self) -> list[str]:
        """The names of the tables."""
        return list(self.data)

    def tableExists(self, tableName: str) -> bool:  # noqa: N802, N803 - as Spark names it
        """Tell whether a table is there."""
        return tableName in self.data

    def table(self, tableName: str) -> DFMock:  # noqa: N803 - as Spark names it
        """Return a table as a frame."""
        return DFMock(self.data[tableName], spark=self, table_uri=tableName)

    def createDataFrame(self, data: Any) -> DFMock:  # noqa: N802 - as Spark names it
        """Return a frame of the fake."""
        return DFMock(data, spark=self)

    def sql(self, sqlQuery: str) -> None:  # noqa: N803 - as Spark names it
        """Drop a table: the one statement that a target sends."""
        self.data.pop(sqlQuery.removeprefix("DROP TABLE IF EXISTS "), None)
