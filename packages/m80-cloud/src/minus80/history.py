"""The versions and tags of one dataset: one small object, changed by compare-and-swap only.

    {"format":"minus80-dataset","version":1,"versions":[...],"tags":{"release":2}}

Versions are numbered from 1 as they become current; the last is the current one. Each remembers the
version that its maker saw when the put began (``base``). Where that is not the version before it,
somebody else had put another in between: both are there, and both can be seen to be concurrent.
Fields that a newer minus80 adds to a version or to the dataset survive a rewrite.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from luisy_protocol.errors import Conflict, IntegrityError
from luisy_protocol.terminal import files_text, size_text

from minus80.errors import DatasetNotFound
from minus80.manifest import decode_header, is_sha256
from minus80.names import suggestion

FORMAT = "minus80-dataset"
VERSION = 1


@dataclass(frozen=True, slots=True)
class Version:
    """One version of a dataset.

    Attributes:
        number: Its number, from 1.
        manifest: The digest of its manifest.
        files: How many files it has.
        size: The sum of their sizes in bytes.
        time: When it was put, by the server's clock, ISO 8601 in UTC.
        user: Who put it.
        host: On which machine.
        base: The number of the version that was current when the put began; 0 for none.
        put: The random name of the put that made it.
        unknown: Fields written by a newer minus80.
    """

    number: int
    manifest: str
    files: int
    size: int
    time: str
    user: str
    host: str
    base: int
    put: str
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_concurrent(self) -> bool:
        """Whether another version became current while this one was put."""
        return self.base != self.number - 1


@dataclass(frozen=True, slots=True, repr=False)
class History:
    """All versions of a dataset, the oldest first, and the tags by name; prints as a table."""

    versions: tuple[Version, ...] = ()
    tags: Mapping[str, int] = field(default_factory=dict)
    unknown: Mapping[str, Any] = field(default_factory=dict)

    @property
    def current(self) -> Version | None:
        """The version that was put last."""
        return self.versions[-1] if self.versions else None

    def __repr__(self) -> str:
        if not self.versions:
            return "No versions yet: the old engine kept none."
        return "\n".join(self._line(version) for version in self.versions)

    def _line(self, version: Version) -> str:
        tags = "".join(f"  [{tag}]" for tag in self.tags_of(version))
        beside = (
            f"  (put at the same time as {version.number - 1})" if version.is_concurrent else ""
        )
        return (
            f"{version.number:>4}  {version.time[:19].replace('T', ' ')}  "
            f"{files_text(version.files):>12}  {size_text(version.size):>9}  "
            f"{version.user} on {version.host}{tags}{beside}"
        )

    def with_version(self, version: Version, *, tag: str | None = None) -> History:
        """Return the history with one more version, numbered by its place here.

        Raises:
            Conflict: If another version has the tag.
        """
        number = self.versions[-1].number + 1 if self.versions else 1
        added = replace(self, versions=(*self.versions, replace(version, number=number)))
        return added.with_tag(tag, number) if tag else added

    def with_tag(self, tag: str, number: int) -> History:
        """Return the history with a tag on a version.

        Raises:
            Conflict: If another version has the tag.
        """
        if self.tags.get(tag, number) != number:
            raise Conflict(f"the tag '{tag}' is on version {self.tags[tag]} already; take another")
        return replace(self, tags={**self.tags, tag: number})

    def tags_of(self, version: Version) -> tuple[str, ...]:
        """Return the tags of a version."""
        return tuple(sorted(tag for tag, number in self.tags.items() if number == version.number))

    def find(self, version: int | None = None, *, tag: str | None = None) -> Version | None:
        """Return a version by number or tag, or the current one.

        Raises:
            DatasetNotFound: If there is no such version or tag.
        """
        if tag is not None:
            if tag not in self.tags:
                raise DatasetNotFound(f"there is no tag '{tag}'{suggestion(tag, self.tags)}")
            version = self.tags[tag]
        if version is None:
            return self.current
        for found in self.versions:
            if found.number == version:
                return found
        numbers = ", ".join(str(found.number) for found in self.versions[-5:])
        raise DatasetNotFound(f"there is no version {version}; the last are {numbers}")


def encode(history: History) -> bytes:
    """Return the text of a history."""
    content = {
        **history.unknown,
        "format": FORMAT,
        "version": VERSION,
        "versions": [_encoded(version) for version in history.versions],
        "tags": dict(sorted(history.tags.items())),
    }
    return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()


def decode(text: bytes, *, name: str) -> History:
    """Return the history in a text.

    Raises:
        IntegrityError: If it is malformed or from a newer minus80.
    """
    content = dict(decode_header(text, form=FORMAT, version=VERSION, name=name))
    versions, tags = content.pop("versions", None), content.pop("tags", None)
    try:
        if not isinstance(versions, list) or not isinstance(tags, dict):
            raise TypeError("it has no versions or no tags")  # noqa: TRY301 - told below
        decoded = tuple(_decoded(version) for version in versions)
        numbers = {version.number for version in decoded}
        if len(numbers) != len(decoded) or not numbers.issuperset(tags.values()):
            raise ValueError("its numbers contradict each other")  # noqa: TRY301 - told below
    except (KeyError, TypeError, ValueError) as error:
        raise IntegrityError(f"{name} is malformed: {error}") from error
    unknown = {key: value for key, value in content.items() if key not in {"format", "version"}}
    return History(decoded, tags, unknown)


_FIELDS = {
    "number": int,
    "manifest": str,
    "files": int,
    "size": int,
    "time": str,
    "user": str,
    "host": str,
    "base": int,
    "put": str,
}


def _encoded(version: Version) -> dict[str, object]:
    return {**version.unknown, **{name: getattr(version, name) for name in _FIELDS}}


def _decoded(entry: object) -> Version:
    if not isinstance(entry, dict):
        raise TypeError("a version is no object")
    for name, kind in _FIELDS.items():
        if type(entry[name]) is not kind:
            raise TypeError(f"'{name}' of a version is {entry[name]!r}")
    if not is_sha256(entry["manifest"]):
        raise ValueError(f"{entry['manifest']!r} is no SHA-256")
    unknown = {name: value for name, value in entry.items() if name not in _FIELDS}
    return Version(**{name: entry[name] for name in _FIELDS}, unknown=unknown)
