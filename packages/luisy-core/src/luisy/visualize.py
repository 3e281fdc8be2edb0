"""Draw the tasks below a task with matplotlib: ``pip install "luisy-core[plot]"``."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import luigi
from luigi.task import flatten
from luisy_protocol.errors import MissingPackage

from luisy.config import Config
from luisy.graph import FILLS, LINES
from luisy.plan import Verdict

__all__ = ["create_label", "make_dependency_graph", "visualize_task"]


def create_label(task: luigi.Task, excl_list: Collection[str] = (), with_id: bool = False) -> str:
    """Return the label of a task: its family and, a line each, its significant parameters.

    Args:
        task: The task.
        excl_list: The names of parameters to leave out.
        with_id: Whether the digits of luigi's task id are added to the family.
    """
    name = str(task.get_task_family())
    if with_id:
        name += task.task_id.rpartition("_")[2]
    shown = task.to_str_params(only_significant=True, only_public=True)
    return "\n".join([name, *[f"{key}={shown[key]}" for key in shown if key not in excl_list]])


def make_dependency_graph(
    task: luigi.Task,
    excl_list: Collection[str] = (),
    namefunc: Callable[[luigi.Task], str] | None = None,
    unique_children: bool = True,
    depth_limit: float = float("inf"),
) -> Any:
    """Return a graph of labels, with an edge from each task to what it requires.

    Args:
        task: The root.
        excl_list: The names of parameters to leave out of labels.
        namefunc: What gives a task its label; tasks with the same label are one node.
        unique_children: Whether, of several tasks of one class that a task requires, one is enough.
        depth_limit: How many levels below the root are followed.
    """
    graph = _networkx().DiGraph()
    label = namefunc or (lambda each: create_label(each, excl_list))
    graph.add_node(label(task))
    seen, level, depth = {task}, [task], 0
    while level and depth < depth_limit:
        below = []
        for each in level:
            for child in _children(each, unique=unique_children):
                graph.add_edge(label(each), label(child))
                if child not in seen:
                    seen.add(child)
                    below.append(child)
        level, depth = below, depth + 1
    return graph


def visualize_task(
    task: luigi.Task,
    ax: Any = None,
    unique_children: bool = True,
    parameters_to_exclude: Collection[str] = (),
) -> None:
    """Draw a task and what it depends on, inputs to the left, in the colours of `luisy graph`.

    Without a working directory there is no verdict on a task, and no colour.

    Args:
        task: The task.
        ax: The axis of matplotlib to draw into; without it a new figure is made.
        unique_children: Whether, of several tasks of one class that a task requires, one is drawn.
        parameters_to_exclude: The names of parameters to leave out of labels.
    """
    nx = _networkx()
    graph = make_dependency_graph(task, parameters_to_exclude, unique_children=unique_children)
    for column, labels in enumerate(nx.topological_generations(graph)):
        for label in labels:
            graph.nodes[label]["column"] = -column
    if ax is None:
        import matplotlib.pyplot as plt

        _, ax = plt.subplots(figsize=(15, 10))
    places = nx.multipartite_layout(graph, subset_key="column")
    nx.draw_networkx_edges(graph.reverse(), places, ax=ax, node_size=3000)
    box = {"boxstyle": "round", "facecolor": "white", "edgecolor": "grey"}
    texts = nx.draw_networkx_labels(graph, places, ax=ax, bbox=box)
    for label, verdict in _verdicts(task, parameters_to_exclude).items():
        if label in texts:
            colours = {"facecolor": FILLS[verdict], "edgecolor": LINES[verdict]}
            texts[label].get_bbox_patch().set(**colours)
    ax.margins(0.2)
    ax.axis("off")


def _verdicts(root: luigi.Task, excl_list: Collection[str]) -> dict[str, Verdict]:
    """Return the verdict for each label; of tasks with one label the one that asks for most."""
    from luisy.show import Nothing
    from luisy.work import Settings, Work

    if not Config().get_param("working_dir"):
        return {}
    work = Work(root, Settings.of(root), Nothing())
    steps, found = work.look().steps, dict[str, Verdict]()
    for node, step in zip(work.pipeline.nodes, steps, strict=True):
        label = create_label(node.task, excl_list)
        found[label] = max(found.get(label, step.verdict), step.verdict, key=_WEIGHT.index)
    return found


_WEIGHT = [Verdict.UNNEEDED, Verdict.KEEP, Verdict.DOWNLOAD, Verdict.RUN, Verdict.MISSING]


def _children(task: luigi.Task, *, unique: bool) -> list[luigi.Task]:
    children = list(dict.fromkeys(flatten(task.requires())))
    if not unique:
        return children
    first: dict[type, luigi.Task] = {}
    for child in children:
        first.setdefault(type(child), child)
    return list(first.values())


def _networkx() -> Any:
    try:
        import matplotlib  # noqa: F401 - drawing needs both
        import networkx as nx
    except ImportError as error:
        raise MissingPackage(
            'drawing needs networkx and matplotlib: pip install "luisy-core[plot]"'
        ) from error
    return nx
