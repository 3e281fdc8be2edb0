"""The planner on plain values: a small language for pipelines, facts and expected verdicts."""

from collections.abc import Iterable, Mapping

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from luisy.facts import Facts, Identity, LocalOutput
from luisy.pipeline import Kind, Node, Pipeline
from luisy.plan import Cause, Verdict
from luisy.planner import make_plan
from luisy_protocol.record import Content, Record
from luisy_protocol.sync import RemoteOutput

A, B, M, F = "p/raw/a", "p/raw/b", "p/interim/M", "p/final/F"


class FakeTask:
    def __init__(self, name: str) -> None:
        self.task_id = name

    def __repr__(self) -> str:
        return f"{self.task_id}()"


def pipeline_of(requires: Mapping[str, Iterable[str]], kinds: Mapping[str, Kind]) -> Pipeline:
    positions = {key: position for position, key in enumerate(requires)}
    nodes = tuple(
        Node(
            FakeTask(key.rpartition("/")[2]),
            kinds.get(key, Kind.OUTPUT),
            "" if kinds.get(key) in {Kind.WRAPPER, Kind.PLAIN, Kind.PLAIN_EXTERNAL} else key,
            "p",
            tuple(positions[below] for below in required),
        )
        for key, required in requires.items()
    )
    keys = {node.key: position for position, node in enumerate(nodes) if node.key}
    return Pipeline(nodes, {node.task: position for position, node in enumerate(nodes)}, keys)


class World:
    """The pipeline of the tutorial, and what is where."""

    def __init__(self, requires=None, kinds=None):
        self.requires = requires or {A: [], M: [A], B: [], F: [M, B]}
        self.kinds = kinds or {A: Kind.EXTERNAL, B: Kind.EXTERNAL}
        self.hashes = dict.fromkeys(self.requires, "new")
        self.content = {}
        self.records = {}
        self.remote = {}
        self.complete = set()

    def record(self, key, *, content=None, made_by="new", **inputs):
        external = self.kinds.get(key) is Kind.EXTERNAL
        seen = {below: f"{below}-1" for below in self.requires[key]}
        return Record(
            key=key,
            hash="" if external else made_by,
            sha256=content or f"{key}-1",
            size=1,
            inputs={**seen, **inputs},
            origin="external" if external else "run",
        )

    def put(self, *keys, content=None, made_by="new", recorded=True):
        for key in keys:
            self.content[key] = content or f"{key}-1"
            if recorded:
                self.records[key] = self.record(key, content=content, made_by=made_by)
        return self

    def store(self, *keys, made_by="new", recorded=True, content=None, complete=True):
        for key in keys:
            record = self.record(key, made_by=made_by, content=content) if recorded else None
            self.remote[key] = RemoteOutput(key, record, {key: 7}, complete)
        return self

    def drop(self, *keys):
        for key in keys:
            del self.content[key]
        return self

    def plan(self, *, download=False, upload=False):
        pipeline = pipeline_of(self.requires, self.kinds)
        facts = Facts(
            [Identity(self.hashes[key], {}, {}, {}) for key in self.requires],
            [
                LocalOutput(
                    Content(self.content[key], 1) if key in self.content else None,
                    self.records.get(key),
                )
                for key in self.requires
            ],
            [self.remote.get(key) for key in self.requires],
            [key in self.complete for key in self.requires],
        )
        return make_plan(pipeline, facts, download=download, upload=upload)

    def verdicts(self, **wishes):
        steps = self.plan(**wishes).steps
        return {key: step.verdict for key, step in zip(self.requires, steps, strict=True)}

    def reasons(self, key, **wishes):
        steps = dict(zip(self.requires, self.plan(**wishes).steps, strict=True))
        return [reason.text for reason in steps[key].reasons]


KEEP, RUN, DOWNLOAD = Verdict.KEEP, Verdict.RUN, Verdict.DOWNLOAD
UNNEEDED, MISSING = Verdict.UNNEEDED, Verdict.MISSING


def test_first_run_runs_everything_but_inputs():
    assert World().put(A, B, recorded=False).verdicts() == {A: KEEP, B: KEEP, M: RUN, F: RUN}


def test_fresh_root_needs_nothing_below():
    world = World().put(A, B, M, F)
    assert world.verdicts() == {A: UNNEEDED, B: UNNEEDED, M: UNNEEDED, F: KEEP}
    assert not world.plan().has_work


def test_fresh_root_is_kept_when_everything_below_is_absent():
    world = World().put(A, B, M, F).drop(A, B, M)
    assert world.verdicts()[F] is KEEP


def test_document_downloads_exactly_what_the_root_needs():
    world = World().store(A, B, M)
    assert world.verdicts(download=True) == {A: UNNEEDED, M: DOWNLOAD, B: DOWNLOAD, F: RUN}


def test_root_that_is_fresh_in_the_store_is_all_that_is_downloaded():
    world = World().store(A, B, M, F)
    verdicts = world.verdicts(download=True)
    assert [key for key, verdict in verdicts.items() if verdict is not UNNEEDED] == [F]


def test_store_counts_for_nothing_without_download():
    assert World().store(A, B, M, F).verdicts()[F] is RUN


def test_code_changed_upstream_runs_all_that_depends_on_it():
    world = World().put(A, B, M, F)
    world.hashes.update({M: "newer", F: "newer"})
    assert world.verdicts() == {A: KEEP, B: KEEP, M: RUN, F: RUN}
    assert world.reasons(F)[-1] == "upstream runs: M"


def test_changed_raw_file_reruns_what_consumed_it():
    world = World().put(A, B, M, F)
    world.content[B] = "b-2"
    assert world.verdicts() == {A: UNNEEDED, M: KEEP, B: KEEP, F: RUN}
    assert world.reasons(F) == ["input changed: raw/b"]


def test_input_that_is_required_no_more_may_come_later():
    world = World({B: [], M: [B], A: [], F: [M, A]}).put(A, B, F)
    world.hashes.update({M: "newer", F: "newer"})
    world.content[M], world.records[M] = f"{M}-1", world.record(M, **{A: "a-0"})
    assert world.verdicts() == {B: KEEP, M: RUN, A: KEEP, F: RUN}


def test_changed_raw_file_reaches_the_root_through_an_absent_output():
    world = World().put(A, B, M, F).drop(M)
    world.content[A] = "a-2"
    assert world.verdicts() == {A: KEEP, M: RUN, B: KEEP, F: RUN}


def test_changed_raw_file_makes_the_stores_output_outdated():
    world = World().store(A, B, M, F).put(A, recorded=False)
    world.content[A] = "a-2"
    assert world.verdicts(download=True) == {A: KEEP, M: RUN, B: DOWNLOAD, F: RUN}


def test_output_changed_by_hand_is_made_again():
    world = World().put(A, B, M, F)
    world.content[M] = "tampered"
    assert world.verdicts() == {A: KEEP, M: RUN, B: KEEP, F: RUN}
    assert world.reasons(M) == ["output modified by hand"]


def test_output_without_record_does_not_count():
    world = World().put(A, B, M).put(F, recorded=False)
    assert world.verdicts()[F] is RUN
    assert world.reasons(F) == ["no record"]


def test_missing_output_that_is_needed_runs():
    world = World().put(A, B, M, F).drop(M, F)
    assert world.verdicts() == {A: KEEP, M: RUN, B: KEEP, F: RUN}
    assert world.reasons(M) == ["output missing"]


def test_outdated_output_below_a_fresh_one_is_left_alone():
    world = World().put(A, B, F).put(M, made_by="old", content="M-0")
    assert world.verdicts()[F] is KEEP


def test_input_that_is_nowhere_is_missing():
    assert World().put(B).verdicts()[A] is MISSING
    assert World().put(B).verdicts(download=True)[A] is MISSING


def test_external_output_in_the_store_needs_no_record():
    world = World().put(A).store(B, recorded=False)
    assert world.verdicts(download=True)[B] is DOWNLOAD


@pytest.mark.parametrize(
    "damage", [{"recorded": False}, {"complete": False}, {"made_by": "old"}], ids=str
)
def test_output_in_the_store_that_is_not_fresh_is_run(damage):
    world = World().put(A, B).store(M, **damage)
    assert world.verdicts(download=True)[M] is RUN


def test_store_that_was_given_another_raw_file_is_outdated():
    world = World().store(B, M, F).store(A, content="a-2")
    assert world.verdicts(download=True) == {A: DOWNLOAD, M: RUN, B: DOWNLOAD, F: RUN}


def test_what_depends_on_a_task_that_runs_runs():
    requires = {A: [], M: [A], "p/x": [M], "p/y": [M], F: ["p/x", "p/y"]}
    world = World(requires, {A: Kind.EXTERNAL}).put(A, M, "p/x", "p/y", F).drop(M)
    world.hashes.update({"p/x": "newer", F: "newer"})
    assert world.verdicts() == {A: KEEP, M: RUN, "p/x": RUN, "p/y": RUN, F: RUN}


def test_wrapper_is_as_done_as_what_it_requires():
    requires = {A: [], M: [A], "w": [M], F: ["w"]}
    world = World(requires, {A: Kind.EXTERNAL, "w": Kind.WRAPPER})
    world.put(A)
    assert world.verdicts() == {A: KEEP, M: RUN, "w": RUN, F: RUN}


def test_wrapper_as_root_keeps_what_is_fresh():
    requires = {A: [], M: [A], "p/x": [A], "w": [M, "p/x"]}
    world = World(requires, {A: Kind.EXTERNAL, "w": Kind.WRAPPER}).put(A, M)
    assert world.verdicts() == {A: KEEP, M: KEEP, "p/x": RUN, "w": RUN}


def test_complete_plain_task_is_done_whatever_is_below():
    requires = {A: [], M: [A], "plain": [M]}
    world = World(requires, {A: Kind.EXTERNAL, "plain": Kind.PLAIN}).put(A)
    assert world.verdicts()["plain"] is RUN
    world.complete.add("plain")
    assert world.verdicts() == {A: UNNEEDED, M: UNNEEDED, "plain": KEEP}


def test_incomplete_plain_task_without_run_is_missing():
    world = World({"plain": []}, {"plain": Kind.PLAIN_EXTERNAL})
    assert world.verdicts() == {"plain": MISSING}


def test_what_was_made_of_an_input_that_was_replaced_in_the_store_is_made_anew():
    world = World().store(A, M, B, F)
    world.remote[A] = RemoteOutput(A, None, {A: 8}, is_complete=True, is_replaced=True)
    assert world.verdicts(download=True) == {A: DOWNLOAD, M: RUN, B: DOWNLOAD, F: RUN}
    world.put(A)
    assert world.verdicts(download=True)[F] is DOWNLOAD


def test_upload_sends_what_differs_and_what_runs():
    world = World().put(A, B, M, F).store(A, M, B)
    assert world.plan(upload=True).uploads == (F,)
    world.hashes[F] = "newer"
    world.store(F)
    assert world.plan(upload=True).uploads == (F,)
    assert world.plan(upload=False).uploads == ()


def test_upload_sends_the_record_of_what_came_out_the_same_from_other_inputs():
    world = World().put(A, B, M, F).put(A, content="A-2").store(A, B, M, F).store(A, content="A-2")
    world.records[M] = world.record(M, **{A: "A-2"})
    assert world.plan(upload=True).uploads == (M,)
    world.remote[M] = RemoteOutput(M, world.records[M], {M: 7}, is_complete=True)
    assert world.plan(upload=True).uploads == ()


def test_upload_leaves_out_what_is_not_fresh():
    world = World().put(A, B, F).put(M, made_by="old", content="M-0").store(A, B, F)
    assert world.plan(upload=True).uploads == ()


def test_plan_is_json():
    plan = World().put(A, B).plan().as_json()
    assert plan["counts"] == {
        "keep": 2,
        "download": 0,
        "run": 2,
        "not needed": 0,
        "missing": 0,
    }
    assert plan["steps"][1]["reasons"][0] == {
        "cause": "missing",
        "text": "output missing",
        "subject": "",
    }


@st.composite
def worlds(draw):
    count = draw(st.integers(1, 8))
    keys = [f"p/{number}" for number in range(count)]
    requires = {
        key: draw(st.lists(st.sampled_from(keys[:number]), unique=True)) if number else []
        for number, key in enumerate(keys)
    }
    world = World(requires, {key: Kind.EXTERNAL for key in keys if not requires[key]})
    for key in keys:
        state = draw(st.sampled_from(["fresh", "absent", "old", "modified", "unrecorded"]))
        if state != "absent":
            world.put(
                key, made_by="old" if state == "old" else "new", recorded=state != "unrecorded"
            )
        if state == "modified":
            world.content[key] = "tampered"
        if draw(st.booleans()):
            world.store(key, made_by=draw(st.sampled_from(["new", "old"])))
    return world


@settings(deadline=None)
@given(worlds(), st.booleans())
def test_law_what_runs_has_all_its_inputs(world, download):
    steps = world.plan(download=download).steps
    for step in steps:
        if step.verdict is RUN:
            assert UNNEEDED not in {steps[below].verdict for below in step.requires}


@settings(deadline=None)
@given(worlds(), st.booleans())
def test_law_what_depends_on_what_runs_runs(world, download):
    steps = world.plan(download=download).steps
    for step in steps:
        if RUN in {steps[below].verdict for below in step.requires}:
            assert step.verdict is RUN


@settings(deadline=None)
@given(worlds())
def test_law_store_never_makes_more_run(world):
    # A changed input is another matter: only the store may know that it reached an output.
    world.content = {key: f"{key}-1" for key in world.content}
    without = {key for key, verdict in world.verdicts().items() if verdict is RUN}
    world.remote = {key: held for key, held in world.remote.items() if held.record.hash != "old"}
    with_store = {key for key, verdict in world.verdicts(download=True).items() if verdict is RUN}
    assert with_store <= without


@settings(deadline=None)
@given(worlds())
def test_law_every_run_has_a_reason(world):
    for step in world.plan().steps:
        if step.verdict is RUN:
            assert step.reasons
            assert all(reason.text and isinstance(reason.cause, Cause) for reason in step.reasons)
