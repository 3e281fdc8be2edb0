"""The form with a file, as it is read by a parser that is not ours."""

import email.parser
import email.policy
import hashlib
from io import BytesIO

import pytest
from firecrest.multipart import FormBody
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import IntegrityError, NotFound

NAMES = st.text(st.characters(codec="ascii", exclude_categories=["Cc"]), min_size=1).filter(
    lambda text: text.strip() == text and '"' not in text and "\\" not in text
)


def parsed(body):
    head = f"Content-Type: {body.content_type}\r\n\r\n".encode()
    message = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + b"".join(body))
    return {
        part.get_param("name", header="content-disposition"): (
            part.get_filename(),
            part.get_payload(decode=True),
        )
        for part in message.iter_parts()
    }


@given(st.dictionaries(NAMES, NAMES, max_size=4), st.text("abc\n", max_size=100), NAMES)
def test_form_reads_back_as_it_was_written(fields, content, filename):
    fields.pop("file", None)
    body = FormBody(fields, BytesIO(content.encode()), filename=filename)
    assert len(b"".join(body)) == len(body)
    found = parsed(body)
    assert found.pop("file") == (filename, content.encode())
    assert found == {name: (None, value.encode()) for name, value in fields.items()}
    assert list(parsed(body))[-1] == "file"
    assert body.sha256 == hashlib.sha256(content.encode()).hexdigest()


@pytest.mark.parametrize("name", ['a"b', "a\r\nX-Evil: 1", "a\nb"])
def test_name_cannot_end_its_header(name):
    head = b"".join(FormBody({name: "v"}, BytesIO(b""), filename=name)).split(b"\r\n\r\n")[0]
    assert head.count(b"\r\n") == 1
    assert b"Evil: 1\r\n" not in head


def test_body_can_be_sent_again_and_tells_so(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"x" * 3_000_000)
    moved = []
    body = FormBody({}, path, filename="f", advance=moved.append)
    pieces = iter(body)
    next(pieces), next(pieces), next(pieces)
    assert sum(moved) > 0
    assert b"".join(body).count(b"x") >= 3_000_000
    assert sum(moved) == 3_000_000
    assert min(moved) < 0


def test_stream_is_sent_from_where_it_stands():
    stream = BytesIO(b"skip-content")
    stream.seek(5)
    body = FormBody({}, stream, filename="f")
    assert body.file_size == 7
    assert b"skip" not in b"".join(body)
    assert b"content" in b"".join(body)


@pytest.mark.parametrize("size", [10, 2_000_000])
@pytest.mark.parametrize("change", [-1, 1])
def test_file_that_changes_its_size_is_an_integrity_error(tmp_path, size, change):
    path = tmp_path / "file"
    path.write_bytes(b"x" * size)
    body = FormBody({}, path, filename="f")
    path.write_bytes(b"x" * (size + change))
    with pytest.raises(IntegrityError, match="changed its size"):
        b"".join(body)
    assert body.sha256 == ""
    assert isinstance(body.failure, IntegrityError)


def test_missing_file_is_not_found(tmp_path):
    with pytest.raises(NotFound, match="no file"):
        FormBody({}, tmp_path / "absent", filename="f")
