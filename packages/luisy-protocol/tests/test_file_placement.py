"""Copies: whole, and on a full disk an error in words."""

import io
import subprocess
import sys
from pathlib import Path

import pytest
from luisy_protocol.digest import CHUNK, digest_bytes
from luisy_protocol.errors import LuisyError
from luisy_protocol.file_placement import copy_hashed


@pytest.mark.parametrize("size", [0, 1, CHUNK, 2 * CHUNK + 1])
def test_copy_hashed_copies_and_takes_the_digest(tmp_path, size):
    content, moved = b"x" * size, []
    sha256 = copy_hashed(io.BytesIO(content), tmp_path / "x", source="a", advance=moved.append)
    assert (tmp_path / "x").read_bytes() == content
    assert (sha256, sum(moved)) == digest_bytes(content)


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("size", [1, 100_000])
def test_copy_hashed_on_a_full_disk_says_so(size):
    with pytest.raises(LuisyError, match="cannot write /dev/full: the disk is full"):
        copy_hashed(io.BytesIO(b"x" * size), Path("/dev/full"), source="a", advance=None)


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_copy_hashed_of_which_a_part_has_room_raises_an_error_of_luisy(tmp_path):
    code = (
        "import io, resource, signal, sys; from pathlib import Path\n"
        "from luisy_protocol.errors import LuisyError\n"
        "from luisy_protocol.file_placement import copy_hashed\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, 1_000))\n"
        "try:\n"
        "    copy_hashed(io.BytesIO(bytes(1_001)), Path(sys.argv[1]), source='a', advance=None)\n"
        "except LuisyError as error:\n"
        "    print(error)"
    )
    command = [sys.executable, "-B", "-c", code, str(tmp_path / "x")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith(f"cannot write {tmp_path / 'x'}: ")
