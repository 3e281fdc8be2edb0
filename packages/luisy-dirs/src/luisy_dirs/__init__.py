"""Luisy tasks whose output is a directory of many files. Planned: nothing is here yet."""

__all__: list[str] = []
