"""The text of manifests: golden values, laws, and what is refused."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import IntegrityError
from minus80.manifest import File, decode, digest, encode, manifest_of

ONE = "a" * 64
TWO = "b" * 64
GOLDEN = (
    b'{"format":"minus80-manifest","version":1,"files":['
    b'{"path":"a.txt","sha256":"' + ONE.encode() + b'","size":1},'
    b'{"path":"b/\xc3\xa4.gz","sha256":"' + TWO.encode() + b'","size":2,"gzip":true}]}'
)

names = st.text(st.characters(codec="utf-8", exclude_characters="/\\\0"), min_size=1, max_size=20)
files = st.builds(
    File,
    path=st.from_regex(r"[a-zäö0-9 ]{1,8}(/[a-z]{1,5}x){0,3}", fullmatch=True),
    sha256=st.from_regex(r"[0-9a-f]{64}", fullmatch=True),
    size=st.integers(0, 2**60),
    gzip=st.booleans(),
)


def test_encode_gives_the_golden_text_and_digest():
    manifest = manifest_of([File("b/ä.gz", TWO, 2, gzip=True), File("a.txt", ONE, 1)])
    assert encode(manifest) == GOLDEN
    assert digest(manifest) == "830cfbda845b8f82a9c9a150be7745c8ac49a3fc6329c84965d48384ee691367"


@given(st.dictionaries(st.from_regex(r"[a-z]{1,4}", fullmatch=True), files))
def test_decode_of_encode_gives_the_same(found):
    manifest = manifest_of(File(n, f.sha256, f.size, gzip=f.gzip) for n, f in found.items())
    assert decode(encode(manifest), name="it") == manifest


@given(st.lists(files, max_size=5), st.randoms())
def test_order_of_files_does_not_matter(found, chance):
    shuffled = list(found)
    chance.shuffle(shuffled)
    unique = {file.path: file for file in found}.values()
    again = {file.path: file for file in found if file in shuffled}
    assert digest(manifest_of(unique)) == digest(manifest_of(reversed(list(again.values()))))


def entry(**changes):
    return {"path": "a", "sha256": ONE, "size": 1, **changes}


def text(entries, **changes):
    content = {"format": "minus80-manifest", "version": 1, "files": entries, **changes}
    return json.dumps(content).encode()


@pytest.mark.parametrize(
    "malicious",
    [
        pytest.param(text([entry(path=path)]), id=path or "empty")
        for path in ("../out", "/etc/passwd", "a/../../b", "a\\b", "C:/x", "a\0", "", "a//b", "a/")
    ]
    + [
        pytest.param(text([entry(), entry()]), id="twice"),
        pytest.param(text([entry(), entry(path="a/b")]), id="file and folder"),
        pytest.param(text([entry(sha256="../../x")]), id="digest"),
        pytest.param(text([entry(sha256=None)]), id="no digest"),
        pytest.param(text([entry(size=-1)]), id="negative size"),
        pytest.param(text([entry(size=True)]), id="size true"),
        pytest.param(text([entry(gzip="yes")]), id="gzip"),
        pytest.param(text([entry(path=7)]), id="path"),
        pytest.param(text("ab"), id="no list"),
        pytest.param(text(["a"]), id="no object"),
        pytest.param(text([], version=0), id="version 0"),
        pytest.param(text([], format="other"), id="other format"),
        pytest.param(b"[]", id="list"),
        pytest.param(b"{", id="no JSON"),
        pytest.param(b"\xff", id="no text"),
        pytest.param(b"[" * 100_000, id="deep"),
        pytest.param(b'{"format":"minus80-manifest","version":1}', id="no files"),
    ],
)
def test_decode_of_what_is_wrong_is_refused(malicious):
    with pytest.raises(IntegrityError, match="the manifest"):
        decode(malicious, name="the manifest")


def test_decode_of_a_newer_version_says_what_to_do():
    with pytest.raises(IntegrityError, match="pip install -U m80-cloud"):
        decode(text([], version=2), name="it")


@given(st.binary(max_size=200))
def test_decode_of_anything_raises_nothing_else(content):
    with pytest.raises(IntegrityError):
        decode(content, name="it")
