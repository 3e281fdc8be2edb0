r"""The text format of records, as a pure function of bytes.

One JSON object a line, in ASCII, each line ended by a newline::

    {"format":"luisy-records","version":2}                       the header, once
    {"parts":{"m/x.py:scale":"9f..."},"id":"3c..."}              a table of parts, before its first use
    {"key":"p/raw/a.csv","hash":"..","sha256":"..","size":12,"parts":"3c..."}
    {"key":"p/raw/a.csv","forgotten":true}                       there is no record any more
    {"key":"p/raw/b.csv","legacy":"0c..."}                       all that luisy 1.4 knew of it

Rules. The last line of a key wins, so a writer only ever appends. Fields with their default value are
left out; those that this version does not know are kept in `Record.unknown` and written again. The
``parts`` of a task class are the same for all its instances, so they are written once and referred to by
the beginning of their SHA-256. A last line without its newline was torn by a crash: it is dropped with
a warning. Any other malformed line is an `IntegrityError`; the caller sets the file aside and says so.
A higher version in the header is a `ConfigurationError` that asks to upgrade: nothing is wrong with
that file. A new kind of line needs a new version; a new field of a record does not.

The file of luisy 1.4, one flat JSON object from ``/project/layer/file`` to 32 hexadecimal digits, is
recognised and becomes `RecordSet.legacy`.

Known limits. A record whose table of parts is not in the file comes without parts, with a warning:
parts only explain. The values inside ``inputs``, ``requires`` and ``parameters`` are not checked.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from luisy_protocol.errors import ConfigurationError, IntegrityError, InvalidKey
from luisy_protocol.keys import validate_key
from luisy_protocol.record import Content, Record

FORMAT = "luisy-records"
VERSION = 2
HEADER = f'{{"format":"{FORMAT}","version":{VERSION}}}\n'.encode()
TABLE_START = b'{"parts":'

_Line: TypeAlias = dict[str, Any]  # what json.loads returns for one line

_MAPPINGS = ("inputs", "requires", "parameters")
_TEXTS = ("origin", "previous_hash", "time", "host", "version", "parts")
_FIELDS = {"key", "hash", "sha256", "size", "files", *_MAPPINGS, *_TEXTS}
_LEGACY_HASH = re.compile(r"[0-9a-f]{32}")
_SUSPICIOUS = re.compile(r"(?:^|/)\.{0,2}(?:/|$)|\\|^[A-Za-z]:|[^\n\x20-\x7e]|[^\n]{200}", re.M)


@dataclass(frozen=True, slots=True)
class RecordSet:
    """The records of one file.

    Attributes:
        records: The last record of each key that has one.
        warnings: What was wrong with the file and what was done about it, a sentence each.
        legacy: The hash noted by luisy 1.4 for each key without a later record.
    """

    records: Mapping[str, Record]
    warnings: tuple[str, ...] = ()
    legacy: Mapping[str, str] = field(default_factory=dict)


def encode(records: Iterable[Record], *, legacy: Mapping[str, str] | None = None) -> bytes:
    """Return a whole file with these records, sorted by key."""
    ordered = sorted(records, key=lambda record: record.key)
    taken = {record.key for record in ordered}
    entries, _ = encode_entries(ordered, known=())
    kept = ((key, hash_) for key, hash_ in sorted((legacy or {}).items()) if key not in taken)
    old = "".join(_dump({"key": validate_key(key), "legacy": hash_}) for key, hash_ in kept)
    return HEADER + entries + old.encode()


def encode_entries(records: Iterable[Record], *, known: Container[str]) -> tuple[bytes, set[str]]:
    """Return the lines that add records to a file.

    Args:
        records: The records.
        known: The ids of the tables of parts that the file has already.

    Returns:
        The lines, and the ids of the tables among them.
    """
    lines: list[str] = []
    added: set[str] = set()
    seen: dict[int, tuple[Mapping[str, str], str]] = {}  # holds the mapping, so that its id stays its
    for record in records:
        if id(record.parts) not in seen:
            seen[id(record.parts)] = (record.parts, parts_id(record.parts))
        table = seen[id(record.parts)][1]
        if table and table not in added and table not in known:
            added.add(table)
            lines.append(_dump({"parts": dict(sorted(record.parts.items())), "id": table}))
        lines.append(_dump(_to_line(record, table)))
    return "".join(lines).encode(), added


def encode_forgotten(keys: Iterable[str]) -> bytes:
    """Return the lines after which a file has no record of `keys`."""
    return "".join(_dump({"key": validate_key(key), "forgotten": True}) for key in keys).encode()


def parts_id(parts: Mapping[str, str]) -> str:
    """Return the id of a table of parts; empty for the empty one."""
    if not parts:
        return ""
    text = json.dumps(dict(parts), sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def decode(content: bytes) -> RecordSet:
    """Return the records of a file.

    Raises:
        IntegrityError: If the file is malformed other than by a torn last line.
        ConfigurationError: If a newer version of luisy wrote it.
    """
    if not content or HEADER.startswith(content):
        return RecordSet({}, ("the record file's first line was torn off",) if content else ())
    header, _, rest = content.partition(b"\n")
    if not is_current(header):
        return RecordSet({}, legacy=_decode_legacy(content))
    body, newline, torn = rest.rpartition(b"\n")
    lines = _parse(body + newline)
    warnings = ["the record file's last line was torn off and is left out"] if torn else []
    return _collect(lines, warnings)


def is_current(header: bytes) -> bool:
    """Tell whether a file's first line is the header of this format.

    Raises:
        ConfigurationError: If a newer version of luisy wrote it.
    """
    if header + b"\n" == HEADER:
        return True
    try:
        found = json.loads(header)
    except ValueError:
        return False
    if not isinstance(found, dict) or found.get("format") != FORMAT:
        return False
    version = found.get("version")
    if type(version) is not int or version < VERSION:
        raise IntegrityError(f"the record file has the unknown version {version!r}")
    if version > VERSION:
        raise ConfigurationError(
            f"the record file has version {version}, written by a newer luisy; this one reads "
            f"version {VERSION}: upgrade it with 'pip install --upgrade luisy'"
        )
    return True


class _Records(Mapping[str, Record]):
    """Records that are built from their lines when somebody asks for them."""

    __slots__ = ("_built", "_lines", "_tables")

    def __init__(self, lines: dict[str, _Line], tables: dict[str, Mapping[str, str]]) -> None:
        self._lines = lines
        self._tables = tables
        self._built: dict[str, Record] = {}

    def __getitem__(self, key: str) -> Record:
        record = self._built.get(key)
        if record is None:
            line = self._lines[key]
            record = _from_line(line, self._tables.get(line.get("parts", ""), {}))
            self._built[key] = record
        return record

    def __iter__(self) -> Iterator[str]:
        return iter(self._lines)

    def __len__(self) -> int:
        return len(self._lines)

    def __contains__(self, key: object) -> bool:
        return key in self._lines

    def __repr__(self) -> str:
        return f"<{len(self)} records>"


def _dump(line: _Line) -> str:
    return json.dumps(line, separators=(",", ":")) + "\n"


def _to_line(record: Record, table: str) -> _Line:
    line: _Line = {
        "key": validate_key(record.key),
        "hash": record.hash,
        "sha256": record.sha256,
        "size": record.size,
    }
    if record.files is not None:
        line["files"] = {n: [c.sha256, c.size] for n, c in sorted(record.files.items())}
    for name in _MAPPINGS:
        if mapping := getattr(record, name):
            line[name] = dict(sorted(mapping.items()))
    if table:
        line["parts"] = table
    if record.origin != "run":
        line["origin"] = record.origin
    for name in ("previous_hash", "time", "host", "version"):
        if text := getattr(record, name):
            line[name] = text
    line.update((n, v) for n, v in sorted(record.unknown.items()) if n not in _RESERVED)
    return line


_RESERVED = _FIELDS | {"forgotten", "legacy"}


def _from_line(line: _Line, parts: Mapping[str, str]) -> Record:
    files = line.get("files")
    return Record(
        key=line["key"],
        hash=line["hash"],
        sha256=line["sha256"],
        size=line["size"],
        files=None if files is None else {n: Content(*found) for n, found in files.items()},
        inputs=line.get("inputs", {}),
        requires=line.get("requires", {}),
        parts=parts,
        parameters=line.get("parameters", {}),
        origin=line.get("origin", "run"),
        previous_hash=line.get("previous_hash", ""),
        time=line.get("time", ""),
        host=line.get("host", ""),
        version=line.get("version", ""),
        unknown={name: line[name] for name in line.keys() - _FIELDS},
    )


def _parse(body: bytes) -> list[_Line]:
    """Parse all lines in one call, which is several times as fast as one call for each."""
    try:
        text = body.decode()
        lines: list[_Line] = json.loads("[" + text[:-1].replace("\n", ",") + "]")
    except (ValueError, RecursionError) as error:
        raise _malformed(_first_malformed(body)) from error
    if len(lines) != body.count(b"\n"):
        raise _malformed(_first_malformed(body))
    return lines


def _first_malformed(body: bytes) -> int:
    for number, line in enumerate(body.split(b"\n"), start=2):
        try:
            json.loads(line)
        except (ValueError, RecursionError):
            return number
    return 0


def _malformed(line: int, reason: str = "it is not JSON") -> IntegrityError:
    return IntegrityError(f"the record file is malformed in line {line}: {reason}")


def _collect(lines: list[_Line], warnings: list[str]) -> RecordSet:
    tables: dict[str, Mapping[str, str]] = {}
    current: dict[str, _Line] = {}
    for number, line in enumerate(lines, start=2):
        if not isinstance(line, dict):
            raise _malformed(number, "it is not an object")
        key = line.get("key")
        if type(key) is str:
            if "legacy" not in line and "forgotten" not in line:
                _check(line, number)
            current[key] = line
        elif type(line.get("parts")) is dict and type(line.get("id")) is str:
            tables[line["id"]] = line["parts"]
        else:
            raise _malformed(number, "it has neither a key nor parts")
    _check_keys(current)
    legacy = {key: str(line["legacy"]) for key, line in current.items() if "legacy" in line}
    kept = {k: ln for k, ln in current.items() if "forgotten" not in ln and "legacy" not in ln}
    if any(line.get("parts", "") not in tables for line in kept.values() if "parts" in line):
        warnings.append("the record file lacks the parts of some records; their reasons say less")
    return RecordSet(_Records(kept, tables), tuple(warnings), legacy)


def _check(line: _Line, number: int) -> None:
    try:
        right = (
            type(line["hash"]) is str
            and type(line["sha256"]) is str
            and type(line["size"]) is int
            and all(type(line[name]) is dict for name in _MAPPINGS if name in line)
            and all(type(line[name]) is str for name in _TEXTS if name in line)
            and ("files" not in line or _are_files(line["files"]))
        )
    except KeyError as error:
        raise _malformed(number, f"the field {error} is missing") from error
    if not right:
        raise _malformed(number, "a field has the wrong type")


def _are_files(files: object) -> bool:
    return type(files) is dict and all(
        type(found) is list and [type(part) for part in found] == [str, int]
        for found in files.values()
    )


def _check_keys(keys: Iterable[str]) -> None:
    if not _SUSPICIOUS.search("\n".join(keys)):  # one search for all: nearly always nothing is found
        return
    for key in keys:
        try:
            validate_key(key)
        except InvalidKey as error:
            raise IntegrityError(f"the record file is malformed: {error}") from error


def _decode_legacy(content: bytes) -> dict[str, str]:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _malformed(1) from error
    if not isinstance(found, dict) or not all(map(_is_legacy_hash, found.values())):
        raise _malformed(1, "it is neither the header nor a file of luisy 1.4")
    legacy = {key.replace("\\", "/").removeprefix("/"): hash_ for key, hash_ in found.items()}
    _check_keys(legacy)
    return legacy


def _is_legacy_hash(value: object) -> bool:
    return isinstance(value, str) and _LEGACY_HASH.fullmatch(value) is not None
