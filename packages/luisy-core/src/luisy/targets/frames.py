"""Targets of tables: csv, parquet, feather, xlsx and hdf, one file each.

They read with pandas and write what pandas writes, with the defaults that luisy 1.4 had: a csv file
has no index, an xlsx file has one. csv, parquet and feather take polars frames, too. The arguments
given to an output decorator go to the writer, the reader, or both: to each that knows an argument
of that name. One that neither knows is an error.
"""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError, MissingPackage
from luisy_protocol.os_errors import is_full

from luisy.targets.local import LocalTarget

_OF_THE_FILE = {"complevel", "complib"}  # what `to_hdf` passes on to `HDFStore`


class CSVTarget(LocalTarget):
    """A csv file, without the index."""

    file_ending = "csv"

    def load(self, path: Path) -> Any:
        """Read a pandas frame."""
        import pandas as pd

        return pd.read_csv(path, **self._arguments(pd.read_csv, pd.DataFrame.to_csv))

    def dump(self, obj: Any, path: Path) -> None:
        """Write a pandas or polars frame."""
        import pandas as pd

        arguments = self._arguments(pd.DataFrame.to_csv, pd.read_csv)
        if is_polars(obj) and arguments.keys() <= {"sep"}:
            with _numbered_errors():
                collected(obj).write_csv(path, separator=arguments.get("sep", ","))
        else:
            to_pandas(obj).to_csv(path, **{"index": False, **arguments})

    def _arguments(
        self, function: Callable[..., Any], other: Callable[..., Any]
    ) -> Mapping[str, Any]:
        return accepted(self.kwargs, function, other)


class ParquetTarget(LocalTarget):
    """A parquet file."""

    file_ending = "parquet"

    def load(self, path: Path) -> Any:
        """Read a pandas frame."""
        import pandas as pd

        with engine("pyarrow", extra="parquet"):
            arguments = accepted(self.kwargs, pd.read_parquet, pd.DataFrame.to_parquet)
            return pd.read_parquet(path, **arguments)

    def dump(self, obj: Any, path: Path) -> None:
        """Write a pandas or polars frame."""
        import pandas as pd

        if is_polars(obj) and not self.kwargs:
            with _numbered_errors():
                collected(obj).write_parquet(path)
            return
        with engine("pyarrow", extra="parquet"):
            arguments = accepted(self.kwargs, pd.DataFrame.to_parquet, pd.read_parquet)
            to_pandas(obj).to_parquet(path, **arguments)


class FeatherTarget(LocalTarget):
    """A feather file."""

    file_ending = "feather"

    def load(self, path: Path) -> Any:
        """Read a pandas frame."""
        import pandas as pd

        with engine("pyarrow", extra="parquet"):
            arguments = accepted(self.kwargs, pd.read_feather, pd.DataFrame.to_feather)
            return pd.read_feather(path, **arguments)

    def dump(self, obj: Any, path: Path) -> None:
        """Write a pandas or polars frame."""
        import pandas as pd

        if is_polars(obj) and not self.kwargs:
            with _numbered_errors():
                collected(obj).write_ipc(path)
            return
        with engine("pyarrow", extra="parquet"):
            arguments = accepted(self.kwargs, pd.DataFrame.to_feather, pd.read_feather)
            to_pandas(obj).to_feather(path, **arguments)


class XLSXTarget(LocalTarget):
    """A sheet of an Excel file, with the index as its first column."""

    file_ending = "xlsx"

    def load(self, path: Path) -> Any:
        """Read a pandas frame."""
        import pandas as pd

        with engine("openpyxl", extra="xlsx"):
            arguments = accepted(self.kwargs, pd.read_excel, pd.DataFrame.to_excel)
            return pd.read_excel(path, **{"engine": "openpyxl", **arguments})

    def dump(self, obj: Any, path: Path) -> None:
        """Write a frame."""
        import pandas as pd

        with engine("openpyxl", extra="xlsx"):
            arguments = accepted(self.kwargs, pd.DataFrame.to_excel, pd.read_excel)
            # The temporary name does not tell pandas that it is an Excel file; the engine does.
            with pd.ExcelWriter(path, engine=arguments.pop("engine", "openpyxl")) as writer:
                to_pandas(obj).to_excel(writer, **arguments)


class HDFTarget(LocalTarget):
    """A frame in an HDF5 file, under the key ``data``.

    The file of a pandas frame is made in memory. PyTables does not tell that a disk is full: it
    leaves a file of the right size without what had no room, and that reads as zeros.
    """

    file_ending = "hdf"

    def load(self, path: Path) -> Any:
        """Read a pandas frame."""
        import pandas as pd

        with engine("tables", extra="hdf"):
            return pd.read_hdf(path, **accepted(self.kwargs, pd.read_hdf, pd.DataFrame.to_hdf))

    def dump(self, obj: Any, path: Path) -> None:
        """Write a frame."""
        import pandas as pd

        with engine("tables", extra="hdf"):
            arguments = {
                "key": "data",
                **accepted(self.kwargs, pd.DataFrame.to_hdf, pd.read_hdf),
            }
            frame = to_pandas(obj)
            if getattr(type(frame), "to_hdf", None) is not pd.DataFrame.to_hdf:
                frame.to_hdf(path, **arguments)  # dask's and others' write to nothing but a path
                return
            how = {name: arguments.pop(name) for name in _OF_THE_FILE & arguments.keys()}
            how |= {"driver": "H5FD_CORE", "driver_core_backing_store": 0}
            with pd.HDFStore(path, **how) as store:
                frame.to_hdf(store, **arguments)
                Path(path).write_bytes(store.root._v_file.get_file_image())


def accepted(
    kwargs: Mapping[str, Any], function: Callable[..., Any], other: Callable[..., Any]
) -> dict[str, Any]:
    """Return the arguments that `function` knows.

    Raises:
        ConfigurationError: If neither `function` nor `other` knows one of them.
    """
    known, known_to_other = _parameters(function), _parameters(other)
    for name in kwargs:
        if not (known | known_to_other) & {name, "**"}:
            raise ConfigurationError(
                f"the output decorator got an argument '{name}' that neither "
                f"{function.__name__} nor {other.__name__} of pandas knows"
            )
    return {
        name: value
        for name, value in kwargs.items()
        if name in known or ("**" in known and name not in known_to_other)
    }


@contextmanager
def engine(name: str, *, extra: str) -> Iterator[None]:
    """Turn a missing library into an error that names the extra of luisy-core that brings it."""
    try:
        yield
    except ImportError as error:
        if _is_importable(name):
            raise
        raise MissingPackage(
            f'this kind of output needs {name}: pip install "luisy-core[{extra}]"'
        ) from error


def is_polars(obj: object) -> bool:
    """Tell whether an object is a frame of polars, without importing polars."""
    return type(obj).__module__.partition(".")[0] == "polars"


def collected(frame: Any) -> Any:
    """Return a polars frame with its rows; a lazy one is computed."""
    return frame.collect() if hasattr(frame, "collect") else frame


@contextmanager
def _numbered_errors() -> Iterator[None]:
    """Give the error of a full disk its number: polars tells it in words, as Rust writes them."""
    try:
        yield
    except Exception as error:
        number = re.search(r"\(os error (\d+)\)", str(error))
        numbered = OSError(int(number[1]), str(error)) if number else None
        if numbered and is_full(numbered):
            raise numbered from error
        raise


def to_pandas(obj: Any) -> Any:
    """Return a pandas frame of a polars one, and anything else as it is."""
    return collected(obj).to_pandas() if is_polars(obj) else obj


def _parameters(function: Callable[..., Any]) -> set[str]:
    parameters = inspect.signature(function).parameters.values()
    return {"**" if p.kind is p.VAR_KEYWORD else p.name for p in parameters}


def _is_importable(name: str) -> bool:
    try:
        import_module(name)
    except ImportError:
        return False
    return True
