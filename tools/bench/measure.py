"""Measures one case in this process and prints the result as JSON; the bench starts it."""

from __future__ import annotations

import json
import resource
import sys
import tempfile
import time
from pathlib import Path

from tools.bench.cases import CASES


def main(name: str) -> None:
    """Measure the case of this name once."""
    with tempfile.TemporaryDirectory(prefix="luisy-bench-") as folder:
        work = CASES[name](Path(folder))
        started = time.perf_counter()
        work()
        seconds = time.perf_counter() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    megabytes = peak / (1024 if sys.platform == "linux" else 1024 * 1024)
    print(json.dumps({"seconds": seconds, "megabytes": megabytes}))


if __name__ == "__main__":
    main(sys.argv[1])
