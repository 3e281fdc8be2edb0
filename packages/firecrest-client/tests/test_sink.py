"""Where a download goes: whole or not at all."""

import hashlib
import os
import sys
from io import BytesIO

import pytest
from firecrest.sink import open_download
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import (
    ConfigurationError,
    Conflict,
    IntegrityError,
    NotFound,
    NotSupported,
)


def test_file_appears_at_the_end_only(tmp_path):
    download = open_download(tmp_path / "f")
    download.write(b"content")
    assert not (tmp_path / "f").exists()
    download.commit()
    assert [path.name for path in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"content"


def test_old_file_stays_until_the_end(tmp_path):
    (tmp_path / "f").write_bytes(b"old")
    download = open_download(tmp_path / "f")
    download.write(b"new")
    assert (tmp_path / "f").read_bytes() == b"old"
    download.discard()
    assert [path.read_bytes() for path in tmp_path.iterdir()] == [b"old"]


@given(st.lists(st.binary(max_size=50)), st.lists(st.binary(max_size=50)))
def test_digest_is_that_of_what_is_there_after_starting_over(first, second):
    target = BytesIO()
    moved = []
    download = open_download(target, advance=moved.append)
    for chunk in first:
        download.write(chunk)
    download.start_at(0)
    for chunk in second:
        download.write(chunk)
    whole = b"".join(second)
    assert target.getvalue() == whole
    assert download.sha256 == hashlib.sha256(whole).hexdigest()
    assert sum(moved) == len(whole)


def test_part_of_the_same_content_is_continued(tmp_path):
    first = open_download(tmp_path / "f", part_of="task")
    first.write(b"one ")
    first.keep()
    moved = []
    second = open_download(tmp_path / "f", part_of="task", advance=moved.append)
    assert second.position == 4
    second.start_at(4)
    second.write(b"two")
    second.commit()
    assert (tmp_path / "f").read_bytes() == b"one two"
    assert second.sha256 == hashlib.sha256(b"one two").hexdigest()
    assert sum(moved) == 7


def test_part_that_somebody_else_has_written_to_is_no_file(tmp_path):
    one = open_download(tmp_path / "f", part_of="task")
    one.write(b"content")
    with (tmp_path / ".f.task.part").open("ab") as file:
        file.write(b"content")
    with pytest.raises(IntegrityError, match="twice at once"):
        one.commit()
    assert not (tmp_path / "f").exists()


def test_part_is_continued_by_one_at_a_time(tmp_path):
    one = open_download(tmp_path / "f", part_of="task")
    one.write(b"one")
    with pytest.raises(Conflict, match="being downloaded already"):
        open_download(tmp_path / "f", part_of="task")
    one.keep()
    two = open_download(tmp_path / "f", part_of="task")
    assert two.position == 3
    two.commit()
    assert (tmp_path / "f").read_bytes() == b"one"


def test_empty_part_is_not_kept(tmp_path):
    open_download(tmp_path / "f", part_of="task").keep()
    assert list(tmp_path.iterdir()) == []


def test_gap_is_an_integrity_error(tmp_path):
    download = open_download(tmp_path / "f")
    with pytest.raises(IntegrityError, match="byte 5, not 0"):
        download.start_at(5)


def test_stream_that_cannot_be_rewound_says_so():
    class Pipe(BytesIO):
        name = "the pipe"

        def seekable(self):
            return False

    download = open_download(Pipe())
    download.start_at(0)
    download.write(b"x")
    with pytest.raises(NotSupported, match="the pipe cannot be rewound"):
        download.start_at(0)


def test_folder_is_refused_before_anything_is_sent(tmp_path):
    with pytest.raises(ConfigurationError, match="is a folder"):
        open_download(tmp_path)
    with pytest.raises(NotFound, match="does not exist"):
        open_download(tmp_path / "absent" / "f")


@pytest.mark.skipif(sys.platform == "win32", reason="there are no named pipes in folders")
def test_pipe_is_written_to_and_stays_one(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    download = open_download(pipe)
    download.start_at(0)
    download.write(b"content")
    download.commit()
    assert os.read(reader, 100) == b"content"
    os.close(reader)
    assert pipe.is_fifo()
    assert list(tmp_path.iterdir()) == [pipe]


def test_link_stays_a_link_and_its_target_is_replaced(tmp_path):
    (tmp_path / "folder").mkdir()
    link, target = tmp_path / "link", tmp_path / "folder" / "f"
    link.symlink_to(target)
    for content in (b"first", b"second"):
        download = open_download(link)
        download.write(content)
        download.commit()
        assert link.is_symlink()
        assert target.read_bytes() == content


def test_part_of_a_file_with_a_long_name_has_a_shorter_one(tmp_path):
    path = tmp_path / ("n" * 255)
    download = open_download(path, part_of="task" * 8)
    download.write(b"content")
    download.commit()
    assert path.read_bytes() == b"content"
