"""Benchmarks: ``./tools/hatch run bench``."""
