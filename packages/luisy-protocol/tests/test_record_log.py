"""The text format of records: golden values, round trips, and what is wrong with a file."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from luisy_protocol import ConfigurationError, Content, IntegrityError, InvalidKey, Record
from luisy_protocol.record_line import PLAIN_LINE, dump, parts_id, to_line
from luisy_protocol.record_log import (
    HEADER,
    amend,
    decode,
    encode,
    encode_entries,
    encode_forgotten,
)

RECORD = Record(
    "p/raw/a.csv",
    "1" * 64,
    "2" * 64,
    12,
    inputs={"p/raw/b.csv": "3" * 64},
    requires={"p/raw/b.csv": "4" * 64},
    parts={"m/x.py:f": "5" * 64, "library:pandas": "2.2.3"},
    parameters={"n": "1"},
    time="2026-11-21T10:00:00Z",
    host="h",
    version="2.0.0a1",
)
GOLDEN = (
    b'{"format":"luisy-records","version":2}\n'
    b'{"parts":{"library:pandas":"2.2.3","m/x.py:f":"' + b"5" * 64 + b'"},'
    b'"id":"TABLE"}\n'
    b'{"key":"p/raw/a.csv","hash":"' + b"1" * 64 + b'","sha256":"' + b"2" * 64 + b'","size":12,'
    b'"inputs":{"p/raw/b.csv":"'
    + b"3" * 64
    + b'"},"requires":{"p/raw/b.csv":"'
    + b"4" * 64
    + b'"},'
    b'"parts":"TABLE","parameters":{"n":"1"},'
    b'"time":"2026-11-21T10:00:00Z","host":"h","version":"2.0.0a1"}\n'
)
FOLDER = replace(RECORD, files={"a.npy": Content("6" * 64, 5), "b/c.npy": Content("7" * 64, 0)})
BARE = Record("p/raw/bare", "", "2" * 64, 0, origin="external")
LEGACY = b'{"/p/raw/a.csv": "0123456789abcdef0123456789abcdef", "/p/final/b": "' + b"a" * 32 + b'"}'

TEXTS = st.text(max_size=12)
HEX = st.text("0123456789abcdef", max_size=64)
NAMES = st.text(  # at most 255 bytes, as a file system wants it
    st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="/\\:"),
    min_size=1,
    max_size=60,
)
KEYS = st.lists(NAMES.filter(lambda name: name.strip(".")), min_size=1, max_size=3).map("/".join)
MAPPINGS = st.dictionaries(TEXTS, TEXTS, max_size=3)
JSON = st.recursive(st.none() | st.booleans() | st.integers() | TEXTS, st.lists, max_leaves=4)
FIELDS = {field.removeprefix("_") for field in Record.__dataclass_fields__}
RECORDS = st.builds(
    Record,
    KEYS,
    HEX,
    HEX,
    st.integers(0, 10**15),
    files=st.none() | st.dictionaries(TEXTS, st.builds(Content, HEX, st.integers(0)), max_size=3),
    inputs=MAPPINGS,
    requires=MAPPINGS,
    parts=MAPPINGS,
    parameters=MAPPINGS,
    skipped=MAPPINGS,
    origin=st.sampled_from(["run", "external", "adopted"]),
    previous_hash=HEX,
    time=TEXTS,
    host=TEXTS,
    version=TEXTS,
    unknown=st.dictionaries(
        TEXTS.filter(lambda name: name not in {*FIELDS, "forgotten", "legacy"}), JSON, max_size=2
    ),
)
LISTS = st.lists(RECORDS, max_size=4, unique_by=lambda record: record.key)
rich = settings(max_examples=30)  # each example has many fields, which takes its time to make


def by_key(records):
    return {record.key: record for record in records}


def test_encode_has_its_golden_value():
    assert encode([RECORD]) == GOLDEN.replace(b"TABLE", parts_id(RECORD.parts).encode())
    assert parts_id(RECORD.parts) == "ecc393f58bc721d73ea8d5b796966d83"


def test_decode_of_the_golden_value_returns_the_record():
    found = decode(GOLDEN.replace(b"TABLE", b"ab"))
    assert dict(found.records) == {"p/raw/a.csv": RECORD}
    assert found.warnings == ()


def test_to_line_of_a_record_with_defaults_leaves_them_out():
    assert dump(to_line(BARE, "")) == (
        '{"key":"p/raw/bare","hash":"","sha256":"' + "2" * 64 + '","size":0,"origin":"external"}'
    )


@rich
@given(LISTS)
def test_decode_returns_what_was_encoded(records):
    found = decode(encode(records))
    assert dict(found.records) == by_key(records)
    assert found.warnings == ()
    assert found.legacy == {}


@rich
@given(LISTS)
def test_encode_ignores_the_order(records):
    assert encode(records) == encode(reversed(records))


@rich
@given(LISTS, LISTS)
def test_appended_lines_mean_the_same_as_amending(old, new):
    lines, _ = encode_entries(new, known=())
    appended = decode(encode(old) + lines)
    content, amended = amend(encode(old), records=new)
    assert dict(appended.records) == dict(amended.records) == by_key(old) | by_key(new)
    assert content == encode((by_key(old) | by_key(new)).values())


@rich
@given(LISTS, st.data())
def test_forgotten_keys_are_gone_both_ways(records, data):
    gone = data.draw(st.sets(st.sampled_from([record.key for record in records] or ["x"])))
    kept = {key: record for key, record in by_key(records).items() if key not in gone}
    assert dict(decode(encode(records) + encode_forgotten(gone)).records) == kept
    assert amend(encode(records), forget=gone)[0] == encode(kept.values())


@rich
@given(LISTS, st.integers(1, 400))
def test_torn_last_line_is_left_out_and_nothing_else(records, cut):
    content = encode(records)
    torn = content[: max(0, len(content) - cut)]
    found = decode(torn)
    whole = torn[: torn.rfind(b"\n") + 1]
    assert dict(found.records) == dict(decode(whole).records)
    assert bool(found.warnings) == (torn != whole)


@given(RECORDS.map(lambda record: dump(to_line(record, parts_id(record.parts)))), st.data())
def test_plain_line_matches_only_what_json_reads(line, data):
    """The pattern replaces a parser: what it lets through, the parser must accept later."""
    at = data.draw(st.integers(0, len(line)))
    changed = line[:at] + data.draw(st.sampled_from(['"', "{", "}", ",", ":", "\\", "0", "\t", ""]))
    changed += line[at + data.draw(st.integers(0, 2)) :]

    if match := re.fullmatch(PLAIN_LINE, changed):
        assert json.loads(changed)["key"] == match[1]
        assert json.loads(changed).get("files") == json.loads(match[2] or "null")
        assert json.loads(changed).get("parts", "") == (match[3] or "")


def test_plain_line_matches_an_ordinary_record():

    assert re.fullmatch(PLAIN_LINE, dump(to_line(RECORD, parts_id(RECORD.parts))))
    assert re.fullmatch(PLAIN_LINE, dump(to_line(FOLDER, parts_id(FOLDER.parts))))
    assert re.fullmatch(PLAIN_LINE, dump(to_line(BARE, "")))


@pytest.mark.parametrize("name", ["a.npy", "}]}, {[[", "\u00e9", 'quo"te'])
def test_last_files_of_a_directory_are_found(name):
    """Plain lines and those that are parsed at once, in either order."""
    before = replace(FOLDER, files={'"': Content("8" * 64, 1)})
    after = replace(FOLDER, files={name: Content("9" * 64, 2)})
    for first, last in [(before, after), (after, before), (FOLDER, after), (after, RECORD)]:
        lines, _ = encode_entries([first, last], known=())
        assert decode(HEADER + lines).records[RECORD.key] == last


def test_unknown_fields_survive_a_rewrite():
    line = b'{"key":"p/a","hash":"","sha256":"","size":0,"colour":{"deep":[1,null]},"z":1.5}\n'
    found = decode(HEADER + line)
    assert found.records["p/a"].unknown == {"colour": {"deep": [1, None]}, "z": 1.5}
    assert encode(found.records.values()) == HEADER + line
    assert amend(HEADER + line, records=[BARE])[0].count(line) == 1


def test_parts_of_many_records_are_written_once_and_shared():
    records = [Record(f"p/{n}", "1", "2", n, parts=RECORD.parts) for n in range(100)]
    content = encode(records)
    assert content.count(b"m/x.py:f") == 1
    found = decode(content).records
    assert found["p/1"].parts is found["p/2"].parts


def test_encode_entries_leaves_out_known_tables():
    id_ = parts_id(RECORD.parts)
    assert encode_entries([RECORD], known=())[1] == {id_}
    lines, added = encode_entries([RECORD], known={id_})
    assert b"m/x.py:f" not in lines
    assert added == set()


def test_record_without_its_table_comes_with_a_warning():
    lines, _ = encode_entries([RECORD], known={parts_id(RECORD.parts)})
    found = decode(HEADER + lines)
    assert found.records[RECORD.key].parts == {}
    assert "lacks the parts" in found.warnings[0]


@pytest.mark.parametrize("content", [b"", HEADER])
def test_decode_of_an_empty_file_returns_nothing(content):
    found = decode(content)
    assert (dict(found.records), found.warnings) == ({}, ())


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"garbage", "line 3: it is not JSON"),
        (b"", "line 3: it is not JSON"),
        (b"\0" * 100, "line 3: it is not JSON"),
        (b"<<<<<<< HEAD", "line 3: it is not JSON"),
        (b"[" * 100_000, "line 3: it is not JSON"),
        (b"{},{}", "line 3: it is not JSON"),
        (b"[]", "line 3: it is not an object"),
        (b"{}", "line 3: it has neither"),
        (b'{"key":"p/a","hash":"","size":0}', "line 3: a field"),
        (b'{"key":"p/a","hash":"","sha256":"","size":"0"}', "line 3: a field"),
        (b'{"key":"p/a","hash":"","sha256":"","size":0,"inputs":[]}', "line 3: a field"),
        (b'{"key":"p/a","hash":"","sha256":"","size":0,"files":{"a":["b"]}}', "line 3: its list"),
        (b'{"key":"../a","hash":"","sha256":"","size":0}', "segment '..'"),
        (b'{"key":"/a","hash":"","sha256":"","size":0}', "starts with '/'"),
        (b'{"key":"p/../../a","legacy":"' + b"a" * 32 + b'"}', "segment '..'"),
        (b'{"key":"C:a","hash":"","sha256":"","size":0}', "drive"),
        (b'{"key":"p\\\\a","hash":"","sha256":"","size":0}', "backslash"),
        (b'{"key":"p/\\u0000","hash":"","sha256":"","size":0}', "control"),
        (b'{"key":"p/' + b"a" * 300 + b'","hash":"","sha256":"","size":0}', "longer"),
        (b"\xff\xfe", "not text"),
    ],
    ids=lambda value: ascii(value)[:30],
)
def test_decode_of_a_malformed_line_raises_and_says_where(line, reason):
    with pytest.raises(IntegrityError, match=reason):
        decode(encode([BARE]) + line + b"\n" + encode([BARE]).partition(b"\n")[2])


def test_decode_of_a_newer_version_asks_to_upgrade():
    with pytest.raises(ConfigurationError, match="upgrade") as caught:
        decode(b'{"format":"luisy-records","version":3,"new":true}\nanything\n')
    assert not isinstance(caught.value, IntegrityError)


@pytest.mark.parametrize("version", [b"1", b"0", b'"2"', b"true", b"null"])
def test_decode_of_a_version_that_never_was_raises(version):
    with pytest.raises(IntegrityError, match="version"):
        decode(b'{"format":"luisy-records","version":' + version + b"}\n")


def test_decode_of_a_file_of_luisy_1_4_returns_its_hashes():
    found = decode(LEGACY)
    assert dict(found.records) == {}
    assert found.legacy == {
        "p/raw/a.csv": "0123456789abcdef0123456789abcdef",
        "p/final/b": "a" * 32,
    }


@pytest.mark.parametrize(
    "content", [b'{"/p/a": 1}', b'{"/p/a": "abc"}', b'["a"]', b"null", b"text", b"\0" * 50]
)
def test_decode_of_another_file_raises(content):
    with pytest.raises(IntegrityError):
        decode(content)


def test_decode_of_a_file_of_luisy_1_4_with_an_evil_key_raises():
    with pytest.raises(IntegrityError, match="segment"):
        decode(b'{"/../../etc/passwd": "' + b"a" * 32 + b'"}')


def test_amend_keeps_the_hashes_of_luisy_1_4_until_there_is_a_record():
    content, found = amend(LEGACY, records=[RECORD])
    assert content.startswith(HEADER)
    assert found.legacy == {"p/final/b": "a" * 32}
    again = decode(content)
    assert again.legacy == {"p/final/b": "a" * 32}
    assert dict(again.records) == {RECORD.key: RECORD}
    assert decode(amend(content, forget=["p/final/b"])[0]).legacy == {}


def test_encode_of_an_invalid_key_raises():
    with pytest.raises(InvalidKey):
        encode([Record("../a", "", "", 0)])


def test_table_of_a_damaged_file_has_an_id():
    assert parts_id({"a": ["b"]}) != parts_id({"a": "b"})
