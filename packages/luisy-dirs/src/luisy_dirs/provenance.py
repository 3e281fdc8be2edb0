"""What a directory was made of, where only the records tell: it came from a store, say.

The record of a directory has the digest of each input as it was then. If the record of an input
still has that digest, its list of files tells the digest of each input file. Which file was made of
it follows from its name, as long as each input file becomes one file at most; if there is a file in
the directory that this does not explain, nothing is known.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from luisy_protocol.record import Content, Record

from luisy_dirs.sources import Look, Source, made_as, others_of

Known = tuple[str, str, Mapping[str, Content]]


def provenance(
    task: Any, found: Sequence[Source], look: Look, records: Mapping[str, Record]
) -> list[Known]:
    """Return, for input files with their digests, what the directory has that was made of each.

    Args:
        task: The task that makes the directory.
        found: The directories it requires.
        look: What is in its inputs now.
        records: The records of its output, if the present code made it, and of its inputs.
    """
    own = records.get(task.key)
    if own is None or own.files is None or inspect.isgeneratorfunction(type(task).process):
        return []
    if any(own.inputs.get(key) != sha256 for key, sha256 in others_of(task, found, look).items()):
        return []
    suffix, files = task.output().suffix, own.files
    known: list[Known] = [
        (f"{source.key}/{name}", sha256, {made: files[made]})
        for source, name, sha256 in _then(found, own, records)
        if (made := made_as(name, suffix)) in files
    ]
    explained = {name for _, _, made in known for name in made}
    return known if len(known) == len(explained) == len(files) else []


def _then(
    found: Sequence[Source], own: Record, records: Mapping[str, Record]
) -> Iterator[tuple[Source, str, str]]:
    """Yield the input files that there were: the directory, the name and the digest of each."""
    for source in found:
        record = records.get(source.key)
        if record and record.files and record.sha256 == own.inputs.get(source.key):
            for name, content in record.files.items():
                if source.target.selects(name) and f"{source.key}/{name}" not in own.skipped:
                    yield source, name, content.sha256
