"""Reads a directory once, in a process of its own; prints the seconds, the bytes, the memory."""

from __future__ import annotations

import json
import os
import resource
import sys
import time


def main(how: str, folder: str) -> None:
    """Read a folder in a plain loop, or through the target."""
    from luisy_dirs.targets import SourceTarget

    from tools.bench.pipelines_dirs import read_bytes

    started = time.perf_counter()
    if how == "loop":
        size = 0
        for name in sorted(os.listdir(folder)):  # noqa: PTH208 - as a plain loop has it
            size += len(read_bytes(os.path.join(folder, name)))  # noqa: PTH118
    else:
        size = sum(len(content) for content in SourceTarget(folder, read=read_bytes).read())
    seconds = time.perf_counter() - started
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps([seconds, size, memory]))


if __name__ == "__main__":
    main(*sys.argv[1:])
