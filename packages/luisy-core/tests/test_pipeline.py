from typing import ClassVar

import luigi
import luisy
import pytest
from luisy.pipeline import Kind, discover, name_of
from luisy_protocol.errors import ConfigurationError


@luisy.raw
@luisy.csv_output()
class Raw(luisy.ExternalTask):
    pass


@luisy.interim
@luisy.requires(Raw)
class Middle(luisy.Task):
    def run(self):
        self.write(1)


@luisy.final
@luisy.requires(Raw, Middle)
class Last(luisy.Task):
    def run(self):
        self.write(1)


class Link(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return [Link(number=self.number - 1)] if self.number else []


class Rung(luigi.Task):
    level = luigi.IntParameter()
    side = luigi.IntParameter()

    def requires(self):
        if self.level:
            return [Rung(level=self.level - 1, side=0), Rung(level=self.level - 1, side=1)]
        return []


class Circle(luigi.Task):
    number = luigi.IntParameter(default=0)

    def requires(self):
        return Circle(number=(self.number + 1) % 3)


class NotATask(luigi.Task):
    def requires(self):
        return luigi.LocalTarget("x")


class Wrapped(luisy.WrapperTask):
    def requires(self):
        return [Raw(), Middle()]


@luisy.requires(Wrapped, Middle)
class AboveWrapper(luisy.Task):
    pass


@luisy.interim
class SameFile(luisy.Task):
    number = luisy.IntParameter()

    def get_file_name(self):
        return "same"


class TwoOfTheSame(luisy.WrapperTask):
    def requires(self):
        return [SameFile(number=1), SameFile(number=2)]


class Elsewhere(luigi.ExternalTask):
    kind: ClassVar[str] = "plain"


@pytest.fixture(autouse=True)
def working_dir(luisy_working_dir):
    return luisy_working_dir


def test_each_task_comes_once_after_what_it_requires():
    pipeline = discover(Last())
    assert [node.name for node in pipeline.nodes] == ["Raw", "Middle", "Last"]
    assert [node.requires for node in pipeline.nodes] == [(), (0,), (0, 1)]
    assert pipeline.root.task == Last()


def test_kinds_and_keys_are_told():
    kinds = {node.name: node.kind for node in discover(AboveWrapper()).nodes}
    assert kinds == {
        "Raw": Kind.EXTERNAL,
        "Middle": Kind.OUTPUT,
        "Wrapped": Kind.WRAPPER,
        "AboveWrapper": Kind.OUTPUT,
    }
    assert discover(Elsewhere()).root.kind is Kind.PLAIN_EXTERNAL
    assert discover(Link(number=0)).root.kind is Kind.PLAIN
    assert discover(Raw()).root.key.endswith("/raw/Raw.csv")


def test_inputs_are_seen_through_wrappers_once():
    pipeline = discover(AboveWrapper())
    position = len(pipeline.nodes) - 1
    assert sorted(node.name for node in pipeline.inputs(position)) == ["Middle", "Raw"]


def test_long_chain_needs_no_recursion():
    assert len(discover(Link(number=5000)).nodes) == 5001


def test_ladder_of_diamonds_is_walked_once():
    assert len(discover(Rung(level=30, side=0)).nodes) == 61


def test_circle_is_named():
    with pytest.raises(ConfigurationError, match=r"Circle\(number=0\) -> .* -> Circle\(number=0\)"):
        discover(Circle())


def test_requirement_that_is_no_task_is_named():
    with pytest.raises(ConfigurationError, match=r"NotATask requires .*LocalTarget.*not a task"):
        discover(NotATask())


def test_two_tasks_with_one_output_are_refused():
    with pytest.raises(ConfigurationError, match=r"number=1.*number=2.*both write .*interim/same"):
        discover(TwoOfTheSame())


class Single(luisy.Task):
    pass


class CannotSay(luisy.Task):
    def requires(self):
        raise KeyError("no more")


class AboveLast(luisy.Task):
    def requires(self):
        return Last()


class LastAndSame(luisy.WrapperTask):
    def requires(self):
        return [SameFile(number=1), Last()]


@pytest.mark.parametrize("task", [SameFile(number=2), CannotSay(), AboveLast()], ids=repr)
def test_what_was_yielded_last_time_does_not_stand_in_the_way(task):
    yielded = {Last().key: [task, Elsewhere()]}
    pipeline = discover(LastAndSame(), yielded=lambda key: yielded.get(key, []))
    names = [node.name for node in pipeline.nodes]
    assert names == ["SameFile(number=1)", "Raw", "Middle", "Elsewhere", "Last", "LastAndSame"]
    assert pipeline.contradicted == {Last().key}


@luisy.requires(Middle)
class AboveMiddle(luisy.Task):
    pass


@luisy.requires(Single)
class AboveSingle(luisy.Task):
    pass


@luisy.requires(Middle, Single)
class MiddleAndSingle(luisy.Task):
    pass


def test_what_was_yielded_last_time_does_not_stand_in_the_way_together():
    yielded = {Middle().key: [AboveSingle()], Single().key: [AboveMiddle()]}
    pipeline = discover(MiddleAndSingle(), yielded=lambda key: yielded.get(key, []))
    assert [node.name for node in pipeline.nodes] == ["Raw", "Middle", "Single", "MiddleAndSingle"]
    assert pipeline.contradicted == yielded.keys()


def test_error_of_what_is_required_is_told_also_when_something_was_yielded_last_time():
    with pytest.raises(KeyError, match="no more"):
        discover(CannotSay(), yielded=lambda _key: [])


def test_name_is_what_a_person_writes():
    assert name_of(Raw()) == "Raw"
    assert name_of(Link(number=3)) == "Link(number=3)"
