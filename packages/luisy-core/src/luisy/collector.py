"""Python's garbage collector, which rests while a plan is made.

What a plan is made of, syntax trees and thousands of tasks, stays to the end. To look through it
again and again while it grows, and once more when the process ends, takes up to a third of the time
of a command that only plans.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def at_rest() -> Iterator[None]:
    """Let the collector rest during the block."""
    was_at_work = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_at_work:
            gc.enable()


def rest() -> None:
    """Let the collector rest, in a process of our own, until something is carried out."""
    gc.disable()


def work() -> None:
    """Let the collector work again if it rests, on what is made from now on.

    Nobody looks again at what is there and is no garbage; processes that are forked do not copy it.
    """
    if not gc.isenabled():
        gc.collect()
        leave()


def leave() -> None:
    """Let the collector work again if it rests, and spare a process that ends its last look."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()
