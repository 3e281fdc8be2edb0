import shutil

import luisy
import pandas as pd
import pytest
from luisy.config import Config

pyspark_sql = pytest.importorskip("pyspark.sql", reason="pyspark is not installed")
pytestmark = pytest.mark.skipif(shutil.which("java") is None, reason="Spark runs on Java")


@pytest.fixture(scope="module")
def spark(tmp_path_factory):
    """A real local Spark."""
    folder = tmp_path_factory.mktemp("spark")
    session = (
        pyspark_sql.SparkSession.builder.master("local[1]")
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.sql.shuffle.partitions", "1")
        .config("spark.sql.warehouse.dir", str(folder / "warehouse"))
        .config("spark.driver.extraJavaOptions", f"-Dderby.system.home={folder}")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield session
    session.stop()


@pytest.fixture(autouse=True)
def working_dir(luisy_working_dir, spark):
    return luisy_working_dir


@luisy.raw
@luisy.csv_output()
class Numbers(luisy.ExternalTask):
    pass


@luisy.interim
@luisy.parquetdir_output(outdir="numbers")
@luisy.requires(Numbers)
class Parts(luisy.SparkTask):
    def run(self):
        self.write(self.read_input().repartition(2))


@luisy.final
@luisy.csv_output()
@luisy.requires(Parts)
class Sums(luisy.SparkTask):
    def run(self):
        self.write(self.read_input().groupBy().sum("a").withColumnRenamed("sum(a)", "total"))


@luisy.deltatable_output(catalog="spark_catalog", schema="default", table_name="numbers")
@luisy.requires(Parts)
class Table(luisy.SparkTask):
    def run(self):
        self.write(self.read_input())


FRAME = pd.DataFrame({"a": [1, 2, 3]})


def test_pipeline_goes_through_parquet_folders_of_spark(working_dir):
    Numbers().output().write(FRAME)
    assert luisy.build(Sums()).succeeded
    assert Sums().read()["total"].tolist() == [6]
    assert sorted(Parts().read()["a"]) == [1, 2, 3]
    names = [path.name for path in (working_dir / Parts().key).iterdir()]
    assert len([name for name in names if name.endswith(".parquet")]) == 2
    assert Parts().complete()


def test_spark_frame_replaces_a_folder(spark):
    for numbers in ([1, 2], [3]):
        Parts().write(spark.createDataFrame(pd.DataFrame({"a": numbers})))
    assert Parts().output().read()["a"].tolist() == [3]


def test_pandas_frame_needs_no_spark_to_be_written():
    Parts().write(FRAME)
    assert Parts().output().load_spark(Config().spark).count() == 3


def test_session_is_the_active_one(spark):
    assert Config().spark is spark
    assert Sums().spark is spark


def test_table_of_the_catalog_is_an_output():
    Numbers().output().write(FRAME)
    assert not Table().complete()
    assert luisy.build(Table()).succeeded
    assert Table().complete()
    assert sorted(row["a"] for row in Table().output().read().collect()) == [1, 2, 3]
    Table().clean()
    assert not Table().complete()


def test_folder_behind_a_url_is_an_output(tmp_path):
    @luisy.azure_blob_storage_output(f"file://{tmp_path}", "blobs/numbers")
    class Stored(luisy.SparkTask):
        pass

    @luisy.azure_blob_storage_input(f"file://{tmp_path}", "blobs/numbers")
    class Reading(luisy.SparkTask):
        pass

    assert not Stored().complete()
    Stored().write(Stored().spark.createDataFrame(FRAME))
    assert Stored().complete()
    assert Reading().read_input().count() == 3
    Stored().clean()
    assert Stored().complete()
