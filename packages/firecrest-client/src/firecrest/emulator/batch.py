"""What a batch script asks for in its ``#SBATCH`` lines, and the names of its output files."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

_LONG = {
    "J": "job-name",
    "o": "output",
    "e": "error",
    "t": "time",
    "p": "partition",
    "A": "account",
}
_LONG |= {"a": "array", "d": "dependency", "D": "chdir", "N": "nodes"}
_MOST_TASKS = 1000


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives that the local queue honours.

    Attributes:
        name: The job's name.
        partition: Where it runs.
        output: The pattern of the output file.
        error: The pattern of the error file; empty if it is the output file.
        limit: The time limit in seconds.
        array: The indices of an array job, or nothing.
        after: The job that must end well before.
    """

    name: str
    partition: str
    output: str
    error: str
    limit: int
    array: tuple[int, ...]
    after: str


def read(script: str, *, file_name: str, partition: str, default_limit: int) -> Directives:
    """Read a script.

    Raises:
        ValueError: With the text that ``sbatch`` would print.
    """
    if not script.strip():
        raise ValueError("sbatch: error: Batch script is empty!")
    if not script.startswith("#!"):
        raise ValueError(
            "sbatch: error: This does not look like a batch script.  The first\n"
            "sbatch: error: line must start with #! followed by the path to an interpreter."
        )
    options = _options(script)
    array = _array(options.get("array", ""))
    return Directives(
        name=options.get("job-name", file_name),
        partition=options.get("partition", partition),
        output=options.get("output", "slurm-%A_%a.out" if array else "slurm-%j.out"),
        error=options.get("error", ""),
        limit=_seconds(options["time"]) if "time" in options else default_limit,
        array=array,
        after=options.get("dependency", "").removeprefix("afterok:"),
    )


def _options(script: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in script.splitlines()[1:]:
        if line.strip() and not line.startswith("#"):
            break
        if not line.startswith("#SBATCH"):
            continue
        words = shlex.split(line.removeprefix("#SBATCH"), comments=True)
        while words:
            name, value = _option(words)
            found[name] = value
    return found


def _option(words: list[str]) -> tuple[str, str]:
    word = words.pop(0)
    if word.startswith("--"):
        name, equals, value = word[2:].partition("=")
        return name, value if equals or not words or words[0].startswith("-") else words.pop(0)
    if re.match(r"-[a-zA-Z]", word):
        value = word[2:] or (words.pop(0) if words else "")
        return _LONG.get(word[1], word[1]), value
    raise ValueError(f"sbatch: error: invalid directive: {word}")


def _seconds(text: str) -> int:
    """Read Slurm's forms of a time: M, M:S, H:M:S, D-H, D-H:M, D-H:M:S."""
    if not re.fullmatch(r"(\d+-)?\d+(:\d+){0,2}", text):
        raise ValueError("sbatch: error: Invalid --time specification")
    days, dash, rest = text.rpartition("-")
    parts = [int(part) for part in rest.split(":")]
    if dash:
        hours, minutes, seconds = (*parts, 0, 0)[:3]
    elif len(parts) == 3:
        hours, minutes, seconds = parts
    else:
        hours, (minutes, seconds) = 0, (*parts, 0)[:2]
    return ((int(days or 0) * 24 + hours) * 60 + minutes) * 60 + seconds


def _array(text: str) -> tuple[int, ...]:
    indices: list[int] = []
    for part in text.partition("%")[0].split(",") if text else ():
        match = re.fullmatch(r"(\d+)(?:-(\d+)(?::(\d+))?)?", part)
        if not match:
            raise ValueError("sbatch: error: Invalid job array specification")
        first, last, step = (int(group) if group else None for group in match.groups())
        assert first is not None  # noqa: S101 - the pattern's first group always matches
        indices.extend(range(first, (first if last is None else last) + 1, step or 1))
    if len(indices) > _MOST_TASKS:
        raise ValueError("sbatch: error: Batch job submission failed: Invalid job array")
    return tuple(indices)


def fill(pattern: str, *, job: str, array: str, index: str, name: str, user: str) -> str:
    """Fill in the ``%`` marks of a file name as Slurm does."""
    marks = {"%": "%", "j": job, "J": job, "A": array, "a": index, "x": name, "u": user}
    marks |= {"N": "localhost", "n": "0", "t": "0", "s": "batch"}
    return re.sub(r"%\d*([%jJAaxuNnts])", lambda match: marks[match[1]], pattern)
