r"""Find the instances of a task class whose outputs are on disk.

Two sources are asked. The records of the project hold the parameters of every output that luisy
made. For outputs without a record the path tells: a probe of the class whose parameters are
placeholders names its output, the name becomes a pattern, and what stands in the places of the
placeholders is parsed by the parameters. An instance counts only if it names the very file that was
found.

Known limit: a path that is computed from a parameter (``f"{self.day:%Y}"``) cannot be turned into a
pattern; then only the records tell.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import luigi
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.local_records import LocalRecords

from luisy.config import Config
from luisy.targets.tables import CloudTarget

_PLACEHOLDER = "zz{}zz"


def find_instances(task_cls: Any, value_pattern: str = r"[\S]*") -> list[Any]:
    """Return the instances with an output in the working directory, ordered by path.

    Args:
        task_cls: The class of a luisy task.
        value_pattern: A regular expression that the text of each parameter in the path must match.

    Raises:
        ConfigurationError: If the outputs of the class are not files.
    """
    if issubclass(task_cls.target_cls, CloudTarget):
        raise ConfigurationError(f"the outputs of {task_cls.__name__} are not in the working dir")
    found: dict[str, Any] = {}
    for task in (*_by_path(task_cls, value_pattern), *_by_records(task_cls, value_pattern)):
        found.setdefault(task.get_outfile(), task)
    return [found[path] for path in sorted(found)]


def _by_records(task_cls: Any, value_pattern: str) -> Iterator[Any]:
    path = Path(Config().working_dir, task_cls.project_name, ".luisy.hash")
    if not path.exists():
        return
    matches = re.compile(value_pattern).fullmatch
    names = {name for name, parameter in task_cls.get_params() if parameter.significant}
    for record in LocalRecords(path).read().records.values():
        if record.parameters.keys() != names or not _may_be_of(task_cls, record.key):
            continue
        task = _made(task_cls, record.parameters)
        is_wanted = all(matches(text) for text in record.parameters.values())
        if task is not None and is_wanted and task.key == record.key and task.output().exists():
            yield task


def _may_be_of(task_cls: Any, key: str) -> bool:
    ending = task_cls.target_cls.file_ending
    return not ending or key.endswith(f".{ending}")


def _by_path(task_cls: Any, value_pattern: str) -> Iterator[Any]:
    try:
        template = _template(task_cls)
    except (TypeError, ValueError, AttributeError, KeyError, IndexError):
        return
    parameters = dict(task_cls.get_params())
    pattern = _pattern(template, parameters, value_pattern)
    for path in _paths(template):
        match = pattern.fullmatch(path)
        if match:
            yield from _tasks_of(task_cls, path, match.groupdict())


def _template(task_cls: Any) -> str:
    """Return the path of the output of an instance with placeholders for values."""
    probe = task_cls.__new__(task_cls)
    for name, _ in task_cls.get_params():
        probe.__dict__[name] = _PLACEHOLDER.format(name.casefold())
    return str(probe.get_outfile())


def _pattern(template: str, names: Iterable[str], value_pattern: str) -> re.Pattern[str]:
    pattern = re.escape(template)
    for name in names:
        place = re.escape(_PLACEHOLDER.format(name.casefold()))
        pattern = pattern.replace(place, f"(?P<{name}>{value_pattern})", 1)
        pattern = pattern.replace(place, f"(?P={name})")
    return re.compile(pattern)


def _paths(template: str) -> Iterator[str]:
    """Yield all files and folders below the last folder whose name holds no placeholder."""
    fixed = template.partition("zz")[0] if "zz" in template else template
    for folder, folders, files in os.walk(os.path.dirname(fixed)):  # noqa: PTH120
        for name in (*folders, *files):
            yield os.path.join(folder, name)  # noqa: PTH118


def _tasks_of(task_cls: Any, path: str, texts: Mapping[str, str]) -> Iterator[Any]:
    """Yield the instance that names this path, trying the ways in which a value may be written."""
    for parse in (_parse, _parse_elements):
        values = parse(task_cls, texts)
        task = None if values is None else _instance(task_cls, values)
        if task is not None and task.get_outfile() == path:
            yield task
            return


def _parse(task_cls: Any, texts: Mapping[str, str]) -> dict[str, Any] | None:
    parameters = dict(task_cls.get_params())
    try:
        return {name: parameters[name].parse(text) for name, text in texts.items()}
    except (ValueError, TypeError, KeyError, NotImplementedError):
        return None


def _parse_elements(task_cls: Any, texts: Mapping[str, str]) -> dict[str, Any] | None:
    """Parse like `_parse`, but take lists apart where file names join them."""
    lists = (luigi.ListParameter, luigi.TupleParameter)
    parameters = dict(task_cls.get_params())
    joined = {name for name in texts if isinstance(parameters[name], lists)}
    others = _parse(task_cls, {name: text for name, text in texts.items() if name not in joined})
    if others is None:
        return None
    elements = {name: texts[name].split("_") if texts[name] else [] for name in joined}
    return {**others, **{name: tuple(map(_element, found)) for name, found in elements.items()}}


def _element(text: str) -> Any:
    words = {"True": True, "False": False, "None": None}
    if text in words:
        return words[text]
    try:
        return json.loads(text)
    except ValueError:
        return text


def _instance(task_cls: Any, values: Mapping[str, Any]) -> Any:
    try:
        return task_cls(**values)
    except (ValueError, TypeError, luigi.parameter.ParameterException):
        return None


def _made(task_cls: Any, texts: Mapping[str, str]) -> Any:
    try:
        return task_cls.from_str_params(dict(texts))
    except (ValueError, TypeError, KeyError, luigi.parameter.ParameterException):
        return None
