"""A working directory: where outputs are, and what luisy keeps beside them.

Of each project ``<working_dir>/<project>/`` has ``.luisy.hash``, the records, whose twin is in the
store; and ``.luisy/``, of which nothing is shared: the remembered digests of files, the outputs set
aside, the logs, the lock.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.local_records import LocalRecords
from luisy_protocol.os_errors import is_full, translate

from luisy.fingerprints import Fingerprints


@dataclass(frozen=True, slots=True)
class Workspace:
    """A working directory.

    Attributes:
        folder: Its path.
    """

    folder: Path
    _records: dict[str, LocalRecords] = field(default_factory=dict, compare=False, repr=False)
    _start: str = field(init=False, compare=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_start", os.path.join(self.folder, ""))  # noqa: PTH118

    def path(self, key: str) -> str:
        """Return the path of an output."""
        below = key if os.sep == "/" else key.replace("/", os.sep)
        return f"{self._start}{below}"  # no `Path`: it is asked for every output, several times

    def records(self, project: str) -> LocalRecords:
        """Return the records of a project."""
        if project not in self._records:
            self._records[project] = LocalRecords(self.folder / project / ".luisy.hash")
        return self._records[project]

    def private(self, project: str) -> Path:
        """Return the folder in which luisy keeps what is not shared."""
        return self.folder / project / ".luisy"

    def fingerprints(self, project: str) -> Fingerprints:
        """Return the remembered digests of a project's outputs."""
        return Fingerprints(self.private(project) / "fingerprints")

    def check_writable(self) -> None:
        """Check, by trying, that outputs can be written.

        Raises:
            ConfigurationError: If they cannot.
            LuisyError: If the disk is full.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self.folder):
                return
        except OSError as error:
            if is_full(error):
                raise translate(error, f"write {self.folder}") from error
            raise ConfigurationError(
                f"the working directory {self.folder} cannot be written: "
                f"{error.strerror or error}; give another with --working-dir, or WORKING_DIR"
            ) from error
