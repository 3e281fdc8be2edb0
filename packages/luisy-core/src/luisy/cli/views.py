"""`luisy plan`, `explain`, `status` and `graph`: look at a pipeline and change nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import click

from luisy.cli.looking import looked_at, looking_command, write_json


@looking_command("plan", short_help="Show what a run would do, and why.")
@click.option("--upload", is_flag=True, help="Plan also what would be sent to the store.")
@click.option("--verbose", is_flag=True, help="Name also what is kept and what is not needed.")
def plan(arguments: Sequence[str], **given: Any) -> None:
    """Show what a run would do, and why."""
    from luisy.terminal import write_plan

    with looked_at(arguments, given) as work:
        if given["as_json"]:
            write_json(work.plan.as_json())
        else:
            write_plan(work.plan, upload=None, is_verbose=given["verbose"])


@looking_command("explain", short_help="Tell what changed, down to the line.")
@click.option("--all", "of_all", is_flag=True, help="Explain also what is fresh or not needed.")
def explain(arguments: Sequence[str], **given: Any) -> None:
    """Tell for each task its verdict, what changed, since when, and how the task depends on it."""
    from luisy.cli.explain_text import write_explanations
    from luisy.explanation import concerned
    from luisy.explanation import explain as explanations

    with looked_at(arguments, given) as work:
        found = explanations(work)
        if not given["of_all"]:
            found = concerned(found)
        if given["as_json"]:
            write_json([one.as_json() for one in found])
        else:
            write_explanations(list(found))


@looking_command("status", short_help="Sum up: a line for each layer and task.")
def status(arguments: Sequence[str], **given: Any) -> None:
    """Sum up how the outputs are: a line for each layer and task."""
    from luisy.cli.status_text import write_status
    from luisy.status import sum_up

    with looked_at(arguments, given) as work:
        sizes = [local.content.size if local.content else 0 for local in work.facts.local]
        families = sum_up(work.pipeline, work.plan, sizes)
    if given["as_json"]:
        write_json([family.as_json() for family in families])
    else:
        write_status(families)


@looking_command("graph", short_help="Draw the pipeline, coloured by verdict.")
@click.option(
    "--output",
    metavar="FILE",
    help="Where to: .mmd, .dot, .svg, or .png (with Graphviz or luisy-core[plot]).",
)
@click.option(
    "--format",
    "text_format",
    metavar="FORMAT",
    type=click.Choice(["mermaid", "dot", "svg"]),
    help="The text: mermaid (the default), dot or svg.",
)
@click.option(
    "--by-family/--by-task",
    default=None,
    help="One node for all tasks of a family, as for more than 150 tasks, or one for each.",
)
def graph(arguments: Sequence[str], **given: Any) -> None:
    """Draw the pipeline, coloured by verdict."""
    from luisy.cli.graph_files import write_graph
    from luisy.graph import vertices

    with looked_at(arguments, given) as work:
        drawn = vertices(work.plan, by_family=given["by_family"])
    if given["as_json"]:
        write_json(
            [
                {"label": one.label, "verdict": str(one.verdict), "requires": list(one.requires)}
                for one in drawn
            ]
        )
    else:
        write_graph(drawn, given["output"], text_format=given["text_format"])
