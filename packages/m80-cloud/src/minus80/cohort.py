"""`Cohort`: a named set of accessions, kept on this machine."""

from __future__ import annotations

import json
import random
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from luisy_protocol.errors import ConfigurationError

from minus80.accession import Accession
from minus80.errors import DatasetNotFound
from minus80.freezable import Freezable
from minus80.names import suggestion

if TYPE_CHECKING:
    import sqlite3

    import pandas as pd

_SCHEMA = """
CREATE TABLE IF NOT EXISTS m80_accessions (
    name TEXT PRIMARY KEY,
    files TEXT NOT NULL,
    metadata TEXT NOT NULL
)
"""
_ADD = "INSERT OR REPLACE INTO m80_accessions VALUES (?, ?, ?)"


class Cohort(Freezable):
    """A set of accessions with a name. What is added is there in the next session too.

    An accession that comes out is a copy: change it, and `update` the cohort with it.

    Args:
        name: The cohort's name; it is made if it is not there.
        basedir: Another base directory than that of the settings.
    """

    def __init__(self, name: str, basedir: str | Path | None = None) -> None:
        super().__init__(name, basedir)
        _ = self._db  # so that an empty cohort is there too

    @classmethod
    def from_accessions(
        cls, name: str, accessions: Iterable[Accession], basedir: str | Path | None = None
    ) -> Cohort:
        """Return the cohort of a name, with some accessions added.

        Args:
            name: The cohort's name.
            accessions: What to add.
            basedir: Another base directory than that of the settings.
        """
        cohort = cls(name, basedir)
        cohort.add_accessions(accessions)
        return cohort

    @property
    def names(self) -> list[str]:
        """The names of the accessions, sorted."""
        rows = self._db.execute("SELECT name FROM m80_accessions ORDER BY name").fetchall()
        return [name for (name,) in rows]

    @property
    def columns(self) -> list[str]:
        """The names of all metadata that any accession has, sorted."""
        return sorted({key for accession in self for key in accession.metadata})

    @property
    def files(self) -> list[str]:
        """The files of all accessions, sorted."""
        return sorted({file for accession in self for file in accession.files})

    def add_accession(self, accession: Accession) -> Accession:
        """Add an accession, or replace the one of its name; return a copy of what is there now."""
        return self.add_accessions([accession])[0]

    def add_accessions(self, accessions: Iterable[Accession]) -> list[Accession]:
        """Add some accessions, all or none; those of the same names are replaced.

        Raises:
            ConfigurationError: If the metadata of one cannot be kept.
        """
        rows = [_row(accession) for accession in accessions]
        with self._db as connection:
            connection.executemany(_ADD, rows)
        return [_accession(row) for row in rows]

    def update(self, *accessions: Accession) -> None:
        """Replace accessions that are there.

        Raises:
            DatasetNotFound: If one is not there; nothing is changed then.
        """
        for accession in accessions:
            self[accession]
        self.add_accessions(accessions)

    def remove(self, name: str | Accession) -> None:
        """Remove an accession.

        Raises:
            DatasetNotFound: If it is not there.
        """
        self[name]
        with self._db as connection:
            connection.execute("DELETE FROM m80_accessions WHERE name = ?", (_name(name),))

    def random_accession(self) -> Accession:
        """Return one accession at random.

        Raises:
            ConfigurationError: If there is none.
        """
        return self.random_accessions()[0]

    def random_accessions(
        self, n: int = 1, *, replace: bool = False, seed: int | None = None
    ) -> list[Accession]:
        """Return a random sample.

        Args:
            n: How many.
            replace: Whether one may come more than once.
            seed: For the same sample each time.

        Raises:
            ConfigurationError: If there are not so many.
        """
        names, chance = self.names, random.Random(seed)  # noqa: S311 - not for secrets
        if n < 0 or not names or (n > len(names) and not replace):
            raise ConfigurationError(
                f"cannot take {n} of the {len(names)} accessions of {self.name}"
                + ("" if replace or not names else "; replace=True lets them come more than once")
            )
        chosen = chance.choices(names, k=n) if replace else chance.sample(names, n)
        return [self[name] for name in chosen]

    def as_DataFrame(self) -> pd.DataFrame:  # noqa: N802 - its name since the first minus80
        """Return the metadata as a table: a row for each accession, a column for each key."""
        import pandas as pd

        rows = {accession.name: accession.metadata for accession in self}
        return pd.DataFrame.from_dict(rows, orient="index").rename_axis("name")

    def __getitem__(self, name: str | Accession) -> Accession:
        row = self._db.execute(
            "SELECT name, files, metadata FROM m80_accessions WHERE name = ?", (_name(name),)
        ).fetchone()
        if row is None:
            near = suggestion(_name(name), self.names)
            raise DatasetNotFound(f"there is no '{_name(name)}' in the cohort '{self.name}'{near}")
        return _accession(row)

    def __delitem__(self, name: str | Accession) -> None:
        self.remove(name)

    def __contains__(self, item: object) -> bool:
        if not isinstance(item, str | Accession):
            return False
        found = self._db.execute("SELECT 1 FROM m80_accessions WHERE name = ?", (_name(item),))
        return found.fetchone() is not None

    def __len__(self) -> int:
        count: int = self._db.execute("SELECT count(*) FROM m80_accessions").fetchone()[0]
        return count

    def __iter__(self) -> Iterator[Accession]:
        rows = self._db.execute("SELECT name, files, metadata FROM m80_accessions ORDER BY name")
        return iter([_accession(row) for row in rows.fetchall()])

    def __repr__(self) -> str:
        return f"Cohort({self.name!r}) with {len(self)} accessions"

    @property
    def _db(self) -> sqlite3.Connection:
        connection = self.m80.db
        connection.execute(_SCHEMA)
        return connection


def _name(item: str | Accession) -> str:
    return item.name if isinstance(item, Accession) else item


def _row(accession: Accession) -> tuple[str, str, str]:
    try:
        metadata = json.dumps(accession.metadata)
    except (TypeError, ValueError) as error:
        raise ConfigurationError(
            f"the metadata of '{accession.name}' cannot be kept as JSON: {error}"
        ) from error
    return accession.name, json.dumps(sorted(accession.files)), metadata


def _accession(row: tuple[str, str, str]) -> Accession:
    accession = Accession(row[0], files=json.loads(row[1]))
    accession.metadata = json.loads(row[2])
    return accession
