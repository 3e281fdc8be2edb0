"""Write the sum of a pipeline for a person."""

from __future__ import annotations

from collections.abc import Sequence

import click
from luisy_protocol.terminal import size_text

from luisy.status import Family


def write_status(families: Sequence[Family]) -> None:
    """Write a line for each layer and task family."""
    layers = max((len(family.layer) for family in families), default=0)
    names = max((len(family.family) for family in families), default=0)
    for family in families:
        click.echo(
            f"{family.layer:<{layers}}  {family.family:<{names}}  "
            f"{_count(family.fresh, 'fresh', 'green')}"
            f"{_count(family.outdated, 'outdated', 'yellow')}"
            f"{_count(family.missing, 'missing', 'red')}{size_text(family.size):>10}"
            f"{_reason(family)}"
        )


def _count(count: int, word: str, colour: str) -> str:
    text = f"{count:>7,} {word:<9}"
    return click.style(text, fg=colour) if count else click.style(text, dim=True)


def _reason(family: Family) -> str:
    if not family.reasons:
        return ""
    (reason, _), *others = family.reasons.most_common()
    more = f" (and {len(others)} other reasons)" if others else ""
    return click.style(f"  {reason}{more}", dim=True)
