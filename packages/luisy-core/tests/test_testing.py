import unittest
from pathlib import Path

import luigi
import luisy
import pandas as pd
import pytest
from luisy.config import Config
from luisy.testing import (
    LuisyTestCase,
    PipelineFailed,
    create_testing_config,
    debug_run,
    get_all_dependencies,
)


@luisy.raw
@luisy.csv_output()
class Numbers(luisy.ExternalTask):
    pass


@luisy.interim
@luisy.requires(Numbers)
class Twofold(luisy.Task):
    factor = luisy.IntParameter(default=2)

    def run(self):
        self.write(self.read_input() * self.factor)


@luisy.final
@luisy.requires(Twofold, Numbers, as_dict=True)
class Both(luisy.Task):
    def run(self):
        self.write({name: target.read()["a"].sum() for name, target in self.input().items()})


@luisy.requires(Twofold)
class Broken(luisy.Task):
    def run(self):
        raise RuntimeError("broken")


class Wrapped(luisy.WrapperTask):
    def requires(self):
        return [Both()]


class TextTarget(luisy.targets.LocalTarget):
    file_ending = "txt"

    def load(self, path):
        return path.read_text()


class ByHand(luisy.Task):
    def run(self):
        Path(self.get_outdir(), "beside.txt").write_text("x")
        with self.output().open("w") as file:
            file.write("by hand")


FRAME = pd.DataFrame({"a": [1, 2]})


def check(method):
    """Run one method of a test case and return what went wrong."""
    case = type("Case", (LuisyTestCase,), {"test": method})("test")
    result = unittest.TestResult()
    case.run(result)
    return [text for _, text in result.failures + result.errors]


def test_run_pipeline_returns_the_output_of_the_root():
    seen = []
    assert not check(
        lambda case: seen.append(case.run_pipeline(Both(), existing_outputs=[(Numbers(), FRAME)]))
    )
    assert seen == [{"Twofold": 6, "Numbers": 3}]


def test_run_pipeline_can_return_all_outputs():
    seen = []
    outputs = [(Numbers(), FRAME)]
    check(lambda case: seen.append(case.run_pipeline(Both(), outputs, return_store=True)))
    assert seen[0].keys() == {Numbers(), Twofold(), Both()}


def test_run_pipeline_starts_from_the_outputs_that_are_there():
    seen = []
    outputs = [(Numbers(), FRAME), (Twofold(), FRAME * 100)]
    check(lambda case: seen.append(case.run_pipeline(Both(), outputs)))
    assert seen == [{"Twofold": 300, "Numbers": 3}]


@pytest.mark.parametrize(
    ("assertion", "task", "outputs"),
    [
        ("assertSuccess", Both(), [(Numbers(), FRAME)]),
        ("assertSuccess", Wrapped(), [(Numbers(), FRAME)]),
        ("assertFail", Broken(), [(Numbers(), FRAME)]),
        ("assertFail", Both(), []),
        ("assertMissing", Both(), []),
    ],
    ids=["success", "wrapper", "fail", "fail-missing", "missing"],
)
def test_assertion_holds(assertion, task, outputs):
    assert check(lambda case: getattr(case, assertion)(task, outputs)) == []


@pytest.mark.parametrize(
    ("assertion", "task", "outputs"),
    [
        ("assertSuccess", Broken(), [(Numbers(), FRAME)]),
        ("assertSuccess", Both(), []),
        ("assertFail", Both(), [(Numbers(), FRAME)]),
        ("assertMissing", Both(), [(Numbers(), FRAME)]),
        ("run_pipeline", Broken(), [(Numbers(), FRAME)]),
    ],
    ids=["success", "success-missing", "fail", "missing", "run"],
)
def test_assertion_that_does_not_hold_fails_the_test(assertion, task, outputs):
    failures = check(lambda case: getattr(case, assertion)(task, outputs))
    assert len(failures) == 1
    assert task.get_task_family() in failures[0]


def test_execution_summary_tells_what_was_done():
    seen = []
    check(lambda case: seen.append(case.get_execution_summary(Twofold(), [(Numbers(), FRAME)])))
    assert seen[0]["completed"] == {Twofold()}
    assert seen[0]["already_done"] == {Numbers()}


def test_outputs_are_copies():
    class Spoiling(luisy.Task):
        def requires(self):
            return Numbers()

        def run(self):
            frame = self.read_input()
            frame["a"] = 0
            self.write(frame)

    given = FRAME.copy()
    check(lambda case: case.run_pipeline(Spoiling(), [(Numbers(), given)]))
    assert given["a"].tolist() == [1, 2]


def test_task_that_writes_its_file_itself_has_a_folder(run_pipeline):
    @luisy.decorators.make_output_decorator(TextTarget)
    class Text(ByHand):
        pass

    assert run_pipeline(Text()) == "by hand"


def test_nothing_stays_of_a_run_in_memory(run_pipeline, tmp_path):
    create_testing_config(tmp_path, mock_spark=False)
    run_pipeline(Twofold(), {Numbers(): FRAME})
    assert list(tmp_path.iterdir()) == []
    assert Config().working_dir == str(tmp_path)
    assert not Twofold().complete()
    assert not Numbers().output().exists()


def test_fixture_fails_with_the_summary(run_pipeline):
    with pytest.raises(PipelineFailed, match="Broken"):
        run_pipeline(Broken(), {Numbers(): FRAME})


def test_debug_run_tells_what_was_done(luisy_working_dir):
    Numbers().output().write(FRAME)
    assert debug_run(Twofold())["completed"] == {Twofold()}
    assert debug_run([Twofold()])["already_done"] == {Twofold()}
    assert debug_run(Twofold(), return_summary=False).scheduling_succeeded


def test_all_dependencies_are_a_set():
    assert get_all_dependencies(Both()) == {Both(), Twofold(), Numbers()}


def test_plain_tasks_of_luigi_run_in_memory(run_pipeline, tmp_path):
    class Plain(luigi.Task):
        def output(self):
            return luigi.LocalTarget(str(tmp_path / "plain"))

        def run(self):
            with self.output().open("w") as file:
                file.write("x")

    run_pipeline(Plain())


def test_testing_config_ignores_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv("LUISY_REMOTE", "file:///shared")
    with Config().restored():
        create_testing_config(tmp_path, download=True)
        assert Config().remote is None
        assert Config().download
