from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager

import pytest
from luisy.testing.fixtures import luisy_working_dir, run_pipeline

__all__ = ["largest_file", "luisy_working_dir", "run_pipeline"]


@pytest.fixture
def largest_file() -> Callable[[int], AbstractContextManager[None]]:
    """Limit the size of files in a block, in bytes: what is written fails as on a full disk."""
    resource = pytest.importorskip("resource", reason="Windows has no limits of this kind")

    @contextmanager
    def limited(size: int) -> Iterator[None]:
        soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
        try:
            yield
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    return limited
