"""`Accession`: one item of a collection, with files and metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from luisy_protocol.errors import ConfigurationError
from luisy_protocol.os_errors import translated


class Accession:
    """A name, the files that belong to it, and whatever else is known of it.

    Args:
        name: Its name in the collection.
        files: Paths or URLs of its files.
        metadata: Anything JSON can hold, by name.
    """

    def __init__(
        self, name: str, files: Iterable[str | Path] | None = None, **metadata: Any
    ) -> None:
        if not isinstance(name, str) or not name:
            raise ConfigurationError(f"an accession has a name, not {name!r}")
        if isinstance(files, str | Path):
            raise ConfigurationError(f"files of an accession is a list of paths, not {files!r}")
        self.name = name
        self.files: set[str] = {str(file) for file in files or ()}
        self.metadata: dict[str, Any] = metadata

    def __getitem__(self, key: str) -> Any:
        return self.metadata[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.metadata[key] = value

    def __contains__(self, key: object) -> bool:
        return key in self.metadata

    def add_file(self, path: str | Path) -> None:
        """Add the path or the URL of a file."""
        self.files.add(str(path))

    def add_files(self, paths: Iterable[str | Path]) -> None:
        """Add the paths or URLs of some files."""
        self.files.update(str(path) for path in paths)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Accession):
            return NotImplemented
        return (self.name, self.files, self.metadata) == (other.name, other.files, other.metadata)

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        parts = [repr(self.name)]
        if self.files:
            parts.append(f"files={sorted(self.files)!r}")
        parts += [f"{name}={value!r}" for name, value in self.metadata.items()]
        return f"Accession({', '.join(parts)})"

    @classmethod
    def from_yaml(cls, path: str | Path) -> list[Accession]:
        """Read accessions from a YAML file: names, each with ``files`` and ``metadata`` below it.

        Raises:
            ConfigurationError: If the file is malformed.
        """
        import yaml

        with translated(f"read {path}"):
            text = Path(path).read_text(encoding="utf-8")
        try:
            content = yaml.safe_load(text) or {}
            return [_from_entry(cls, name, entry) for name, entry in content.items()]
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            raise ConfigurationError(f"{path} does not hold accessions: {error}") from error


def _from_entry(cls: type[Accession], name: object, entry: Mapping[str, Any] | None) -> Accession:
    entry = entry or {}
    return cls(str(name), files=entry.get("files"), **(entry.get("metadata") or {}))
