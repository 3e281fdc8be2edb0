import pytest
from luisy.testing.fixtures import luisy_working_dir

__all__ = ["luisy_working_dir"]


@pytest.fixture
def raw(luisy_working_dir):
    """The folder that a person fills: three files."""
    folder = luisy_working_dir / "luisy_dirs_tests/raw/letters"
    folder.mkdir(parents=True)
    for name in ("a.txt", "b.txt", "c.txt"):
        (folder / name).write_text(name[0])
    return folder
