"""Shares the outputs of a luisy pipeline through a store."""

from luisy_cloud.errors import MissingContainer
from luisy_cloud.synchroniser import StoreSynchroniser

__all__ = ["MissingContainer", "StoreSynchroniser"]
