"""Our scheduler answers like luigi's, driven by the calls that luigi's worker makes."""

import luigi
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from luigi.scheduler import Scheduler
from luisy.scheduler import LocalScheduler

WORKER = "worker"
RESOURCES = {"licence": 1}


@pytest.fixture(params=["ours", "luigi's"])
def make(request):
    def ours():
        return LocalScheduler()

    def luigis():
        return Scheduler(prune_on_get_work=True, record_task_history=False)

    return ours if request.param == "ours" else luigis


def add(scheduler, task_id, *, deps=(), status="PENDING", runnable=True, **kwargs):
    scheduler.add_task(
        worker=WORKER,
        task_id=task_id,
        status=status,
        runnable=runnable,
        deps=list(deps),
        family=task_id,
        params={},
        **kwargs,
    )


def work(scheduler, running=()):
    return scheduler.get_work(
        worker=WORKER, host="here", assistant=False, current_tasks=list(running)
    )["task_id"]


def end(scheduler, task_id, *, status="DONE", **kwargs):
    scheduler.add_task(
        worker=WORKER, task_id=task_id, status=status, runnable=None, expl="null", **kwargs
    )


def drain(scheduler):
    order = []
    while task_id := work(scheduler):
        order.append(task_id)
        end(scheduler, task_id)
    return order


def test_requirements_come_first(make):
    scheduler = make()
    add(scheduler, "last", deps=["middle"])
    add(scheduler, "middle", deps=["first"])
    add(scheduler, "first")
    assert drain(scheduler) == ["first", "middle", "last"]


def test_done_requirement_is_not_waited_for(make):
    scheduler = make()
    add(scheduler, "last", deps=["first"])
    add(scheduler, "first", status="DONE", runnable=False)
    assert drain(scheduler) == ["last"]


def test_task_that_is_not_runnable_is_not_given_out(make):
    scheduler = make()
    add(scheduler, "last", deps=["external"])
    add(scheduler, "external", runnable=False)
    assert work(scheduler) is None


def test_failure_stops_what_depends_on_it_and_nothing_else(make):
    scheduler = make()
    add(scheduler, "last", deps=["bad", "good"])
    add(scheduler, "bad", priority=1)
    add(scheduler, "good")
    assert work(scheduler) == "bad"
    end(scheduler, "bad", status="FAILED")
    assert drain(scheduler) == ["good"]


def test_higher_priority_comes_first_and_is_lent_to_requirements(make):
    scheduler = make()
    add(scheduler, "plain")
    add(scheduler, "urgent", deps=["below"], priority=5)
    add(scheduler, "below")
    assert drain(scheduler) == ["below", "urgent", "plain"]


def test_resource_is_not_used_twice(make):
    scheduler = make()
    # luigi orders equal priorities by a clock that may stand still.
    for priority, task_id in enumerate(("free", "b", "a")):
        resources = {} if task_id == "free" else RESOURCES
        add(scheduler, task_id, resources=resources, priority=priority)
    assert work(scheduler) == "a"
    assert work(scheduler, ["a"]) == "free"
    assert work(scheduler, ["a", "free"]) is None
    end(scheduler, "a", resources=RESOURCES)
    assert work(scheduler, ["free"]) == "b"


def test_requirement_found_while_running_is_run_before_it_goes_on(make):
    scheduler = make()
    add(scheduler, "dynamic")
    assert work(scheduler) == "dynamic"
    add(scheduler, "new")
    end(scheduler, "dynamic", status="PENDING", new_deps=["new"])
    assert drain(scheduler) == ["new", "dynamic"]


def test_pending_tasks_are_counted(make):
    scheduler = make()
    scheduler.add_worker(WORKER, [("workers", 1)])
    add(scheduler, "last", deps=["first"])
    add(scheduler, "first")
    assert scheduler.count_pending(worker=WORKER)["n_pending_tasks"] == 2


def test_failed_task_is_tried_again_as_often_as_it_may():
    luigi.configuration.get_config().set("scheduler", "retry_delay", "0")
    try:
        scheduler = LocalScheduler()
    finally:
        luigi.configuration.get_config().remove_option("scheduler", "retry_delay")
    add(scheduler, "flaky", retry_policy_dict={"retry_count": 2})
    assert work(scheduler) == "flaky"
    end(scheduler, "flaky", status="FAILED")
    assert work(scheduler) == "flaky"
    end(scheduler, "flaky", status="FAILED")
    assert work(scheduler) is None


def test_failed_task_waits_for_its_next_chance():
    scheduler = LocalScheduler()
    add(scheduler, "flaky")
    assert work(scheduler) == "flaky"
    end(scheduler, "flaky", status="FAILED")
    assert work(scheduler) is None
    assert scheduler.count_pending()["n_pending_tasks"] == 1


@st.composite
def graphs(draw):
    count = draw(st.integers(1, 12))
    deps = {
        f"t{number}": [f"t{below}" for below in draw(st.sets(st.integers(0, number - 1))) if number]
        if number
        else []
        for number in range(count)
    }
    failing = draw(st.sets(st.sampled_from(sorted(deps))))
    order = draw(st.permutations(sorted(deps)))
    return deps, failing, order


@settings(max_examples=60, deadline=None)
@given(graphs())
def test_law_everything_runs_once_after_its_requirements_unless_they_fail(graph):
    deps, failing, order = graph
    scheduler = LocalScheduler()
    for task_id in order:
        add(scheduler, task_id, deps=deps[task_id])
    ended = {}
    while task_id := work(scheduler):
        assert task_id not in ended
        assert all(ended.get(below) == "DONE" for below in deps[task_id])
        ended[task_id] = "FAILED" if task_id in failing else "DONE"
        end(scheduler, task_id, status=ended[task_id])
    for task_id in set(deps) - set(ended):
        assert any(ended.get(below) != "DONE" for below in deps[task_id])
