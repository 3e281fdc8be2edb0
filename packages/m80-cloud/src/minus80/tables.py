"""Tables and arrays of a dataset, each a Parquet file ``tables/<name>.parquet``."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

from luisy_protocol.errors import ConfigurationError, IntegrityError, NotSupported
from luisy_protocol.os_errors import translated
from luisy_protocol.temporary import replacing

from minus80.names import suggestion, valid_name

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    import pyarrow as pa  # type: ignore[import-untyped] # it ships no types

    Table: TypeAlias = "pd.DataFrame" | "np.ndarray[tuple[int, ...], np.dtype[np.generic]]"

_SHAPE = b"minus80.shape"
_SUFFIX = ".parquet"
_VALUES = "values"


class Tables(MutableMapping[str, "Table"]):
    """A mapping from names to DataFrames and NumPy arrays, kept as files.

    What comes out is a copy; to change a table, set it again. A table is replaced in one step.

    Args:
        folder: Where the files are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> Table:
        from pyarrow import (
            ArrowException,
            parquet,
        )

        path = self._path(name)
        if not path.exists():
            raise KeyError(f"there is no table '{name}'{suggestion(name, self)}")
        with translated(f"read {path}"):
            try:
                table = parquet.read_table(path)
            except ArrowException as error:
                raise IntegrityError(f"{path} is damaged: {error}") from error
        shape = (table.schema.metadata or {}).get(_SHAPE)
        return table.to_pandas() if shape is None else _array(table, shape)

    def __setitem__(self, name: str, table: Table) -> None:
        from pyarrow import (
            ArrowException,
            parquet,
        )

        path = self._path(name)
        try:
            content = _arrow(table)
        except ArrowException as error:
            raise NotSupported(f"the table '{name}' cannot be kept as Parquet: {error}") from error
        with translated(f"write {path}"):
            path.parent.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                parquet.write_table(content, temporary)

    def __delitem__(self, name: str) -> None:
        path = self._path(name)
        if not path.exists():
            raise KeyError(f"there is no table '{name}'{suggestion(name, self)}")
        with translated(f"delete {path}"):
            path.unlink()

    def __iter__(self) -> Iterator[str]:
        return iter(sorted(path.name[: -len(_SUFFIX)] for path in self._folder.glob(f"*{_SUFFIX}")))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self._path(name).exists()

    def _path(self, name: str) -> Path:
        return self._folder / f"{valid_name(name, what='table name')}{_SUFFIX}"


def _arrow(table: Table) -> pa.Table:
    import numpy as np
    import pandas as pd
    import pyarrow as pa

    if isinstance(table, pd.DataFrame):
        return pa.Table.from_pandas(table)
    if not isinstance(table, np.ndarray):
        raise ConfigurationError(
            f"a table is a DataFrame or an array, not {type(table).__name__}; keep other values in "
            "the dataset's `doc`"
        )
    flat = pa.table({_VALUES: table.ravel()})
    shape = ",".join(str(length) for length in table.shape).encode()
    return flat.replace_schema_metadata({_SHAPE: shape})


def _array(table: pa.Table, shape: bytes) -> Table:
    values = table[_VALUES].to_numpy()
    # Arrow's memory cannot be written to; what comes out of a mapping of arrays can.
    array: Table = values.reshape([int(n) for n in shape.split(b",") if n]).copy()
    return array
