"""The tasks below a root task, each once, requirements before what requires them.

The walk is a depth-first search with its own stack: linear in tasks and edges, and as deep as the
pipeline is. luigi decides what is the same task (the class and the significant parameters); two
different tasks that would write the same output are an error, because each would undo the other.

What a task required while it ran is known from the last time only, and may contradict the present
code: write what another task writes now, close a circle, or no more be able to say what it
requires. Then it is left out, and the task that required it must run: it tells what it requires
now.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import NamedTuple

import luigi
from luisy_protocol.errors import ConfigurationError

from luisy.namesakes import check_ids
from luisy.task import Task


class Kind(StrEnum):
    """What a task is to the planner."""

    OUTPUT = "output"
    """A task of luisy that makes one output."""
    EXTERNAL = "external"
    """An input that a person made."""
    WRAPPER = "wrapper"
    """A task without output, as done as its requirements are."""
    PLAIN = "plain"
    """A task of luigi alone: nothing is recorded of it, and its own ``complete()`` decides."""
    PLAIN_EXTERNAL = "plain external"
    """A task of luigi alone that has no ``run``."""


class Node(NamedTuple):
    """One task instance in a pipeline; a tuple, for pipelines have very many.

    Attributes:
        task: The instance.
        kind: What it is to the planner.
        key: The key of its output; empty for a wrapper and a plain task.
        project: The project, the first part of the key.
        requires: The positions of the tasks it requires.
        is_folder: Whether its output is a folder.
        yields: The positions of the tasks that it required, in addition, while it ran.
    """

    task: luigi.Task
    kind: Kind
    key: str
    project: str
    requires: tuple[int, ...]
    is_folder: bool = False
    yields: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """The task as a person writes it: ``Family`` or ``Family(day=1)``."""
        return name_of(self.task)

    @property
    def label(self) -> str:
        """What stands for this task in the hash of the tasks that require it."""
        return self.key or str(self.task.task_id)


@dataclass(frozen=True, slots=True)
class Pipeline:
    """The task instances below a root, requirements first; the root is the last.

    Attributes:
        nodes: The instances.
        positions: Where each is among them.
        keys: Where the one with each output is.
        contradicted: The outputs of tasks that required, while they ran, what cannot be now.
    """

    nodes: tuple[Node, ...]
    positions: Mapping[luigi.Task, int]
    keys: Mapping[str, int]
    contradicted: frozenset[str] = frozenset()

    @property
    def root(self) -> Node:
        """The task that was asked for."""
        return self.nodes[-1]

    @property
    def projects(self) -> list[str]:
        """The projects that the outputs belong to."""
        return sorted({node.project for node in self.nodes if node.key})

    def inputs(self, position: int) -> Iterator[Node]:
        """Yield the tasks whose outputs this one reads: its requirements, seen through wrappers."""
        pending = list(reversed(self.nodes[position].requires))
        seen: set[int] = set()
        while pending:
            below = pending.pop()
            if below in seen:
                continue
            seen.add(below)
            node = self.nodes[below]
            if node.key:
                yield node
            elif node.kind is Kind.WRAPPER:
                pending.extend(reversed(node.requires))

    def required(self) -> Iterator[Node]:
        """Yield the root and what it requires, without what was only yielded, the last time."""
        required = {len(self.nodes) - 1}
        for position in reversed(range(len(self.nodes))):
            if position in required:
                required.update(self.nodes[position].requires)
                yield self.nodes[position]


def name_of(task: luigi.Task) -> str:
    """Return a task as a person writes it: ``Family`` or ``Family(day=1)``."""
    return repr(task).removesuffix("()")


def both_write(one: luigi.Task, other: luigi.Task, key: str) -> ConfigurationError:
    """Return the error of two tasks that write the same output."""
    return ConfigurationError(
        f"{name_of(one)} and {name_of(other)} both write {key}; "
        "let the differing parameters be part of the file name"
    )


def discover(
    root: luigi.Task, *, yielded: Callable[[str], Iterable[luigi.Task]] | None = None
) -> Pipeline:
    """Return the pipeline below a task.

    Args:
        root: The task.
        yielded: Tells, for the key of an output, what its task required while it ran.

    Raises:
        ConfigurationError: If tasks require each other in a circle, require something that is not a
            task, or share an output or a name.
    """
    try:
        return _walk(root, yielded)
    except Exception:  # tasks' own code ran; what is wrong with it is met again below
        if yielded is None:
            raise
    required = _walk(root, None)
    fitting = _Fitting(yielded, _owners(required))
    try:
        return replace(_walk(root, fitting), contradicted=frozenset(fitting.contradicted))
    except ConfigurationError:  # several of them together close a circle
        yielding = frozenset(key for key in required.keys if any(yielded(key)))
        return replace(required, contradicted=yielding)


@dataclass(slots=True)
class _Fitting:
    """Passes on what was yielded the last time as far as it does not contradict the present code.

    Attributes:
        yielded: What was yielded, for the key of an output.
        owners: The task that writes each output.
        contradicted: The outputs of the tasks that yielded something else, too.
    """

    yielded: Callable[[str], Iterable[luigi.Task]]
    owners: dict[str, luigi.Task]
    contradicted: set[str] = field(default_factory=set)

    def __call__(self, key: str) -> Iterator[luigi.Task]:
        for task in self.yielded(key):
            if self._fits(key, task):
                yield task
            else:
                self.contradicted.add(key)

    def _fits(self, key: str, task: luigi.Task) -> bool:
        try:
            owners = _owners(_walk(task, None))
        except Exception:  # noqa: BLE001 - a task of yesterday; what is wrong is not to be told
            return False
        if key in owners or any(self.owners.get(one, own) != own for one, own in owners.items()):
            return False
        self.owners.update(owners)
        return True


def _owners(pipeline: Pipeline) -> dict[str, luigi.Task]:
    return {key: pipeline.nodes[position].task for key, position in pipeline.keys.items()}


def _walk(root: luigi.Task, yielded: Callable[[str], Iterable[luigi.Task]] | None) -> Pipeline:
    finished: dict[luigi.Task, int] = {}
    nodes: list[Node] = []
    stack = [_visit(root, yielded)]
    path: dict[luigi.Task, None] = {root: None}
    while stack:
        visit = stack[-1]
        following = _next(visit, finished)
        if following is None:
            stack.pop()
            del path[visit.task]
            finished[visit.task] = len(nodes)
            nodes.append(_node(visit, finished))
        elif following in path:
            raise ConfigurationError(_circle(path, following))
        else:
            path[following] = None
            stack.append(_visit(following, yielded))
    check_ids(finished)
    return Pipeline(tuple(nodes), finished, _keys(nodes))


@dataclass(slots=True)
class _Visit:
    """A task whose requirements are being walked."""

    task: luigi.Task
    key: str
    requires: tuple[luigi.Task, ...]
    yields: tuple[luigi.Task, ...]
    left: Iterator[luigi.Task]


def _visit(task: luigi.Task, yielded: Callable[[str], Iterable[luigi.Task]] | None) -> _Visit:
    requires = _requirements(task)
    key = task.key if isinstance(task, Task) else ""
    more = dict.fromkeys(yielded(key)) if yielded and key else ()
    yields = tuple([below for below in more if below not in requires])
    return _Visit(task, key, tuple(requires), yields, iter([*requires, *yields]))


def _next(visit: _Visit, finished: Container[luigi.Task]) -> luigi.Task | None:
    for below in visit.left:
        if below not in finished:
            return below
    return None


def _requirements(task: luigi.Task) -> dict[luigi.Task, None]:
    found: dict[luigi.Task, None] = {}
    for below in task.deps():
        if not isinstance(below, luigi.Task):
            raise ConfigurationError(
                f"{name_of(task)} requires {below!r}, which is not a task; "
                "wrap a file in an ExternalTask, and require instances"
            )
        found[below] = None
    return found


def _node(visit: _Visit, finished: Mapping[luigi.Task, int]) -> Node:
    task, key = visit.task, visit.key
    requires = tuple([finished[below] for below in visit.requires])
    yields = tuple([finished[below] for below in visit.yields])
    kind = _kind(task, key)
    is_folder = bool(key) and _makes_folder(task)
    return Node(task, kind, key, key.partition("/")[0], requires, is_folder, yields)


def _makes_folder(task: luigi.Task) -> bool:
    # A target costs more than its class, and there are many tasks.
    if isinstance(task, Task) and type(task).output is Task.output:
        return task.target_cls.is_folder
    return bool(getattr(task.output(), "is_folder", False))


def _kind(task: luigi.Task, key: str) -> Kind:
    if isinstance(task, luigi.WrapperTask):
        return Kind.WRAPPER
    if not key:
        return Kind.PLAIN_EXTERNAL if task.run is None else Kind.PLAIN
    return Kind.EXTERNAL if getattr(task, "is_external", False) else Kind.OUTPUT


def _circle(path: Mapping[luigi.Task, None], again: luigi.Task) -> str:
    tasks = list(path)
    circle = [*tasks[tasks.index(again) :], again]
    names = [name_of(task) for task in circle]
    if len(names) > 8:
        names[4:-3] = ["..."]
    return f"the tasks require each other in a circle: {' -> '.join(names)}"


def _keys(nodes: Sequence[Node]) -> dict[str, int]:
    keys: dict[str, int] = {}
    for position, node in enumerate(nodes):
        if not node.key:
            continue
        other = keys.setdefault(node.key, position)
        if other != position:
            raise both_write(nodes[other].task, node.task, node.key)
    return keys
