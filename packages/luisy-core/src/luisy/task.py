"""The task: a luigi task whose output has a place, a kind and a record."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar

import luigi
from luigi.task import flatten
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.keys import validate_key

from luisy.config import Config
from luisy.file_name import file_name, plain_file_name
from luisy.project import ProjectName
from luisy.targets.local import FolderTarget, LocalTarget, LuisyTarget, make_folder_of
from luisy.targets.objects import PickleTarget
from luisy.targets.tables import CloudTarget
from luisy.task_class import Parameters, Settled, TaskClass, plain_values

_luigi_logger = logging.getLogger("luigi-interface")


class Task(luigi.Task, metaclass=TaskClass):
    """A task that keeps its output below the working directory and knows when it must run again.

    Decorators say where the output goes (`luisy.raw`, `luisy.interim`, `luisy.final`), what it is
    (`luisy.csv_output` and the like; a pickle by default) and what it requires (`luisy.requires`).

    Attributes:
        download: Whether what is fresh in the store is downloaded rather than made.
        upload: Whether the outputs are uploaded after the run.
        project_name: The folder of the project; by default the first component of the module.
        target_cls: The kind of output.
        target_kwargs: The arguments of the kind of output.
        is_external: Whether a person made the output, so that nothing may remove it.
    """

    download = luigi.BoolParameter(
        default=False,
        significant=False,
        positional=False,
        description="Download what is fresh in the store instead of making it.",
    )
    upload = luigi.BoolParameter(
        default=False,
        significant=False,
        positional=False,
        description="Upload the outputs that the store does not have.",
    )

    project_name: ClassVar[Any] = ProjectName()
    target_cls: ClassVar[type[LuisyTarget]] = PickleTarget
    target_kwargs: ClassVar[dict[str, Any]] = {}
    is_external: ClassVar[bool] = False

    if TYPE_CHECKING:
        # luigi's has no types, and a strict checker would refuse every `MyTask(day=...)`.
        def __init__(self, *args: Any, **kwargs: Any) -> None: ...

    # luigi puts this set into each class; one for all does, for its entries name the family.
    _unconsumed_params: ClassVar[set[str]] = set()

    @classmethod
    def get_params(cls) -> Parameters:
        """Return the name and the definition of each parameter."""
        return TaskClass._parameters.get(cls) or cls.known_parameters()

    @classmethod
    def get_param_values(cls, params: Parameters, args: Any, kwargs: Any) -> Settled:
        """Return the name and the value of each parameter: given, configured or by default."""
        if len(args) == 1 and type(args[0]) is Settled:
            return args[0]
        values = plain_values(cls.get_task_family(), params, args, kwargs)
        if values is None:
            values = Settled(super().get_param_values(params, args, kwargs))  # type: ignore[no-untyped-call]
        return values

    def trigger_event(self, event: str, *args: Any, **kwargs: Any) -> None:
        """Tell of an event to those who want to know; luigi would not let Ctrl-C through."""
        for kind, callbacks in self._event_callbacks.items():
            # Asked last: it costs more than all else here, and few kinds listen to an event.
            if event in callbacks and isinstance(self, kind):
                for callback in callbacks[event]:
                    try:
                        callback(*args, **kwargs)
                    except Exception:  # whoever watches a task does not make it fail
                        _luigi_logger.exception("Error in event callback for %r", event)

    @cached_property
    def _text(self) -> str:
        shown = [
            f"{name}={parameter.serialize(self.param_kwargs[name])}"
            for name, parameter in self.get_params()
            if parameter.significant and name in self.param_kwargs  # else younger than the task
        ]
        return f"{self.get_task_family()}({', '.join(shown)})"

    def __repr__(self) -> str:
        """Return the family and the parameters; luigi's log names a task by it four times."""
        return self._text

    @cached_property
    def logger(self) -> logging.Logger:
        """The logger of the task's class."""
        return logging.getLogger(type(self).__name__)

    @property
    def key(self) -> str:
        """Where the output is, below the working directory and below the store's root alike.

        Empty for a task without an output there: a wrapper, a table, a target somewhere else.

        Raises:
            InvalidKey: If no store could hold an output of this name.
            ConfigurationError: If there are several targets there, or one in no project's folder.
        """
        if type(self).output is Task.output and self.target_cls.__init__ is LocalTarget.__init__:
            relative = _below_working_dir(self.get_outfile())  # a target costs more than its path
        else:
            relative = self._place_of_target()
        if not relative:
            return ""
        key = validate_key(relative.replace(os.sep, "/").strip("/"))
        if "/" not in key:
            raise ConfigurationError(
                f"{self.task_family} writes {key} to the working directory itself, and records are "
                f"kept by project: write to a folder there, like {self.project_name}/{key}"
            )
        return key

    @property
    def former_key(self) -> str:
        """The key under which luisy 1.4 kept the output; the same as `key` for ordinary values."""
        folder, _, name = self.key.rpartition("/")
        if not name.startswith(self.get_file_name()):
            return self.key
        former = plain_file_name(self.get_task_family(), self.named_parameters())
        return f"{folder}/{former}{name[len(self.get_file_name()) :]}".lstrip("/")

    def named_parameters(self) -> Iterator[tuple[str, luigi.Parameter[Any], Any]]:
        """Yield the name, the parameter and the value that enter the file name, sorted by name."""
        for name, parameter in type(self).naming_parameters():
            yield name, parameter, getattr(self, name)

    def significant_parameters(self) -> dict[str, str]:
        """Return the parameters that tell this instance from another, serialised."""
        serialised: dict[str, str] = self.to_str_params(only_significant=True)
        return serialised

    def requirements(self) -> list[luigi.Task]:
        """Return the tasks that this one requires, each once."""
        return list(dict.fromkeys(flatten(self.requires())))

    def get_file_name(self) -> str:
        """Return the name of the output file, with or without its ending; override it."""
        named = self.named_parameters()
        if self.is_external:
            return plain_file_name(self.get_task_family(), named)
        return file_name(self.get_task_family(), named)

    def get_folder_name(self) -> str:
        """Return the name of the output where it is a folder; override it for another one."""
        return self.get_file_name()

    def get_sub_dir(self) -> str:
        """Return the folder within the layer; override it for one."""
        return ""

    def get_outdir(self) -> str:
        """Return the folder of the output as an absolute path."""
        folder = self.get_sub_dir() or self.project_name
        return os.path.join(Config().working_dir, folder)  # noqa: PTH118

    def get_outfile(self) -> str:
        """Return the absolute path of the output."""
        if issubclass(self.target_cls, FolderTarget):
            return os.path.join(self.get_outdir(), self._named(self.get_folder_name()))  # noqa: PTH118
        ending = f".{self.target_cls.file_ending}".rstrip(".")
        name = self._named(self.get_file_name()).removesuffix(ending)
        return os.path.join(self.get_outdir(), name + ending)  # noqa: PTH118

    def output(self) -> Any:
        """Return the target."""
        if issubclass(self.target_cls, CloudTarget):
            return self.target_cls(outdir=self.get_outdir(), **self.target_kwargs)  # type: ignore[call-arg]
        return self.target_cls(path=self.get_outfile(), **self.target_kwargs)

    def complete(self) -> bool:
        """Tell whether the output is there, made by the present code from the present inputs."""
        from luisy.session import is_complete

        return is_complete(self)

    def read(self) -> Any:
        """Return the output; with download activated, fetch it first if the store has it.

        Raises:
            NotFound: If it is neither here nor, where that is allowed, in the store.
        """
        from luisy.session import prepare_read

        prepare_read(self)
        return self.output().read()

    def read_input(self) -> Any:
        """Return what the one required task made."""
        return self.input().read()

    def write(self, obj: Any) -> None:
        """Write the output, whole or not at all."""
        target = self.output()
        target.makedirs()
        target.write(obj)

    def clean(self) -> None:
        """Remove the output.

        Raises:
            ConfigurationError: If a person made it.
        """
        if self.is_external:
            raise ConfigurationError(
                f"{self} is external: a person made {self.output().path}, luisy does not remove it"
            )
        self.logger.info("Cleaning %s", self)
        self.output().remove()

    def visualize(
        self,
        ax: Any = None,
        unique_children: bool = True,
        parameters_to_exclude: tuple[str, ...] = (),
    ) -> None:
        """Draw the tasks that this one depends on into an axis of matplotlib."""
        from luisy.visualize import visualize_task

        visualize_task(
            self,
            ax=ax,
            unique_children=unique_children,
            parameters_to_exclude=parameters_to_exclude,
        )

    @classmethod
    def get_related_instances(cls, regex_placeholder: str = r"[\S]*") -> list[Any]:
        """Return the instances of this class whose outputs are in the working directory."""
        from luisy.helpers import get_related_instances

        return get_related_instances(cls, regex_placeholder)

    def _place_of_target(self) -> str:
        """Return where the target is below the working directory; empty if it is not there.

        Raises:
            ConfigurationError: If there are several: one would go without a record.
        """
        target = self.output()
        if isinstance(target, luigi.Target):
            return _place(target)
        targets = flatten(target)
        if any(_place(target) for target in targets):
            raise ConfigurationError(
                f"{self.task_family}.output() gives {len(targets)} targets, and the record of a "
                "task is about one: write a folder, or make a task of each (a plain luigi.Task may "
                "have several, but its code is not watched)"
            )
        return ""

    def _named(self, name: object) -> str:
        if isinstance(name, str):
            return name
        method = "get_folder_name" if issubclass(self.target_cls, FolderTarget) else "get_file_name"
        raise ConfigurationError(
            f"{type(self).__name__}.{method}() returned {type(name).__name__}, not text: "
            "does it lack a return?"
        )


def _place(target: Any) -> str:
    """Return the path of a target from the working directory; empty if it is not below it."""
    if not isinstance(target, luigi.LocalTarget) or isinstance(target, CloudTarget):
        return ""
    return _below_working_dir(target.path)


def _below_working_dir(path: str) -> str:
    """Return a path from the working directory; empty if it is not below it."""
    root, path = Config().working_dir, os.path.abspath(path)  # noqa: PTH100
    return path[len(root) :] if path.startswith(root.rstrip(os.sep) + os.sep) else ""


@Task.event_handler(luigi.Event.START)  # type: ignore[untyped-decorator]
def make_outdir(task: Task) -> None:
    """Make the folder of the output before a task runs: the task may put files there itself."""
    from luisy.session import planned_path

    if type(task).output is Task.output and task.target_cls.makedirs is LocalTarget.makedirs:
        path = planned_path(task)  # a target costs more than its path
        if path:
            make_folder_of(path)
            return
    target = task.output()
    if isinstance(target, LocalTarget):
        target.makedirs()


TaskClass.settling = vars(Task)["get_param_values"].__func__
