import luigi
import luisy
import pandas as pd
import pytest
from luisy.testing import SparkMock, create_testing_config
from luisy_protocol import NotFound

pytestmark = pytest.mark.usefixtures("luisy_working_dir")
PROJECT = __name__.partition(".")[0]


@luisy.raw
@luisy.csv_output()
class Part(luisy.ExternalTask):
    number = luisy.IntParameter()


@luisy.final
@luisy.csv_output()
class All(luisy.ConcatenationTask):
    def requires(self):
        return [Part(number=1), Part(number=2)]

    def preprocess(self, df):
        return df.assign(c=df["a"] + 1)


class Group(luisy.WrapperTask):
    def requires(self):
        return {"all": All(), "parts": [Part(number=1)]}


class Outer(luisy.WrapperTask):
    def requires(self):
        return Group()


def test_concatenation_puts_tables_below_each_other(run_pipeline):
    parts = {Part(number=n): pd.DataFrame({"a": [n]}) for n in (1, 2)}
    assert run_pipeline(All(), parts).to_dict("list") == {"a": [1, 2], "c": [2, 3]}


def test_concatenation_of_one_required_task(run_pipeline):
    class One(All):
        def requires(self):
            return Part(number=1)

    result = run_pipeline(One(), {Part(number=1): pd.DataFrame({"a": [5]})})
    assert result.to_dict("list") == {"a": [5], "c": [6]}


def test_wrapper_has_no_output_and_no_key():
    assert Group().key == ""
    assert Group().output() == []


def test_wrapper_is_complete_when_everything_below_is(luisy_working_dir):
    for number in (1, 2):
        write_part(number)
    assert not Group().complete()
    assert luisy.build(Group()).succeeded
    assert Group().complete()
    assert Outer().complete()


def test_wrapper_reads_in_the_structure_of_its_requirements():
    for number in (1, 2):
        write_part(number)
    luisy.build(Outer())
    result = Outer().read()
    assert result["all"]["a"].tolist() == [1, 2]
    assert [frame["a"].tolist() for frame in result["parts"]] == [[1]]


def test_wrapper_read_names_the_output_that_is_missing():
    with pytest.raises(NotFound, match="All"):
        Group().read()


def test_external_task_has_no_run_and_is_external():
    assert Part(number=1).run is None
    assert isinstance(Part(number=1), luigi.ExternalTask)
    assert Part(number=1).is_external
    assert not All().is_external


def test_external_file_gets_the_name_luisy_gives(luisy_working_dir):
    assert Part(number=1).key == f"{PROJECT}/raw/Part_number=1.csv"


@luisy.deltatable_output(catalog="main", schema="sales", table_name="orders")
class Table(luisy.SparkTask):
    def run(self):
        self.write(self.spark.createDataFrame({"a": [1]}))


@luisy.deltatable_input(catalog="main", schema="sales", table_name="orders")
@luisy.pickle_output
class FromTable(luisy.SparkTask):
    def run(self):
        self.write(self.input().read().toPandas())


def test_tables_work_with_the_fake_spark(tmp_path):
    create_testing_config(tmp_path)
    assert isinstance(luisy.Config().spark, SparkMock)
    assert Table().key == ""
    assert not Table().complete()
    assert luigi.build([Table()], local_scheduler=True, log_level="ERROR")
    assert Table().complete()
    assert luigi.build([FromTable()], local_scheduler=True, log_level="ERROR")
    assert FromTable().read()["a"].tolist() == [1]
    Table().clean()
    assert not Table().complete()


def write_part(number):
    Part(number=number).output().write(pd.DataFrame({"a": [number]}))
