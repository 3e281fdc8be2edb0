"""Contents as gzip."""

import gzip

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from luisy_protocol.errors import IntegrityError
from minus80.packing import compress_file, expand, expand_file


@given(st.binary(max_size=3000))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=40)
def test_expand_of_compress_gives_the_same(tmp_path, content):
    (tmp_path / "a").write_bytes(content)
    first = compress_file(tmp_path / "a", tmp_path / "a.gz")
    assert compress_file(tmp_path / "a", tmp_path / "again.gz") == first
    packed = (tmp_path / "a.gz").read_bytes()
    assert gzip.decompress(packed) == content
    assert expand(packed, limit=len(content), name="a") == content
    expand_file(tmp_path / "a.gz", tmp_path / "b", limit=len(content))
    assert (tmp_path / "b").read_bytes() == content


@pytest.mark.parametrize(
    "packed",
    [b"", b"no gzip", gzip.compress(b"x" * 1000)[:-4], gzip.compress(b"x" * 10_000_000)],
    ids=["empty", "text", "cut", "bomb"],
)
def test_expand_of_what_is_wrong_is_refused(tmp_path, packed):
    with pytest.raises(IntegrityError):
        expand(packed, limit=1000, name="it")
    (tmp_path / "it.gz").write_bytes(packed)
    with pytest.raises(IntegrityError):
        expand_file(tmp_path / "it.gz", tmp_path / "it", limit=1000)
    assert not (tmp_path / "it").exists() or (tmp_path / "it").stat().st_size <= 2 * 1024 * 1024
