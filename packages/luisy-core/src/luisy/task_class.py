"""The class of task classes: luigi's, but what it looks up for each instance is looked up once.

luigi lists the parameters of a class by looking at all its attributes, four times for each
instance, and asks its configuration for each default, four times as well. A pipeline of 10,000
instances would spend seconds on that. Here the list is kept until an attribute of a task class
changes that is, or was, a parameter (`luisy.inherits` adds some), and a default is asked for only
where the configuration or the command line has something to say about this class.

Known limit: a parameter that is added to a mixin that is no task, after a task with that mixin was
used, is not seen.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, TypeAlias

import luigi
from luigi.cmdline_parser import CmdlineParser
from luigi.parameter import _no_value
from luigi.task_register import Register

from luisy.loaded import note

_UNHASHABLE = (list, set)
_ORDINARY = (
    luigi.Parameter,
    property,
    classmethod,
    staticmethod,
    types.FunctionType,
    types.WrapperDescriptorType,
    types.MethodDescriptorType,
    types.ClassMethodDescriptorType,
    types.GetSetDescriptorType,
)

Parameters: TypeAlias = list[tuple[str, luigi.Parameter[Any]]]


class Settled(list[tuple[str, Any]]):
    """The name and the value of each parameter, as luigi keeps them.

    luigi asks for them twice more to make an instance: then it gets the very same.
    """


class TaskClass(Register):
    """The metaclass of `luisy.Task`."""

    _parameters: ClassVar[dict[type, Parameters]] = {}
    _naming: ClassVar[dict[type, Parameters]] = {}

    settling: ClassVar[object] = None
    """The `get_param_values` that takes `Settled` values: that of `luisy.Task`."""

    def __init__(cls, *args: Any, **kwargs: Any) -> None:  # noqa: N805
        """Note the source that the class is made from."""
        super().__init__(*args, **kwargs)
        note(cls.__module__)

    def __setattr__(cls, name: str, value: object) -> None:  # noqa: N805
        if isinstance(value, luigi.Parameter) or isinstance(
            getattr(cls, name, None), luigi.Parameter
        ):
            _forget()
        super().__setattr__(name, value)

    def __delattr__(cls, name: str) -> None:  # noqa: N805
        _forget()
        super().__delattr__(name)

    def __call__(cls: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: N805
        """Make an instance, or return the one with these parameters."""
        if (
            cls.__init__ is luigi.Task.__init__
            and cls.__new__ is object.__new__
            and cls.get_param_values.__func__ is TaskClass.settling
        ):
            values = cls.get_param_values(cls.get_params(), args, kwargs)
            return super().__call__(values)  # type: ignore[no-untyped-call]
        return super().__call__(*args, **kwargs)  # type: ignore[no-untyped-call]

    def known_parameters(cls: Any) -> Parameters:  # noqa: N805
        """Return the parameters of the class in the order of their definition."""
        known = TaskClass._parameters.get(cls)
        if known is None:
            found: dict[str, object] = {}
            for owner in reversed(cls.__mro__):  # luigi looks at each attribute by its name
                found.update(vars(owner))
            parameters = [
                (name, value)
                for name, value in _attributes(cls, found)
                if isinstance(value, luigi.Parameter)
            ]
            known = sorted(parameters, key=lambda item: (item[1]._counter, item[0]))
            TaskClass._parameters[cls] = known
        return known

    def naming_parameters(cls: Any) -> Parameters:  # noqa: N805
        """Return the parameters that enter the file name, sorted by name."""
        naming = TaskClass._naming.get(cls)
        if naming is None:
            parameters = dict(cls.get_params())
            names = sorted(set(cls.get_param_names()) - {"working_dir"})
            naming = TaskClass._naming[cls] = [(name, parameters[name]) for name in names]
        return naming


def _attributes(cls: type, found: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Yield the attributes of a class as it gives them, ordinary ones as they are defined."""
    for name, value in found.items():
        kind = type(value)
        is_given = hasattr(kind, "__get__") and not issubclass(kind, _ORDINARY)
        yield name, getattr(cls, name, None) if is_given else value


def _forget() -> None:
    TaskClass._parameters.clear()
    TaskClass._naming.clear()


def plain_values(
    family: str, parameters: Parameters, args: Sequence[Any], kwargs: Mapping[str, Any]
) -> Settled | None:
    """Return the values where nobody but the caller has a say in them, else None.

    Args:
        family: The task family, which names its section in luigi's configuration.
        parameters: All parameters of the class.
        args: The values given by position.
        kwargs: The values given by name.
    """
    given = {**kwargs, **_by_name(parameters, args)} if args else kwargs
    if len(given) != len(args) + len(kwargs) or (
        len(given) < len(parameters) and _is_configured(family)
    ):
        return None
    typed = vars(parser.known_args) if (parser := CmdlineParser.get_instance()) else {}
    values, unknown = Settled(), len(given)
    for name, parameter in parameters:  # a loop, for each comprehension would be a call
        if name in given:
            value = given[name]
            unknown -= 1
        else:
            value = parameter._default
            if value is _no_value or parameter._config_path or typed.get(f"{family}_{name}"):
                return None
        value = parameter.normalize(value)
        values.append((name, tuple(value) if isinstance(value, _UNHASHABLE) else value))
    return None if unknown else values


def _by_name(parameters: Parameters, args: Sequence[Any]) -> Mapping[str, Any]:
    names = [name for name, parameter in parameters if parameter.positional]
    return dict(zip(names, args, strict=False))


def _is_configured(family: str) -> bool:
    config = luigi.configuration.get_config()
    return family in config.sections() or bool(getattr(config, "defaults", dict)())
