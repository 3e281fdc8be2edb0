"""Decide what must be downloaded and what must run: a pure function of facts.

The rules, in order:

1. An output is *fresh* when it is there, has a record, was made by the present code (the hashes
   agree), has the recorded content, and was made from the inputs as they are now, none of which
   was skipped. An external output, which a person made, is fresh when it is there.
2. What an input "is now" is its content on disk; else that of a fresh output in the store, if a
   store was asked; else what the record of the absent output says. When none is known, an input
   that is not there has not changed: whoever keeps only the last output keeps it fresh. One that
   a person has replaced in the store has changed.
3. An output in the store is fresh by the same rules, and whole. An external one needs no record
   there.
4. From the root down: an output that is fresh on disk is kept, one that is fresh in the store is
   downloaded, and neither needs what is below it. Everything else runs and needs its requirements.
5. What depends on a task that runs, runs.
6. A plain luigi task is done when its ``complete()`` says so, whatever is below it; the notes of a
   plan say which (`luisy.notes`). A wrapper is as done as its requirements.
7. An external output, or a complete-only task without ``run``, that is needed but nowhere, is
   missing: the plan cannot be carried out.

An outdated output on disk that nothing needs (what is above it is fresh) is left alone and says
nothing about what is above it: the hash of what is above covers the code below.

What a task required only while it ran (`luisy.yielded`) is an input like others when freshness is
judged, but not needed when the task runs again: nobody knows what it will require then.

Known limit: a fresh output whose input is absent, and was never recorded here, hides what is below
that input. Rule 2 applies: what is not there has not changed.

Both passes visit each task and each edge once, the second at most twice, with their own stacks.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from luisy_protocol.record import Record
from luisy_protocol.sync import RemoteOutput

from luisy.facts import Facts
from luisy.notes import notes
from luisy.pipeline import Kind, Pipeline
from luisy.plan import Cause, Plan, Reason, Step, Verdict
from luisy.reasons import differences

_MISSING = Reason(Cause.MISSING, "output missing")
_UNRECORDED = Reason(Cause.UNRECORDED, "no record")
_MODIFIED = Reason(Cause.MODIFIED, "output modified by hand")
_CONTRADICTED = Reason(Cause.UPSTREAM, "what it required while it ran has changed")
_INCOMPLETE = Reason(Cause.INCOMPLETE, "not complete")
_JUDGED_ALONE = {Kind.PLAIN, Kind.PLAIN_EXTERNAL, Kind.EXTERNAL}


def make_plan(
    pipeline: Pipeline, facts: Facts, *, download: bool = False, upload: bool = False
) -> Plan:
    """Return what a run would do.

    Args:
        pipeline: The tasks.
        facts: What is known of each.
        download: Whether outputs may come from the store.
        upload: Whether outputs are to be sent when the run is over.
    """
    freshness = _Freshness(pipeline, facts, download)
    for position in range(len(pipeline.nodes)):
        freshness.judge(position)
    verdicts = _decide(pipeline, freshness)
    steps = tuple(
        _step(pipeline, facts, freshness, verdicts, position)
        for position in range(len(pipeline.nodes))
    )
    uploads = tuple(_uploads(steps, facts)) if upload else ()
    return Plan(steps, uploads, notes(pipeline, steps))


@dataclass(slots=True)
class _Freshness:
    """The first pass, requirements first: which outputs are what the present code would make.

    Attributes:
        reasons: Why the output on disk is not fresh, by position; empty when it is.
        in_store: Whether the store's output is fresh, by position.
        expected: The digest that the task's output has, or will have when it is downloaded; None
            when nothing is known of it.
        changed: Whether the output will be another one than whoever consumed it has seen.
    """

    pipeline: Pipeline
    facts: Facts
    download: bool
    reasons: list[tuple[Reason, ...]] = field(default_factory=list)
    in_store: list[bool] = field(default_factory=list)
    expected: list[str | None] = field(default_factory=list)
    changed: list[bool] = field(default_factory=list)

    def judge(self, position: int) -> None:
        """Judge one task; its requirements have been judged."""
        kind = self.pipeline.nodes[position].kind
        if kind is Kind.OUTPUT:
            self._judge_output(position)
        elif kind is Kind.EXTERNAL:
            self._judge_external(position)
        elif kind is Kind.WRAPPER:
            requires = self.pipeline.nodes[position].requires
            self._note(changed=any(self.changed[below] for below in requires))
        else:
            done = self.facts.is_complete[position]
            self._note(reasons=() if done else (_INCOMPLETE,))

    def _judge_external(self, position: int) -> None:
        local, remote = self.facts.local[position], self._remote(position)
        in_store = remote is not None and remote.is_complete
        if local.content:
            self._note(in_store=in_store, expected=local.content.sha256)
        else:
            claimed = remote.record.sha256 if remote and remote.record else None
            replaced = remote is not None and remote.is_replaced
            self._note(reasons=(_MISSING,), in_store=in_store, expected=claimed, changed=replaced)

    def _judge_output(self, position: int) -> None:
        local, remote = self.facts.local[position], self._remote(position)
        reasons = tuple(self._local_reasons(position))
        in_store = self._is_fresh_in_store(position, remote)
        if not reasons and local.content:
            self._note(expected=local.content.sha256, in_store=in_store)
            return
        if in_store and remote and remote.record:
            self._note(reasons=reasons, in_store=True, expected=remote.record.sha256)
            return
        records = [local.record, remote.record if remote else None]
        changed = any(record and self._has_other_inputs(position, record) for record in records)
        expected = None if changed else self._left_over(position)
        self._note(reasons=reasons, expected=expected, changed=changed)

    def _left_over(self, position: int) -> str | None:
        """Return what is known of an output that is not fresh but whose inputs are the same."""
        local = self.facts.local[position]
        if local.record and local.record.hash != self.facts.identities[position].hash:
            return None
        if local.content:
            return local.content.sha256
        return local.record.sha256 if local.record else None

    def _remote(self, position: int) -> RemoteOutput | None:
        return self.facts.remote[position] if self.download else None

    def _local_reasons(self, position: int) -> Iterator[Reason]:
        local = self.facts.local[position]
        if local.content is None:
            yield _MISSING
        if local.record is None:
            if local.content:
                yield _UNRECORDED
            return
        yield from differences(self.facts.identities[position], local.record)
        if local.content and local.content.sha256 != local.record.sha256:
            yield _MODIFIED
        if local.record.skipped:
            yield _skipped(local.record)
        yield from self._changed_inputs(position, local.record)

    def _is_fresh_in_store(self, position: int, remote: RemoteOutput | None) -> bool:
        if remote is None or remote.record is None or not remote.is_complete:
            return False
        if remote.record.hash != self.facts.identities[position].hash or remote.record.skipped:
            return False
        return not self._has_other_inputs(position, remote.record)

    def _has_other_inputs(self, position: int, record: Record) -> bool:
        return next(self._changed_inputs(position, record), None) is not None

    def _changed_inputs(self, position: int, record: Record) -> Iterator[Reason]:
        for key, digest in record.inputs.items():
            now = self._digest_now(key)
            if now is not None and now != digest:
                yield Reason(Cause.INPUT, f"input changed: {_without_project(key)}", key)
        for key in record.yielded:
            if self._was_other_code(key, record.requires.get(key)):
                yield Reason(Cause.UPSTREAM, f"upstream code changed: {_without_project(key)}", key)
        here = self.pipeline.nodes[position]
        if here.key in self.pipeline.contradicted:
            yield _CONTRADICTED
        for below in (*here.requires, *here.yields):
            if self.changed[below]:
                node = self.pipeline.nodes[below]
                yield Reason(Cause.UPSTREAM, f"upstream changed: {node.name}", node.label)

    def _was_other_code(self, key: str, made_by: str | None) -> bool:
        position = self.pipeline.keys.get(key)
        return position is not None and self.facts.identities[position].hash != made_by

    def _digest_now(self, key: str) -> str | None:
        position = self.pipeline.keys.get(key)
        if position is not None:  # what is judged later is required no more: the hash tells of it
            return self.expected[position] if position < len(self.expected) else None
        content = self.facts.others.get(key)
        return content.sha256 if content else None

    def _note(
        self,
        *,
        reasons: tuple[Reason, ...] = (),
        in_store: bool = False,
        expected: str | None = None,
        changed: bool = False,
    ) -> None:
        self.reasons.append(reasons)
        self.in_store.append(in_store)
        self.expected.append(expected)
        self.changed.append(changed)


def _decide(pipeline: Pipeline, freshness: _Freshness) -> list[Verdict]:
    """The second pass, from the root down, and up again from whatever runs."""
    verdicts = [Verdict.UNNEEDED] * len(pipeline.nodes)
    consumers = _consumers(pipeline)
    needed = [len(pipeline.nodes) - 1]
    running: list[int] = []
    while needed or running:
        if needed:
            position = needed.pop()
            if verdicts[position] is not Verdict.UNNEEDED:
                continue
            verdict = verdicts[position] = _verdict(pipeline, freshness, position)
            if verdict is Verdict.RUN:
                running.append(position)
            elif pipeline.nodes[position].kind is Kind.WRAPPER:
                needed.extend(pipeline.nodes[position].requires)
            continue
        position = running.pop()
        verdicts[position] = Verdict.RUN
        needed.extend(pipeline.nodes[position].requires)
        for above in consumers[position]:
            is_done = pipeline.nodes[above].kind in _JUDGED_ALONE and not freshness.reasons[above]
            if verdicts[above] is not Verdict.RUN and not is_done:
                verdicts[above] = Verdict.RUN
                running.append(above)
    return verdicts


def _verdict(pipeline: Pipeline, freshness: _Freshness, position: int) -> Verdict:
    node = pipeline.nodes[position]
    if not freshness.reasons[position]:
        return Verdict.KEEP
    if freshness.in_store[position]:
        return Verdict.DOWNLOAD
    if node.kind in {Kind.EXTERNAL, Kind.PLAIN_EXTERNAL}:
        return Verdict.MISSING
    return Verdict.RUN


def _consumers(pipeline: Pipeline) -> list[list[int]]:
    consumers: list[list[int]] = [[] for _ in pipeline.nodes]
    for position, node in enumerate(pipeline.nodes):
        for below in (*node.requires, *node.yields):
            consumers[below].append(position)
    return consumers


def _step(
    pipeline: Pipeline,
    facts: Facts,
    freshness: _Freshness,
    verdicts: list[Verdict],
    position: int,
) -> Step:
    node, verdict = pipeline.nodes[position], verdicts[position]
    reasons = freshness.reasons[position]
    if verdict is Verdict.RUN:
        own = [reason for reason in reasons if reason.cause is not Cause.UPSTREAM]
        reasons = (*own, *_upstream(pipeline, verdicts, position)) or reasons
    remote = facts.remote[position] if verdict is Verdict.DOWNLOAD else None
    return Step(
        node.name,
        node.key,
        node.kind,
        verdict,
        reasons,
        (*node.requires, *node.yields),
        is_present=facts.local[position].content is not None,
        is_fresh=not freshness.reasons[position] and node.kind is not Kind.WRAPPER,
        files=len(remote.files) if remote else 0,
        size=remote.size if remote else 0,
    )


def _upstream(pipeline: Pipeline, verdicts: list[Verdict], position: int) -> Iterator[Reason]:
    here = pipeline.nodes[position]
    for below in (*here.requires, *here.yields):
        if verdicts[below] is Verdict.RUN:
            node = pipeline.nodes[below]
            yield Reason(Cause.UPSTREAM, f"upstream runs: {node.name}", node.label)


def _uploads(steps: tuple[Step, ...], facts: Facts) -> Iterator[str]:
    for position, step in enumerate(steps):
        if not step.key:
            continue
        if step.verdict is Verdict.RUN or (
            step.is_present and step.is_fresh and _differs(step, facts, position)
        ):
            yield step.key


def _differs(step: Step, facts: Facts, position: int) -> bool:
    content, remote = facts.local[position].content, facts.remote[position]
    if content is None or remote is None or remote.record is None or not remote.is_complete:
        return True
    # Nobody's code made an external output: its record has no hash, and no inputs.
    local = facts.local[position].record if step.kind is Kind.OUTPUT else None
    made = (local.hash, local.inputs) if local else ("", {})
    return (remote.record.sha256, remote.record.hash, remote.record.inputs) != (
        content.sha256,
        *made,
    )


def _skipped(record: Record) -> Reason:
    count = len(record.skipped)
    files = "1 skipped file is" if count == 1 else f"{count:,} skipped files are"
    return Reason(Cause.SKIPPED, f"{files} tried again")


def _without_project(key: str) -> str:
    return key.partition("/")[2] or key
