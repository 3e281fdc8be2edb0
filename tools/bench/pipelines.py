"""Pipelines of a given size, with trivial tasks."""

from __future__ import annotations

import luisy


@luisy.interim
@luisy.auto_filename
class Link(luisy.Task):
    """One of a chain: each requires the one before."""

    number = luisy.IntParameter()

    def requires(self) -> list[Link]:
        """Return the link before, none for the first."""
        return [self.clone(number=self.number - 1)] if self.number else []

    def run(self) -> None:
        """Write what there is to say."""
        self.write(self.number)


@luisy.interim
@luisy.auto_filename
class Rung(luisy.Task):
    """One of two on each level of a ladder: each requires both below, so that paths double."""

    level = luisy.IntParameter()
    side = luisy.Parameter()

    def requires(self) -> list[Rung]:
        """Return both rungs below, none for the lowest."""
        below = self.level - 1
        return (
            [self.clone(level=below, side=side) for side in ("left", "right")] if self.level else []
        )

    def run(self) -> None:
        """Write what there is to say."""
        self.write(self.level)


def chain(length: int) -> Link:
    """Return the last link of a chain."""
    link: Link = Link.from_str_params({"number": str(length - 1)})
    return link


def ladder(levels: int) -> Rung:
    """Return the top of a ladder of diamonds."""
    rung: Rung = Rung.from_str_params({"level": str(levels - 1), "side": "left"})
    return rung
