"""`Freezable`: an object that lives in a named folder on this machine."""

from __future__ import annotations

import json
import sqlite3
import tempfile
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import IO, Any

from luisy_protocol.errors import ConfigurationError, IntegrityError
from luisy_protocol.os_errors import translated

from minus80.folders import Folders
from minus80.names import slug_of
from minus80.settings import load_settings
from minus80.tables import Tables

_BUSY_SECONDS = 60.0


class Freezable:
    """What can be frozen: derive from it, and keep everything in ``self.m80``.

    The dtype of a dataset is the name of its class.

    Args:
        name: The dataset's name; it is made if it is not there.
        basedir: Another base directory than that of the settings.

    Attributes:
        name: The dataset's name.
        m80: Its folder, database, tables and values.
    """

    def __init__(self, name: str, basedir: str | Path | None = None) -> None:
        self.name = name
        self.m80 = Storage(name, type(self).__name__, basedir)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r})"


class Storage:
    """The folder ``<basedir>/databases/<dtype>.<name>`` of one dataset.

    Args:
        name: The dataset's name.
        dtype: Its type.
        basedir: Another base directory than that of the settings.

    Attributes:
        folder: The folder; files of any kind may be kept there.
        col: Tables and arrays by name.
        doc: Small values by name: whatever JSON can hold.
    """

    def __init__(self, name: str, dtype: str, basedir: str | Path | None = None) -> None:
        self.name, self.dtype = name, dtype
        self.slug = slug_of(name, dtype)
        root = Path(basedir).expanduser() if basedir is not None else load_settings().basedir
        folders = Folders(root.absolute())
        self.folder = folders.path(self.slug)
        self._temporary = folders.temporary
        with translated(f"make {self.folder}"):
            self.folder.mkdir(parents=True, exist_ok=True)
        self.col = Tables(self.folder / "tables")
        self.doc = Values(self)

    def __repr__(self) -> str:
        return f"Storage({str(self.folder)!r})"

    @cached_property
    def db(self) -> sqlite3.Connection:
        """The SQLite database ``db.sqlite`` of the dataset.

        After the dataset was fetched from the cloud, `close` and use it again to see the new one.
        """
        path = self.folder / "db.sqlite"
        try:
            connection = sqlite3.connect(path, timeout=_BUSY_SECONDS)
            connection.execute("PRAGMA foreign_keys = ON")
            connection.execute("PRAGMA schema_version")  # reads the file, so that damage shows here
        except sqlite3.Error as error:
            raise IntegrityError(f"cannot open the database {path}: {error}") from error
        return connection

    @contextmanager
    def bulk_transaction(self) -> Iterator[sqlite3.Cursor]:
        """Give a cursor; all that is done with it is kept if the block ends well, else nothing."""
        with self.db:
            yield self.db.cursor()

    def tmpfile(self, *, suffix: str = "") -> IO[str]:
        """Return a temporary text file below the base directory; it is gone when it is closed."""
        with translated(f"write {self._temporary}"):
            self._temporary.mkdir(parents=True, exist_ok=True)
            return tempfile.NamedTemporaryFile("w+", suffix=suffix, dir=self._temporary)

    def close(self) -> None:
        """Close the database; it opens again when it is used."""
        connection = self.__dict__.pop("db", None)
        if connection is not None:
            connection.close()


class Values(MutableMapping[str, Any]):
    """Small values by name, kept in the dataset's database as JSON.

    Args:
        storage: The dataset.
    """

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    def __getitem__(self, name: str) -> Any:
        row = self._table.execute("SELECT value FROM m80_values WHERE name = ?", (name,)).fetchone()
        if row is None:
            raise KeyError(name)
        return json.loads(row[0])

    def __setitem__(self, name: str, value: Any) -> None:
        try:
            text = json.dumps(value)
        except (TypeError, ValueError) as error:
            raise ConfigurationError(
                f"the value '{name}' cannot be kept as JSON: {error}"
            ) from error
        with self._table as connection:
            connection.execute("INSERT OR REPLACE INTO m80_values VALUES (?, ?)", (name, text))

    def __delitem__(self, name: str) -> None:
        with self._table as connection:
            done = connection.execute("DELETE FROM m80_values WHERE name = ?", (name,))
        if done.rowcount == 0:
            raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        rows = self._table.execute("SELECT name FROM m80_values ORDER BY name").fetchall()
        return iter([name for (name,) in rows])

    def __len__(self) -> int:
        count: int = self._table.execute("SELECT count(*) FROM m80_values").fetchone()[0]
        return count

    @property
    def _table(self) -> sqlite3.Connection:
        connection = self._storage.db
        connection.execute(
            "CREATE TABLE IF NOT EXISTS m80_values (name TEXT PRIMARY KEY, value TEXT NOT NULL)"
        )
        return connection
