"""What is known about one output: which code and which inputs made which bytes.

A record is a value. How records are kept in files and in stores is told by
`luisy_protocol.record_log` (the text format), `luisy_protocol.local_records` and
`luisy_protocol.store_records`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Content(NamedTuple):
    """The digest and the size of one file; a tuple, for directories have very many."""

    sha256: str
    size: int


@dataclass(frozen=True, slots=True)
class Record:
    """The record of one output.

    Attributes:
        key: Where the output is, below the working directory and below the store's root alike:
            ``<project>/<layer>/[<sub_dir>/]<file name>``.
        hash: The hash of the task instance that made it: 64 hexadecimal digits (32 in records that
            luisy 1.4 left). Empty for an external output, which no code made.
        sha256: The digest of the content; for a directory that of its sorted listing.
        size: The size in bytes; for a directory the sum of its files.
        files: For a directory, each file's content by its posix path below the directory; else
            None.
        inputs: The content digest of each input, by key, at the time when the output was made.
        requires: The hash of each required instance, by the key of its output.
        parts: The digest or version of each part of the code that the hash covers, by the part's
            name. Shared between the records of one task class.
        parameters: The significant parameters, serialised, by name.
        yielded: What the task required only while it ran, by the key of the output: the task's
            module, family and parameters as JSON.
        skipped: For a directory, what went wrong with each input file of which nothing was made.
        origin: How it came: ``run``, ``external`` or ``adopted`` (by a hash update).
        previous_hash: For an adopted output the hash it had before, else empty.
        time: When it was made, ISO 8601 in UTC.
        host: The machine that made it.
        version: The version of luisy that made it.
        unknown: Fields written by a newer version; kept when the record is written again.
    """

    key: str
    hash: str
    sha256: str
    size: int
    files: Mapping[str, Content] | None = None
    inputs: Mapping[str, str] = field(default_factory=dict)
    requires: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, str] = field(default_factory=dict)
    yielded: Mapping[str, str] = field(default_factory=dict)
    skipped: Mapping[str, str] = field(default_factory=dict)
    origin: str = "run"
    previous_hash: str = ""
    time: str = ""
    host: str = ""
    version: str = ""
    unknown: Mapping[str, Any] = field(default_factory=dict)
