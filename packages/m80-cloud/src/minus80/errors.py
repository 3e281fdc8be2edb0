"""The errors that only this package raises; everything else is in `luisy_protocol.errors`.

LuisyError
└── NotFound
    ├── DatasetNotFound       no such dataset, raw file, version or tag
    └── BucketMissing         the bucket itself does not exist yet
"""

from __future__ import annotations

from luisy_protocol.errors import NotFound


class DatasetNotFound(NotFound):
    """A dataset, raw file, version or tag that does not exist, here or in the cloud."""


class BucketMissing(NotFound):
    """The bucket does not exist; a write may create it."""


class ConcurrentPut(UserWarning):
    """Somebody else put the same dataset at the same time; both versions are kept."""
