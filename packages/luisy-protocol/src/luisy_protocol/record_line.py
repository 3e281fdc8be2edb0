"""One record as one line of JSON, and back; see `luisy_protocol.record_log` for the whole file."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from typing import Any, TypeAlias

from luisy_protocol.keys import validate_key
from luisy_protocol.record import Content, Record

Line: TypeAlias = dict[str, Any]  # what json.loads makes of one line

_FIELDS = frozenset(field.name for field in fields(Record)) - {"unknown"}
_RESERVED = _FIELDS | {"forgotten", "legacy"}
_NOTHING: dict[str, Any] = {}
_compact = json.JSONEncoder(separators=(",", ":")).encode


# The lines that `to_line` and `dump` write, unless they have escapes or unknown fields. What
# matches needs no parsing to be known as sound; groups: the key, the files, the id of the table of
# parts.
_TEXT = r'"[^"\\\x00-\x1f]*+"'
_TEXTS = rf"\{{{_TEXT}:{_TEXT}(?:,{_TEXT}:{_TEXT})*+\}}"
_FILE = rf'{_TEXT}:\["[0-9a-f]*+",(?:0|[1-9][0-9]{{0,17}}+)\]'
PLAIN_LINE = (
    r'\{"key":"([^"\\\x00-\x1f]++)","hash":"[0-9a-f]*+","sha256":"[0-9a-f]*+",'
    rf'"size":(?:0|[1-9][0-9]{{0,17}}+)(?:,"files":(\{{(?:{_FILE}(?:,{_FILE})*+)?+\}}))?+'
    rf'(?:,"inputs":{_TEXTS})?+(?:,"requires":{_TEXTS})?+'
    rf'(?:,"parts":"([0-9a-f]*+)")?+(?:,"parameters":{_TEXTS})?+'
    rf'(?:,"(?:origin|previous_hash|time|host|version)":{_TEXT})*+\}}'
)


class LazyFiles(Mapping[str, Content]):
    """The files of a directory, parsed, and each made a `Content`, when somebody asks for it.

    Args:
        found: The digest and the size by name, as in a line without a fault; or their text.
    """

    __slots__ = ("_found",)

    def __init__(self, found: Mapping[str, list[Any]] | str) -> None:
        self._found = found

    def __getitem__(self, name: str) -> Content:
        return Content(*self._parsed()[name])

    def __iter__(self) -> Iterator[str]:
        return iter(self._parsed())

    def __len__(self) -> int:
        return len(self._parsed())

    def __contains__(self, name: object) -> bool:
        return name in self._parsed()

    def __repr__(self) -> str:
        return repr(dict(self))

    def _parsed(self) -> Mapping[str, list[Any]]:
        if isinstance(self._found, str):
            self._found = json.loads(self._found)
        return self._found  # type: ignore[return-value]


class LazyRecords(Mapping[str, Record]):
    """Records by key, each built from the text of its line when somebody asks for it.

    Args:
        texts: The lines by key, each without a fault.
        files_at: Where in its text the files of a record are, by key, if that is known.
        tables: The tables of parts by id.
        parsed: The lines by key that are parsed already, whatever for.
    """

    __slots__ = ("_built", "_files_at", "_parsed", "_tables", "_texts")

    def __init__(
        self,
        texts: Mapping[str, str],
        files_at: Mapping[str, tuple[int, int]],
        tables: Mapping[str, Mapping[str, str]],
        parsed: Mapping[str, Line],
    ) -> None:
        self._texts = texts
        self._files_at = files_at
        self._tables = tables
        self._parsed = parsed
        self._built: dict[str, Record] = {}

    def __getitem__(self, key: str) -> Record:
        record = self._built.get(key)
        if record is None:
            line = self._parsed.get(key) or self._parse(key)
            record = from_line(line, self._tables.get(line.get("parts", ""), _NOTHING))
            self._built[key] = record
        return record

    def get(self, key: str, default: Any = None) -> Any:
        """Return the record of a key: `Mapping` would raise an error, and catch it, for none."""
        return self[key] if key in self._texts else default

    def __iter__(self) -> Iterator[str]:
        return iter(self._texts)

    def __len__(self) -> int:
        return len(self._texts)

    def __contains__(self, key: object) -> bool:
        return key in self._texts

    def __repr__(self) -> str:
        return f"<{len(self)} records>"

    def _parse(self, key: str) -> Line:
        text = self._texts[key]
        begin, end = self._files_at.get(key, (0, 0))
        if not end:
            line: Line = json.loads(text)
            return line
        line = json.loads(f"{text[:begin]}null{text[end:]}")
        line["files"] = text[begin:end]
        return line


def dump(line: Line) -> str:
    """Return a line's text, without its newline: ASCII, compact, in the order of its fields."""
    return _compact(line)


def parts_id(parts: Mapping[str, str]) -> str:
    """Return the id of a table of parts; empty for the empty one."""
    items = tuple(parts.items())
    try:
        return _known_id(items) if parts else ""
    except TypeError:  # a damaged file has other values than text
        return _table_id(items)


def _table_id(parts: tuple[tuple[str, str], ...]) -> str:
    return hashlib.sha256(_compact(dict(sorted(parts))).encode()).hexdigest()[:32]


_known_id = lru_cache(256)(_table_id)  # the instances of a class have one table


def to_line(record: Record, table: str) -> Line:
    """Return a record's line; fields with their default value are left out.

    Args:
        record: The record.
        table: The id of its table of parts.

    Raises:
        InvalidKey: If its key is invalid.
    """
    line: Line = {
        "key": validate_key(record.key),
        "hash": record.hash,
        "sha256": record.sha256,
        "size": record.size,
    }
    if record.files is not None:
        line["files"] = dict(sorted(record.files.items()))
    if record.inputs:
        line["inputs"] = dict(sorted(record.inputs.items()))
    if record.requires:
        line["requires"] = dict(sorted(record.requires.items()))
    if table:
        line["parts"] = table
    if record.parameters:
        line["parameters"] = dict(sorted(record.parameters.items()))
    if record.yielded:
        line["yielded"] = dict(sorted(record.yielded.items()))
    if record.skipped:
        line["skipped"] = dict(sorted(record.skipped.items()))
    if record.origin != "run":
        line["origin"] = record.origin
    for name in ("previous_hash", "time", "host", "version"):
        if text := getattr(record, name):
            line[name] = text
    if record.unknown:
        line.update((n, v) for n, v in sorted(record.unknown.items()) if n not in _RESERVED)
    return line


def from_line(line: Line, parts: Mapping[str, str]) -> Record:
    """Return the record of a line without a `fault`.

    Args:
        line: The line.
        parts: Its table of parts.
    """
    files = line.get("files")
    return Record(
        key=line["key"],
        hash=line["hash"],
        sha256=line["sha256"],
        size=line["size"],
        files=None if files is None else LazyFiles(files),
        inputs=line.get("inputs", _NOTHING),
        requires=line.get("requires", _NOTHING),
        parts=parts,
        parameters=line.get("parameters", _NOTHING),
        yielded=line.get("yielded", _NOTHING),
        skipped=line.get("skipped", _NOTHING),
        origin=line.get("origin", "run"),
        previous_hash=line.get("previous_hash", ""),
        time=line.get("time", ""),
        host=line.get("host", ""),
        version=line.get("version", ""),
        unknown={name: line[name] for name in line if name not in _FIELDS},
    )


def fault(line: Line) -> str:
    """Say what is wrong with a record's line; empty if nothing is."""
    get = line.get
    if not (
        type(get("hash")) is str
        and type(get("sha256")) is str
        and type(get("size")) is int
        and type(get("inputs", _NOTHING)) is dict
        and type(get("requires", _NOTHING)) is dict
        and type(get("parameters", _NOTHING)) is dict
        and type(get("yielded", _NOTHING)) is dict
        and type(get("skipped", _NOTHING)) is dict
        and type(get("parts", "")) is str
        and type(get("origin", "")) is str
        and type(get("previous_hash", "")) is str
        and type(get("time", "")) is str
        and type(get("host", "")) is str
        and type(get("version", "")) is str
    ):
        return "a field is missing or has the wrong type"
    if "files" in line and not _are_files(line["files"]):
        return "its list of files is malformed"
    return ""


def _are_files(files: object) -> bool:
    return type(files) is dict and all(
        type(found) is list and len(found) == 2 and type(found[0]) is str and type(found[1]) is int
        for found in files.values()
    )
