import datetime
import logging

import luigi
import luisy
import pandas as pd
import pytest
from luigi.date_interval import Week
from luisy import helpers
from luisy_protocol import ConfigurationError


@pytest.mark.parametrize("week", ["2021-W12", Week.parse("2021-W12")], ids=["text", "week"])
def test_week_has_its_first_day_and_the_first_one_after(week):
    assert helpers.get_start_date(week) == datetime.date(2021, 3, 22)
    assert helpers.get_stop_date(week) == datetime.date(2021, 3, 29)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a b/c", "a_b_c"), ((1, "x y"), "1_x_y"), (None, "None"), (1.5, "1.5"), ("", "")],
    ids=str,
)
def test_string_repr_is_that_of_file_names(value, expected):
    assert helpers.get_string_repr(value) == expected


class Leaf(luisy.ExternalTask):
    pass


class Left(luisy.Task):
    def requires(self):
        return Leaf()


class Top(luisy.Task):
    def requires(self):
        return {"left": Left(), "more": [Leaf()]}


def test_all_reqs_are_the_task_and_everything_below_once():
    found = helpers.get_all_reqs(Top())
    assert len(found) == 3
    assert set(found) == {Top(), Left(), Leaf()}


class Step(luigi.Task):
    number = luigi.IntParameter()

    def requires(self):
        return [Step(number=self.number - 1)] * 2 if self.number else []


def test_all_reqs_of_a_long_chain_need_no_recursion():
    assert len(helpers.get_all_reqs(Step(number=3000))) == 3001


def test_filter_info_logs_the_shape_before_and_after(caplog):
    class Filtering:
        @helpers.add_filter_info
        def drop(self, df, count):
            return df.head(count)

        @helpers.add_filter_info
        def look(self, df):
            """Return nothing."""

    with caplog.at_level(logging.INFO):
        assert len(Filtering().drop(pd.DataFrame({"a": [1, 2]}), 1)) == 1
        assert Filtering().look(pd.DataFrame({"a": [1]})) is None
    assert "df.shape before 'Filtering.drop': (2, 1)" in caplog.text
    assert "df.shape after 'Filtering.drop': (1, 1)" in caplog.text
    assert "after 'Filtering.look'" not in caplog.text
    assert Filtering.look.__doc__ == "Return nothing."


def test_parquet_dir_is_one_frame_without_empty_parts(tmp_path):
    pd.DataFrame({"a": [2]}, index=[7]).to_parquet(tmp_path / "b.parquet")
    pd.DataFrame({"a": [1]}).to_parquet(tmp_path / "a.parquet")
    pd.DataFrame({"a": []}).to_parquet(tmp_path / "c.parquet")
    (tmp_path / ".luisy-half.parquet").write_text("half")
    frame = helpers.get_df_from_parquet_dir(str(tmp_path))
    pd.testing.assert_frame_equal(frame, pd.DataFrame({"a": [1, 2]}))


def test_parquet_dir_without_files_is_named(tmp_path):
    with pytest.raises(ConfigurationError, match=str(tmp_path)):
        helpers.get_df_from_parquet_dir(str(tmp_path))
