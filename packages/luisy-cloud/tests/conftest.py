from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from luisy_protocol import open_store
from luisy_protocol.digest import digest_file, digest_folder
from luisy_protocol.record import Record
from luisy_protocol.store import Store
from luisy_protocol.testing import MemoryStore

MakeOutput = Callable[..., Record]


@pytest.fixture(params=["memory", "file"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """A store of each kind that needs no server; what holds for them must hold for any."""
    if request.param == "memory":
        yield MemoryStore()
        return
    (tmp_path / "store").mkdir()
    opened = open_store((tmp_path / "store").as_uri())
    yield opened
    opened.close()


@pytest.fixture
def make_output() -> MakeOutput:
    """Write an output below a working directory, and return its record.

    The content is bytes for a file, or a dict from names to bytes for a directory.
    """

    def make(working_dir: Path, key: str, content: object, *, hash: str = "a" * 64) -> Record:  # noqa: A002
        path = working_dir / key
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
            whole = digest_file(path)
            return Record(key, hash, whole.sha256, whole.size)
        assert isinstance(content, dict)
        path.mkdir(exist_ok=True)
        for name, part in content.items():
            (path / name).parent.mkdir(parents=True, exist_ok=True)
            (path / name).write_bytes(part)
        whole, files = digest_folder(path)
        return Record(key, hash, whole.sha256, whole.size, files=files)

    return make
