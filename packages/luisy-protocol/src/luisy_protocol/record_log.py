r"""The text format of records, as a pure function of bytes.

One JSON object a line, in ASCII, each line ended by a newline::

    {"format":"luisy-records","version":2}                       the header, once
    {"parts":{"m/x.py:scale":"9f..."},"id":"3c..."}              a table of parts, before its use
    {"key":"p/raw/a.csv","hash":"..","sha256":"..","size":12,"parts":"3c..."}
    {"key":"p/raw/a.csv","forgotten":true}                       there is no record any more
    {"key":"p/raw/b.csv","legacy":"0c..."}                       all that luisy 1.4 knew of it

Rules. The last line of a key wins, so a writer only ever appends. Fields with their default value
are left out; those that this version does not know are kept in `Record.unknown` and written again.
The ``parts`` of a task class are the same for all its instances, so they are written once and
referred to by the beginning of their SHA-256. A last line without its newline was torn by a crash:
it is dropped with a warning. Any other malformed line is an `IntegrityError`; the caller sets the
file aside and says so. A higher version in the header is a `ConfigurationError` that asks to
upgrade: nothing is wrong with that file. A new kind of line needs a new version; a new field of a
record does not.

The file of luisy 1.4, one flat JSON object from ``/project/layer/file`` to 32 hexadecimal digits,
is recognised and becomes `RecordSet.legacy`.

Known limits. A record whose table of parts is not in the file comes without parts, with a warning:
parts only explain. The values inside ``inputs``, ``requires`` and ``parameters`` are not checked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field

from luisy_protocol.errors import ConfigurationError, IntegrityError, InvalidKey
from luisy_protocol.keys import validate_key
from luisy_protocol.record import Record
from luisy_protocol.record_line import (
    PLAIN_LINE,
    LazyRecords,
    Line,
    dump,
    fault,
    parts_id,
    to_line,
)

FORMAT = "luisy-records"
VERSION = 2
HEADER = f'{{"format":"{FORMAT}","version":{VERSION}}}\n'.encode()
TABLE_START = b'{"parts":'

_LINE = re.compile(rf"{PLAIN_LINE}\n|([^\n]*+)\n")
_LEGACY_HASH = re.compile(r"[0-9a-f]{32}")
# Whatever an invalid key has, and some valid ones.
_SUSPICIOUS = re.compile(
    r"(?:^|/)\.{0,2}(?:/|$)|\\|^[A-Za-z]:|[^\n\x20-\x7e]|[^\n]{200}", re.MULTILINE
)


@dataclass(frozen=True, slots=True)
class RecordSet:
    """The records of one file.

    Attributes:
        records: The last record of each key that has one.
        warnings: What was wrong with the file and what was done about it, a sentence each.
        legacy: The hash noted by luisy 1.4 for each key without a later record.
        size: About how many bytes a file has that holds this and no more.
    """

    records: Mapping[str, Record]
    warnings: tuple[str, ...] = ()
    legacy: Mapping[str, str] = field(default_factory=dict)
    size: int = 0


@dataclass(slots=True)
class _Log:
    """A file taken apart.

    Attributes:
        texts: The text of each record's line, by key.
        files_at: Where in its text a record's files are, by key, if that is known.
        parsed: The records' lines that had to be parsed, by key.
        table_of: The id of each record's table of parts, by key, if it has one.
        tables: The tables of parts, by id.
        legacy: The hashes of luisy 1.4, by key.
        warnings: What was wrong.
    """

    texts: dict[str, str] = field(default_factory=dict)
    files_at: dict[str, tuple[int, int]] = field(default_factory=dict)
    parsed: dict[str, Line] = field(default_factory=dict)
    table_of: dict[str, str] = field(default_factory=dict)
    tables: dict[str, Mapping[str, str]] = field(default_factory=dict)
    legacy: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()

    def records(self) -> RecordSet:
        warnings = self.warnings
        if not set(self.table_of.values()) <= self.tables.keys():
            warnings += ("the record file lacks the parts of some records; reasons will say less",)
        records = LazyRecords(self.texts, self.files_at, self.tables, self.parsed)
        return RecordSet(records, warnings, self.legacy, self._size())

    def _size(self) -> int:
        tables = sum(len(str(table)) for table in self.tables.values())
        return sum(map(len, self.texts.values())) + 100 * len(self.legacy) + tables

    def put(self, key: str, text: str, table: str) -> None:
        self.forget(key)
        self.texts[key] = text
        if table:
            self.table_of[key] = table

    def forget(self, key: str) -> None:
        self.texts.pop(key, None)
        self.files_at.pop(key, None)
        self.parsed.pop(key, None)
        self.table_of.pop(key, None)
        self.legacy.pop(key, None)

    def content(self) -> bytes:
        used = sorted(set(self.table_of.values()) & self.tables.keys())
        tables = [_dump_table(id_, self.tables[id_]) for id_ in used]
        legacy = {key: dump({"key": key, "legacy": hash_}) for key, hash_ in self.legacy.items()}
        texts = [text for _, text in sorted({**self.texts, **legacy}.items())]
        return HEADER + "".join(f"{text}\n" for text in tables + texts).encode()


def decode(content: bytes) -> RecordSet:
    """Return the records of a file.

    Raises:
        IntegrityError: If the file is malformed other than by a torn last line.
        ConfigurationError: If a newer version of luisy wrote it.
    """
    return _parse(content).records()


def encode(records: Iterable[Record]) -> bytes:
    """Return a whole file with these records, sorted by key."""
    return amend(b"", records=records)[0]


def amend(
    content: bytes, *, records: Iterable[Record] = (), forget: Iterable[str] = ()
) -> tuple[bytes, RecordSet]:
    """Return a whole file anew, sorted and without garbage, and the records that it has.

    The lines that do not change are copied, so that a small change to a large file is cheap.

    Args:
        content: The file as it was.
        records: What is added, each in the place of the earlier one of its key.
        forget: The keys whose records are left out.

    Raises:
        IntegrityError: If the file is malformed other than by a torn last line.
        ConfigurationError: If a newer version of luisy wrote it.
        InvalidKey: If a record's key is invalid.
    """
    log = _parse(content)
    for key in forget:
        log.forget(key)
    for record in records:
        table = parts_id(record.parts)
        if table:
            log.tables[table] = record.parts
        log.put(record.key, dump(to_line(record, table)), table)
    return log.content(), log.records()


def encode_entries(records: Iterable[Record], *, known: Container[str]) -> tuple[bytes, set[str]]:
    """Return the lines that add records to a file.

    Args:
        records: The records.
        known: The ids of the tables of parts that the file has already.

    Returns:
        The lines, and the ids of the tables among them.
    """
    texts: list[str] = []
    added: set[str] = set()
    for record in records:
        table = parts_id(record.parts)
        if table and table not in added and table not in known:
            added.add(table)
            texts.append(_dump_table(table, record.parts))
        texts.append(dump(to_line(record, table)))
    return "".join(f"{text}\n" for text in texts).encode(), added


def encode_forgotten(keys: Iterable[str]) -> bytes:
    """Return the lines after which a file has no record of `keys`."""
    lines = (dump({"key": validate_key(key), "forgotten": True}) for key in keys)
    return "".join(f"{line}\n" for line in lines).encode()


def is_current(header: bytes) -> bool:
    """Tell whether a file's first line, without its newline, is the header of this format.

    Raises:
        IntegrityError: If it is, but with a version that never was.
        ConfigurationError: If a newer version of luisy wrote it.
    """
    try:
        found = json.loads(header)
    except (ValueError, RecursionError):
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


def _parse(content: bytes) -> _Log:
    if HEADER.startswith(content) and content != HEADER:
        warning = "the record file's first line was torn off"
        return _Log(warnings=(warning,) if content else ())
    header, _, rest = content.partition(b"\n")
    if not is_current(header):
        return _parse_legacy(content)
    body, newline, torn = rest.rpartition(b"\n")
    try:
        text = (body + newline).decode()
    except ValueError as error:
        raise IntegrityError("the record file is malformed: it is not text") from error
    log = _Log()
    if torn:
        log.warnings = ("the record file's last line was torn off and is left out",)
    _collect(log, text)
    _check_keys([*log.texts, *log.legacy])
    return log


def _collect(log: _Log, text: str) -> None:
    """Take in all lines, in order; only those that are not plain are parsed."""
    texts, table_of, files_at = log.texts, log.table_of, log.files_at
    for number, match in enumerate(_LINE.finditer(text), start=2):
        key, files, table, other = match.groups()
        if other is not None:
            _collect_other(log, other, number)
            continue
        texts[key] = match[0][:-1]
        if files:
            files_at[key] = match.start(2) - match.start(), match.end(2) - match.start()
        elif files_at:
            files_at.pop(key, None)
        if log.parsed:
            log.parsed.pop(key, None)
        if table:
            table_of[key] = table
        elif key in table_of:
            del table_of[key]
        if log.legacy:
            log.legacy.pop(key, None)


def _collect_other(log: _Log, text: str, number: int) -> None:
    line = _loads(text, number)
    key = line.get("key")
    if type(key) is str:
        if "forgotten" in line:
            log.forget(key)
        elif _is_legacy_hash(line.get("legacy")):
            log.forget(key)
            log.legacy[key] = line["legacy"]
        elif reason := fault(line):
            raise _malformed(number, reason)
        else:
            log.put(key, text, line.get("parts", ""))
            log.parsed[key] = line
    elif type(line.get("parts")) is dict and type(line.get("id")) is str:
        log.tables[line["id"]] = line["parts"]
    else:
        raise _malformed(number, "it has neither a key nor parts")


def _loads(text: str, number: int) -> Line:
    try:
        line = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _malformed(number, "it is not JSON") from error
    if not isinstance(line, dict):
        raise _malformed(number, "it is not an object")
    return line


def _malformed(line: int, reason: str) -> IntegrityError:
    return IntegrityError(f"the record file is malformed in line {line}: {reason}")


def _dump_table(id_: str, parts: Mapping[str, str]) -> str:
    return dump({"parts": dict(sorted(parts.items())), "id": id_})


def _check_keys(keys: Iterable[str]) -> None:
    if not _SUSPICIOUS.search("\n".join(keys)):  # one search for all mostly finds nothing
        return
    for key in keys:
        try:
            validate_key(key)
        except InvalidKey as error:
            raise IntegrityError(f"the record file is malformed: {error}") from error


def _parse_legacy(content: bytes) -> _Log:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise _malformed(1, "it is not JSON") from error
    if not isinstance(found, dict) or not all(map(_is_legacy_hash, found.values())):
        raise _malformed(1, "it is neither the header nor a file of luisy 1.4")
    legacy = {key.replace("\\", "/").removeprefix("/"): hash_ for key, hash_ in found.items()}
    _check_keys(legacy)
    return _Log(legacy=legacy)


def _is_legacy_hash(value: object) -> bool:
    return isinstance(value, str) and _LEGACY_HASH.fullmatch(value) is not None
