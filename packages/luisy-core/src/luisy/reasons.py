"""Find the words for why a recorded output is not what the present code would make."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from luisy_protocol.record import Record

from luisy.facts import Identity
from luisy.plan import Cause, Reason


def differences(identity: Identity, record: Record) -> tuple[Reason, ...]:
    """Say what differs between the code that made an output and the present code.

    What is required comes last: it has reasons of its own, at the task that it is about.
    """
    if record.hash == identity.hash:
        return ()
    found = (
        *_parameters(record.parameters, identity.parameters),
        *_parts(record.parts, identity.parts),
        *_requires(_static(record), identity.requires),
    )
    return found or (Reason(Cause.CODE, "code changed"),)


def _parameters(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    for name in sorted(old.keys() | new.keys()):
        before, after = old.get(name), new.get(name)
        if before == after:
            continue
        if before is None:
            text = f"parameter added: {name} = {after}"
        elif after is None:
            text = f"parameter removed: {name}"
        else:
            text = f"parameter changed: {name}: {before} -> {after}"
        yield Reason(Cause.PARAMETER, text, name)


def _parts(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    # A record without parts came from luisy 1.4 or another tool: there is nothing to compare.
    if not old:
        return
    for change in ("changed", "added", "removed"):
        for part in sorted(old.keys() | new.keys()):
            before, after = old.get(part), new.get(part)
            if before != after and _change(before, after) == change:
                yield _part(part, before, after)


def _change(before: str | None, after: str | None) -> str:
    if before is None:
        return "added"
    return "removed" if after is None else "changed"


def _part(part: str, before: str | None, after: str | None) -> Reason:
    file, _, name = part.partition(":")
    if file == "library":
        versions = f"{name} {before or 'not used'} -> {after or 'not used'}"
        return Reason(Cause.LIBRARY, versions, part)
    change = _change(before, after)
    if file == "file":
        return Reason(Cause.CODE, f"data file {change}: {name}", part)
    where = file if name == "*" else f"{name} in {file}"
    return Reason(Cause.CODE, f"code {change}: {where}", part)


def _static(record: Record) -> Mapping[str, str]:
    return {key: made_by for key, made_by in record.requires.items() if key not in record.yielded}


def _requires(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[Reason]:
    for label in sorted(old.keys() | new.keys()):
        if label not in old:
            text = f"requirement added: {label}"
        elif label not in new:
            text = f"requirement removed: {label}"
        elif old[label] != new[label]:
            yield Reason(Cause.UPSTREAM, f"upstream code changed: {label}", label)
            continue
        else:
            continue
        yield Reason(Cause.REQUIREMENT, text, label)
