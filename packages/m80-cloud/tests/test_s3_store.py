"""The S3 store: the conformance suite, and what is its own."""

from functools import partial

import pytest
from luisy_protocol.testing import StoreConformance
from minus80.s3_store import open_s3_store


class TestS3Store(StoreConformance):
    large = 96 * 1024 * 1024  # the parts in memory are eight of 8 MB, for a file of any size

    @pytest.fixture
    def opener(self, in_cloud):
        return partial(open_s3_store, f"s3://{in_cloud}/team/store")
