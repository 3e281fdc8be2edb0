"""Digests: golden values, and the law that a folder's digest is that of its listing."""

import hashlib
import io
import os

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol import (
    Content,
    HashingReader,
    HashingWriter,
    IntegrityError,
    InvalidKey,
    NotFound,
    digest_bytes,
    digest_file,
    digest_folder,
    digest_listing,
)
from luisy_protocol.digest import CHUNK, list_folder
from luisy_protocol.temporary import staging_beside

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
CONTENTS = st.builds(Content, st.sampled_from(["0" * 64, ABC]), st.integers(0, 10**12))
LISTINGS = st.dictionaries(st.text("abcä/.", min_size=1), CONTENTS, max_size=8)


def test_digest_file_is_sha256_and_size(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert digest_file(tmp_path / "a") == Content(ABC, 3) == digest_bytes(b"abc")


@pytest.mark.parametrize("size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK])
def test_digest_file_when_of_any_size_tells_all_bytes(tmp_path, size):
    content = os.urandom(size)
    (tmp_path / "a").write_bytes(content)
    assert digest_file(tmp_path / "a") == Content(hashlib.sha256(content).hexdigest(), size)


def test_digest_file_when_absent_raises_not_found(tmp_path):
    with pytest.raises(NotFound, match="absent"):
        digest_file(tmp_path / "absent")


def test_digest_listing_has_its_golden_value():
    files = {"b/c.txt": Content(ABC, 3), "a.txt": Content("0" * 64, 0), "ä": Content(ABC, 3)}
    golden = "7468f048efcec42a8b0dc0dd74d512ac0462c56fc554360675e1fe07492149e8"
    assert digest_listing(files) == Content(golden, 6)


def test_digest_listing_is_the_digest_of_its_documented_text():
    files = {"b": Content(ABC, 3), "a/z": Content("0" * 64, 0)}
    text = f"luisy-listing 1\n{'0' * 64} 0 a/z\n{ABC} 3 b\n"
    assert digest_listing(files).sha256 == hashlib.sha256(text.encode()).hexdigest()


@given(LISTINGS)
def test_digest_listing_ignores_the_order(files):
    assert digest_listing(files) == digest_listing(dict(reversed(files.items())))


@given(LISTINGS, LISTINGS)
def test_digest_listing_differs_when_the_files_differ(one, other):
    assert (digest_listing(one).sha256 == digest_listing(other).sha256) == (one == other)


def test_digest_folder_tells_each_file_by_its_posix_name(tmp_path):
    (tmp_path / "b" / "deep").mkdir(parents=True)
    (tmp_path / "empty").mkdir()
    (tmp_path / "a.txt").write_bytes(b"")
    (tmp_path / "b" / "deep" / "c").write_bytes(b"abc")
    whole, files = digest_folder(tmp_path)
    assert files == {"a.txt": digest_bytes(b""), "b/deep/c": Content(ABC, 3)}
    assert list(files) == sorted(files)
    assert whole == digest_listing(files)


def test_digest_folder_counts_a_link_to_a_file_as_the_file(tmp_path):
    (tmp_path / "real").write_bytes(b"abc")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link").symlink_to(tmp_path / "real")
    assert digest_folder(tmp_path / "folder")[1] == {"link": Content(ABC, 3)}


def test_digest_folder_passes_over_leftovers_of_transfers(tmp_path):
    (tmp_path / ".luisy-01234567-1-0123456789abcdef.part").write_bytes(b"half")
    assert digest_folder(tmp_path)[1] == {}


@pytest.mark.parametrize("make", ["link to folder", "broken link", "pipe"])
def test_digest_folder_refuses_what_cannot_be_stored(tmp_path, make):
    odd = tmp_path / "odd"
    if make == "pipe":
        os.mkfifo(odd)
    else:
        odd.symlink_to(tmp_path if make == "link to folder" else tmp_path / "absent")
    with pytest.raises(IntegrityError, match="odd"):
        digest_folder(tmp_path)


def test_digest_folder_refuses_a_name_that_is_no_key(tmp_path):
    (tmp_path / "a\nb").touch()
    with pytest.raises(InvalidKey):
        digest_folder(tmp_path)


def test_digest_folder_when_absent_raises_not_found(tmp_path):
    with pytest.raises(NotFound):
        digest_folder(tmp_path / "absent")


@given(st.binary(max_size=200), st.integers(1, 50))
def test_hashing_reader_passes_and_hashes_the_same_bytes(content, size):
    reader = HashingReader(io.BytesIO(content))
    assert b"".join(iter(lambda: reader.read(size), b"")) == content
    assert Content(reader.sha256, reader.size) == digest_bytes(content)


def test_hashing_reader_when_restarted_takes_its_progress_back():
    moved = []
    reader = HashingReader(io.BytesIO(b"abc"), advance=moved.append)
    reader.read(2)
    reader.restart()
    assert reader.read() == b"abc"
    assert (reader.sha256, moved) == (ABC, [2, -2, 3])


def test_hashing_writer_when_restarted_empties_the_file():
    moved = []
    file = io.BytesIO()
    writer = HashingWriter(file, advance=moved.append)
    writer.write(b"wrong and longer")
    writer.restart()
    writer.write(b"ab")
    writer.write(b"c")
    assert file.getvalue() == b"abc"
    assert (writer.sha256, writer.size, sum(moved)) == (ABC, 3, 3)


def test_list_folder_passes_over_a_folder_in_which_something_is_made(tmp_path):
    (tmp_path / "a").touch()
    staging_beside(tmp_path / "out").mkdir()
    (staging_beside(tmp_path / "out") / "half").touch()
    assert list(list_folder(tmp_path)) == ["a"]
