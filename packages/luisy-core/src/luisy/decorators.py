"""The decorators of task classes: layer, kind of output, file name, project, requirements."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Protocol, TypeVar, overload

import luigi
from luisy_protocol.errors import ConfigurationError

from luisy.config import Config
from luisy.file_name import Named, file_name, plain_file_name
from luisy.requires import inherits, requires
from luisy.targets.folders import ParquetDirTarget
from luisy.targets.frames import CSVTarget, FeatherTarget, HDFTarget, ParquetTarget, XLSXTarget
from luisy.targets.local import LuisyTarget
from luisy.targets.objects import JSONTarget, PickleTarget
from luisy.targets.tables import AzureBlobStorageTarget, DeltaTableTarget

if TYPE_CHECKING:
    from luisy.task import Task

__all__ = [
    "auto_filename",
    "azure_blob_storage_input",
    "azure_blob_storage_output",
    "csv_output",
    "deltatable_input",
    "deltatable_output",
    "feather_output",
    "final",
    "hdf_output",
    "inherits",
    "interim",
    "json_output",
    "make_output_decorator",
    "parquet_output",
    "parquetdir_output",
    "pickle_output",
    "project_name",
    "raw",
    "requires",
    "xlsx_output",
]

Class = TypeVar("Class", bound=type[luigi.Task])


class ClassDecorator(Protocol):
    """A decorator of classes that may be written with or without parentheses."""

    @overload
    def __call__(self, cls_py: Class, /) -> Class: ...

    @overload
    def __call__(self, **kwargs: Any) -> Callable[[Class], Class]: ...


def make_output_decorator(target_cls: type[LuisyTarget]) -> ClassDecorator:
    """Return a decorator, with or without arguments, that gives tasks this kind of output.

    Args:
        target_cls: The kind of output. The decorator's arguments become its keyword arguments.
    """

    def output_decorator(cls_py: type | None = None, /, **kwargs: Any) -> Any:
        def decorate(cls: Any) -> Any:
            cls.target_cls = target_cls
            cls.target_kwargs = kwargs
            return cls

        return decorate if cls_py is None else decorate(cls_py)

    output_decorator.__doc__ = (target_cls.__doc__ or "").replace("A", "Let a task write a", 1)
    return output_decorator


csv_output = make_output_decorator(CSVTarget)
feather_output = make_output_decorator(FeatherTarget)
hdf_output = make_output_decorator(HDFTarget)
json_output = make_output_decorator(JSONTarget)
parquet_output = make_output_decorator(ParquetTarget)
pickle_output = make_output_decorator(PickleTarget)
xlsx_output = make_output_decorator(XLSXTarget)


@overload
def parquetdir_output(cls_py: Class) -> Class: ...


@overload
def parquetdir_output(*, outdir: str | None = None) -> Callable[[Class], Class]: ...


def parquetdir_output(cls_py: Any = None, outdir: str | None = None) -> Any:
    """Let a task write a folder of parquet files.

    Args:
        cls_py: The class, where the decorator is written without parentheses.
        outdir: The name of the folder; without it `get_folder_name` of the task names it.
    """

    def decorate(cls: Any) -> Any:
        cls.target_cls = ParquetDirTarget
        cls.target_kwargs = {}
        if outdir is not None:
            cls.get_folder_name = lambda _task: outdir
        return cls

    return decorate if cls_py is None else decorate(cls_py)


def project_name(project_name: str) -> Callable[[Class], Class]:
    """Put the outputs of a task into this project instead of the one named after its module."""

    def decorate(cls: Class) -> Class:
        cls.project_name = project_name  # type: ignore[attr-defined]
        return cls

    return decorate


@overload
def auto_filename(cls_py: Class) -> Class: ...


@overload
def auto_filename(
    *, excl_params: Sequence[str] | None = None, excl_none: bool = False
) -> Callable[[Class], Class]: ...


def auto_filename(
    cls_py: Any = None, excl_params: Sequence[str] | None = None, excl_none: bool = False
) -> Any:
    """Name the output file after the task's family and its significant parameters.

    Args:
        cls_py: The class, where the decorator is written without parentheses.
        excl_params: The names of parameters to leave out.
        excl_none: Whether parameters that are None are left out.
    """
    excluded = frozenset(excl_params or ())

    def get_file_name(task: Task) -> str:
        unknown = excluded - task.param_kwargs.keys()  # `requires` above may have added some
        if unknown:
            raise ConfigurationError(
                f"auto_filename excludes '{min(unknown)}', which is no parameter of "
                f"{type(task).__name__}"
            )
        named: Named = task.named_parameters()
        if excluded or excl_none:
            named = [
                (name, parameter, value)
                for name, parameter, value in named
                if name not in excluded and not (excl_none and value is None)
            ]
        if task.is_external:
            return plain_file_name(task.get_task_family(), named)
        nested = excl_none and _is_nested(task.get_param_names())
        return file_name(task.get_task_family(), named, nested=nested)

    def decorate(cls: Any) -> Any:
        cls.get_file_name = get_file_name
        return cls

    return decorate if cls_py is None else decorate(cls_py)


def _is_nested(names: Sequence[str]) -> bool:
    return any(one.endswith(f"_{other}") for one in names for other in names)


def _layer(layer: str) -> ClassDecorator:
    def get_outdir(task: Task) -> str:
        working_dir = Config().working_dir
        return os.path.join(working_dir, task.project_name, layer, task.get_sub_dir())  # noqa: PTH118

    def decorate(cls: Any) -> Any:
        cls.layer = layer
        cls.get_outdir = get_outdir
        return cls

    def layer_decorator(cls_py: Any = None, /, **kwargs: Any) -> Any:
        if kwargs:
            raise TypeError(f"{layer} takes no argument '{min(kwargs)}'")
        return decorate if cls_py is None else decorate(cls_py)

    layer_decorator.__doc__ = (
        f"Put the output of a task into the folder ``{layer}`` of its project."
    )
    return layer_decorator


raw = _layer("raw")
interim = _layer("interim")
final = _layer("final")


def deltatable_output(
    catalog: str | None = None, schema: str | None = None, table_name: str | None = None
) -> Callable[[Class], Class]:
    """Let a task write a table of Spark's catalog."""
    return make_output_decorator(DeltaTableTarget)(
        catalog=catalog, schema=schema, table_name=table_name
    )


def deltatable_input(
    catalog: str | None = None, schema: str | None = None, table_name: str | None = None
) -> Callable[[Class], Class]:
    """Let a task read a table of Spark's catalog as its input."""
    return _input(DeltaTableTarget, catalog=catalog, schema=schema, table_name=table_name)


def azure_blob_storage_output(
    endpoint: str, directory: str, file_format: str = "parquet", inferschema: bool = False
) -> Callable[[Class], Class]:
    """Let a task write a folder that Spark reaches by URL."""
    return make_output_decorator(AzureBlobStorageTarget)(
        endpoint=endpoint, directory=directory, file_format=file_format, inferschema=inferschema
    )


def azure_blob_storage_input(
    endpoint: str, directory: str, file_format: str = "parquet", inferschema: bool = False
) -> Callable[[Class], Class]:
    """Let a task read a folder that Spark reaches by URL as its input."""
    return _input(
        AzureBlobStorageTarget,
        endpoint=endpoint,
        directory=directory,
        file_format=file_format,
        inferschema=inferschema,
    )


def _input(target_cls: Callable[..., LuisyTarget], **kwargs: Any) -> Callable[[Class], Class]:
    def decorate(cls: Class) -> Class:
        cls.input = lambda _task: target_cls(**kwargs)  # type: ignore[method-assign]
        return cls

    return decorate


def __getattr__(name: str) -> Any:
    from luisy.extensions import load

    return load(name, module=__name__)
