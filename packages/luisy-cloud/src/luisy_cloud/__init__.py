"""Shares the outputs of a luisy pipeline through a store."""

from luisy_cloud.synchroniser import StoreSynchroniser

__all__ = ["StoreSynchroniser"]
