"""The bridge to Spark, which is an extra: ``pip install "luisy-core[spark]"``."""

from __future__ import annotations

from typing import Any

from luisy_protocol.errors import MissingPackage

from luisy.targets.frames import is_polars, to_pandas


def session() -> Any:
    """Return the active Spark session, or a new local one.

    Raises:
        MissingPackage: If pyspark is not installed.
    """
    try:
        from pyspark.sql import SparkSession
    except ImportError as error:
        raise MissingPackage('Spark needs pyspark: pip install "luisy-core[spark]"') from error
    return SparkSession.getActiveSession() or SparkSession.builder.getOrCreate()


def read_frame(target: Any, session: Any) -> Any:
    """Read a target as a Spark frame; Spark itself reads what it can."""
    if hasattr(target, "load_spark"):
        return target.load_spark(session)
    frame = target.read()
    if is_polars(frame) or hasattr(frame, "to_parquet"):
        return session.createDataFrame(to_pandas(frame))
    return frame


def analysis_exception() -> type[Exception]:
    """Return the error by which Spark says that something to read is not there."""
    from pyspark.errors import AnalysisException

    return AnalysisException
