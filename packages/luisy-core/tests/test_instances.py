import datetime
from pathlib import Path

import luisy
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from luisy_protocol import ConfigurationError, LocalRecords, Record

pytestmark = pytest.mark.usefixtures("luisy_working_dir")


@luisy.final
@luisy.json_output
class Report(luisy.Task):
    day = luisy.DateParameter()
    numbers = luisy.ListParameter(default=())
    place = luisy.Parameter(default="x")
    scale = luisy.FloatParameter(default=1.0)
    is_full = luisy.BoolParameter(default=False)

    def get_sub_dir(self):
        return f"by_{self.place}"


class Reported(luisy.Task):
    pass


DAY = datetime.date(2021, 1, 2)


def test_related_instances_are_those_on_disk():
    tasks = [
        Report(day=DAY),
        Report(day=DAY, numbers=(1, 2), scale=0.5),
        Report(day=DAY, numbers=("a", "b"), place="y_z", is_full=True),
    ]
    for task in tasks:
        task.write(1)
    Reported().write(1)
    Report(day=DAY, place="gone").write(1)
    Report(day=DAY, place="gone").clean()
    assert sorted(map(str, Report.get_related_instances())) == sorted(map(str, tasks))
    assert luisy.helpers.get_related_instances(Reported) == [Reported()]


def test_related_instances_can_be_narrowed():
    for day in (DAY, DAY + datetime.timedelta(days=1)):
        Report(day=day).write(1)
    assert Report.get_related_instances(r"(?!2021-01-03)\S*") == [Report(day=DAY)]


def test_odd_value_is_found_through_the_records(luisy_working_dir):
    task = Report(day=DAY, numbers=("A b",), place="c")
    task.write(1)
    assert Report.get_related_instances() == []
    records = LocalRecords(Path(luisy_working_dir, task.project_name, ".luisy.hash"))
    parameters = task.significant_parameters()
    records.append([Record(task.key, "0" * 64, "0" * 64, 1, parameters=parameters)])
    assert Report.get_related_instances(".*") == [task]
    task.clean()
    assert Report.get_related_instances(".*") == []


def test_instances_of_a_name_of_ones_own_are_found():
    class Named(luisy.Task):
        x = luisy.IntParameter()
        y = luisy.Parameter()

        def get_file_name(self):
            return f"file-{self.y}-{self.x}"

    Named(x=3, y="q").write(1)
    Path(Named(x=3, y="q").get_outdir(), "file-q-three.pkl").touch()
    assert Named.get_related_instances() == [Named(x=3, y="q")]


def test_instances_whose_path_is_computed_are_no_error():
    class Computed(luisy.Task):
        day = luisy.DateParameter()

        def get_file_name(self):
            return f"{self.day:%Y}"

    Computed(day=DAY).write(1)
    assert Computed.get_related_instances() == []


def test_tables_have_no_instances_on_disk():
    @luisy.deltatable_output(table_name="t")
    class Table(luisy.Task):
        pass

    with pytest.raises(ConfigurationError, match="Table"):
        Table.get_related_instances()


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    day=st.dates(),
    numbers=st.lists(st.integers(), max_size=3).map(tuple),
    place=st.from_regex(r"[a-z0-9_-]{1,8}", fullmatch=True),
    scale=st.floats(allow_nan=False),
)
def test_ordinary_parameters_survive_the_way_through_the_path(day, numbers, place, scale):
    task = Report(day=day, numbers=numbers, place=place, scale=scale)
    task.write(1)
    try:
        assert task in Report.get_related_instances()
    finally:
        task.clean()
