"""Fakes for tests, and the conformance suite that every store must pass.

`StoreConformance` needs pytest (``pip install luisy-protocol[testing]``); the fakes do not, so it
is imported only when it is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from luisy_protocol.testing.faulty_store import FaultyStore
from luisy_protocol.testing.memory_store import MemoryStore

if TYPE_CHECKING:
    from luisy_protocol.testing.conformance import StoreConformance

__all__ = ["FaultyStore", "MemoryStore", "StoreConformance"]


def __getattr__(name: str) -> object:
    if name != "StoreConformance":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    import pytest

    pytest.register_assert_rewrite("luisy_protocol.testing.conformance")
    from luisy_protocol.testing.conformance import StoreConformance

    return StoreConformance
