"""Draw a plan: as Mermaid, DOT or SVG text, or as a PNG; coloured by verdict.

A large pipeline is drawn by families: the instances of one task with one verdict become one node
that tells how many they are. The SVG needs no other program: tasks stand in columns, each to the
right of all that it requires, ordered within a column by where their neighbours stand.
"""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.sax.saxutils import escape

from luisy_protocol.errors import LuisyError, MissingPackage

from luisy.plan import Plan, Verdict

MANY = 150
"""From how many tasks on a pipeline is drawn by families."""

# In each drawing, also that of `luisy.visualize`.
FILLS = {
    Verdict.KEEP: "#d3f0d9",
    Verdict.DOWNLOAD: "#cfe8fc",
    Verdict.RUN: "#ffe3b3",
    Verdict.UNNEEDED: "#eeeeee",
    Verdict.MISSING: "#ffc9c9",
}
LINES = {
    Verdict.KEEP: "#2b8a3e",
    Verdict.DOWNLOAD: "#1971c2",
    Verdict.RUN: "#e67700",
    Verdict.UNNEEDED: "#868e96",
    Verdict.MISSING: "#c92a2a",
}
_COLUMN, _ROW, _HEIGHT, _MARGIN = 60, 56, 40, 20


@dataclass(frozen=True, slots=True)
class Vertex:
    """A node of the drawing.

    Attributes:
        label: The task, or the family and how many tasks of it there are.
        verdict: What happens to it.
        requires: The positions of the nodes that it requires.
    """

    label: str
    verdict: Verdict
    requires: tuple[int, ...]


def vertices(plan: Plan, *, by_family: bool | None = None) -> list[Vertex]:
    """Return the nodes to draw, requirements first.

    Args:
        plan: The plan.
        by_family: Whether to draw families; by default from `MANY` tasks on.
    """
    if by_family is None:
        by_family = len(plan.steps) > MANY
    if by_family:
        return _families(plan)
    return [Vertex(step.name, step.verdict, step.requires) for step in plan.steps]


def _families(plan: Plan) -> list[Vertex]:
    groups = [(step.name.partition("(")[0], step.verdict) for step in plan.steps]
    counts = Counter(groups)
    # A group stands where its last task stands: what it requires has begun before.
    last = {group: position for position, group in enumerate(groups)}
    order = {group: number for number, group in enumerate(sorted(counts, key=last.__getitem__))}
    requires: list[dict[int, None]] = [{} for _ in order]
    for group, step in zip(groups, plan.steps, strict=True):
        for below in step.requires:
            if groups[below] != group:
                requires[order[group]][order[groups[below]]] = None
    return [
        Vertex(_counted(*group, counts), group[1], tuple(requires[number]))
        for group, number in order.items()
    ]


def _counted(family: str, verdict: Verdict, counts: Mapping[tuple[str, Verdict], int]) -> str:
    count = counts[family, verdict]
    return family if count == 1 else f"{family} x {count:,}"


def mermaid(drawn: Sequence[Vertex]) -> str:
    """Return the drawing as a Mermaid flow chart."""
    lines = ["flowchart LR"]
    for number, vertex in enumerate(drawn):
        label = vertex.label.replace("&", "#amp;").replace('"', "#quot;")
        lines.append(f'    n{number}["{label}"]:::{_class(vertex.verdict)}')
    lines += [f"    n{below} --> n{number}" for number, below in _edges(drawn)]
    for verdict in sorted({vertex.verdict for vertex in drawn}):
        style = f"fill:{FILLS[verdict]},stroke:{LINES[verdict]},color:#222"
        lines.append(f"    classDef {_class(verdict)} {style}")
    return "\n".join(lines) + "\n"


def dot(drawn: Sequence[Vertex]) -> str:
    """Return the drawing in Graphviz's language."""
    lines = [
        "digraph pipeline {",
        "    rankdir=LR;",
        '    node [shape=box, style="rounded,filled", fontname="Helvetica"];',
    ]
    for number, vertex in enumerate(drawn):
        label = vertex.label.replace("\\", "\\\\").replace('"', '\\"')
        colours = f'fillcolor="{FILLS[vertex.verdict]}", color="{LINES[vertex.verdict]}"'
        lines.append(f'    n{number} [label="{label}", tooltip="{vertex.verdict}", {colours}];')
    lines += [f"    n{below} -> n{number};" for number, below in _edges(drawn)]
    return "\n".join([*lines, "}"]) + "\n"


def svg(drawn: Sequence[Vertex]) -> str:
    """Return the drawing as SVG."""
    places = _places(drawn)
    width = max((place.x + place.width for place in places), default=0) + _MARGIN
    height = max((place.y for place in places), default=0) + _HEIGHT + _MARGIN
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    font = 'font-family="Helvetica, Arial, sans-serif" font-size="13"'
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" {size} {font}>']
    lines += [_curve(places[below], places[number]) for number, below in _edges(drawn)]
    lines += [_box(vertex, place) for vertex, place in zip(drawn, places, strict=True)]
    return "\n".join([*lines, "</svg>"]) + "\n"


def png(drawn: Sequence[Vertex], path: Path) -> None:
    """Write the drawing as a PNG, with Graphviz if its `dot` is there, else with matplotlib.

    Raises:
        MissingPackage: If neither is there.
        LuisyError: If Graphviz fails.
    """
    program = shutil.which("dot")
    if program is None:
        _png_by_matplotlib(drawn, path)
        return
    done = subprocess.run(
        [program, "-Tpng", "-o", str(path)],
        input=dot(drawn).encode(),
        capture_output=True,
        check=False,
    )
    if done.returncode:
        raise LuisyError(f"Graphviz cannot draw {path}: {done.stderr.decode().strip()}")


WRITERS: Mapping[str, Callable[[Sequence[Vertex]], str]] = {
    "mermaid": mermaid,
    "dot": dot,
    "svg": svg,
}
"""The formats that are text."""


def _class(verdict: Verdict) -> str:
    return verdict.replace(" ", "_")


def _edges(drawn: Sequence[Vertex]) -> list[tuple[int, int]]:
    return [(number, below) for number, vertex in enumerate(drawn) for below in vertex.requires]


@dataclass(frozen=True, slots=True)
class _Place:
    x: int
    y: int
    width: int


def _places(drawn: Sequence[Vertex]) -> list[_Place]:
    columns = _columns(drawn)
    widths = [max(_width(drawn[number]) for number in column) for column in columns]
    tallest = max((len(column) for column in columns), default=0)
    places = [_Place(0, 0, 0)] * len(drawn)
    left = _MARGIN
    for column, width in zip(columns, widths, strict=True):
        top = _MARGIN + (tallest - len(column)) * _ROW // 2
        for row, number in enumerate(column):
            places[number] = _Place(left, top + row * _ROW, width)
        left += width + _COLUMN
    return places


def _columns(drawn: Sequence[Vertex]) -> list[list[int]]:
    depth = _depths(drawn)
    columns: list[list[int]] = [[] for _ in range(max(depth, default=-1) + 1)]
    for number, level in enumerate(depth):
        columns[level].append(number)
    rows = {number: row for column in columns for row, number in enumerate(column)}
    for column in columns:
        column.sort(key=lambda number: _mean(rows, drawn[number].requires, rows[number]))
        rows.update({number: row for row, number in enumerate(column)})
    return columns


def _depths(drawn: Sequence[Vertex]) -> list[int]:
    # Families may require each other in a circle although their tasks do not: look back only.
    depth: list[int] = []
    for number, vertex in enumerate(drawn):
        below = [depth[other] for other in vertex.requires if other < number]
        depth.append(max(below, default=-1) + 1)
    return depth


def _mean(rows: Mapping[int, int], below: Sequence[int], default: int) -> float:
    return sum(rows[other] for other in below) / len(below) if below else default


def _width(vertex: Vertex) -> int:
    return 24 + 8 * len(vertex.label)


def _curve(start: _Place, end: _Place) -> str:
    x1, y1 = start.x + start.width, start.y + _HEIGHT // 2
    x2, y2 = end.x, end.y + _HEIGHT // 2
    middle = (x1 + x2) // 2
    return (
        f'<path d="M{x1},{y1} C{middle},{y1} {middle},{y2} {x2},{y2}" '
        'fill="none" stroke="#adb5bd" stroke-width="1.5"/>'
    )


def _box(vertex: Vertex, place: _Place) -> str:
    centre, middle = place.x + place.width // 2, place.y + _HEIGHT // 2 + 4
    return (
        f'<g><title>{escape(str(vertex.verdict))}</title><rect x="{place.x}" y="{place.y}" '
        f'width="{place.width}" height="{_HEIGHT}" rx="8" fill="{FILLS[vertex.verdict]}" '
        f'stroke="{LINES[vertex.verdict]}"/><text x="{centre}" y="{middle}" '
        f'text-anchor="middle">{escape(vertex.label)}</text></g>'
    )


def _png_by_matplotlib(drawn: Sequence[Vertex], path: Path) -> None:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackage(
            'a PNG needs Graphviz or matplotlib: pip install "luisy-core[plot]" (SVG needs neither)'
        ) from error
    places = _places(drawn)
    width = max((place.x + place.width for place in places), default=100) + _MARGIN
    height = max((place.y for place in places), default=100) + _HEIGHT + _MARGIN
    figure = Figure(figsize=(width / 96, height / 96), dpi=96)
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set(xlim=(0, width), ylim=(height, 0))
    axes.axis("off")
    half = _HEIGHT / 2
    for number, below in _edges(drawn):
        start, end = places[below], places[number]
        axes.plot(
            (start.x + start.width, end.x),
            (start.y + half, end.y + half),
            color="#adb5bd",
            zorder=1,
        )
    for vertex, place in zip(drawn, places, strict=True):
        axes.text(
            place.x + place.width / 2,
            place.y + half,
            vertex.label,
            ha="center",
            va="center",
            fontsize=9,
            bbox={
                "boxstyle": "round",
                "facecolor": FILLS[vertex.verdict],
                "edgecolor": LINES[vertex.verdict],
            },
        )
    figure.savefig(path)
