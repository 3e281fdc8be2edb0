"""Datasets on this machine: database, tables, values, temporary files, available and delete."""

import contextlib
import os
from pathlib import Path

import minus80 as m80
import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as stn
from luisy_protocol.errors import ConfigurationError, IntegrityError, NotSupported
from minus80.folders import Folders


class Survey(m80.Freezable):
    """A dataset of a user."""


@pytest.fixture
def survey():
    return Survey("one")


def test_folder_is_below_the_base_directory(survey, databases):
    assert survey.m80.folder == databases / "Survey.one"
    assert survey.m80.folder.is_dir()


def test_database_keeps_what_was_committed(survey):
    survey.m80.db.execute("CREATE TABLE t (x)")
    with survey.m80.bulk_transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (1)")
    with contextlib.suppress(ZeroDivisionError), survey.m80.bulk_transaction() as cursor:
        cursor.execute("INSERT INTO t VALUES (2)")
        cursor.execute("INSERT INTO t VALUES (?)", (1 // 0,))
    survey.m80.close()
    assert Survey("one").m80.db.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_table_comes_back_with_its_types_and_index(survey):
    frame = pd.DataFrame(
        {"n": [1, 2], "x": [0.5, None], "day": pd.to_datetime(["2026-01-01", "2026-01-02"])},
        index=pd.Index(["a", "b"], name="key"),
    )
    survey.m80.col["frame"] = frame
    pd.testing.assert_frame_equal(Survey("one").m80.col["frame"], frame)
    assert list(survey.m80.col) == ["frame"]
    assert "frame" in survey.m80.col
    del survey.m80.col["frame"]
    assert len(survey.m80.col) == 0


@given(
    stn.arrays(
        st.sampled_from([np.int32, np.float64, np.bool_]), stn.array_shapes(min_side=0, max_dims=3)
    )
)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
def test_array_comes_back_with_its_type_and_shape(survey, array):
    survey.m80.col["array"] = array
    back = survey.m80.col["array"]
    assert back.dtype == array.dtype
    np.testing.assert_array_equal(back, array)
    assert back.flags.writeable


def test_table_that_is_not_there_names_the_nearest(survey):
    survey.m80.col["heights"] = np.arange(3)
    with pytest.raises(KeyError, match="did you mean heights"):
        survey.m80.col["height"]
    with pytest.raises(KeyError):
        del survey.m80.col["height"]


@pytest.mark.parametrize("wrong", [[1, 2], "text", 7], ids=repr)
def test_table_of_something_else_is_refused(survey, wrong):
    with pytest.raises(ConfigurationError, match="DataFrame or an array"):
        survey.m80.col["x"] = wrong


def test_table_that_parquet_cannot_hold_is_refused(survey):
    with pytest.raises(NotSupported, match="cannot be kept as Parquet"):
        survey.m80.col["x"] = pd.DataFrame({"x": [1, "a", object()]})
    assert "x" not in survey.m80.col


def test_damaged_table_is_told(survey):
    survey.m80.col["x"] = np.arange(3)
    (survey.m80.folder / "tables" / "x.parquet").write_bytes(b"damaged")
    with pytest.raises(IntegrityError, match=r"x\.parquet is damaged"):
        survey.m80.col["x"]


def test_table_name_that_leads_out_is_refused(survey):
    with pytest.raises(ConfigurationError):
        survey.m80.col["../x"] = np.arange(3)


def test_damaged_database_is_told(survey):
    (survey.m80.folder / "db.sqlite").write_bytes(b"damaged" * 1000)
    with pytest.raises(IntegrityError, match=r"db\.sqlite"):
        _ = survey.m80.db


def test_values_are_a_mapping_that_stays(survey):
    survey.m80.doc["a"] = {"deep": [1, None]}
    survey.m80.doc["b"] = "text"
    survey.m80.close()
    doc = Survey("one").m80.doc
    assert dict(doc) == {"a": {"deep": [1, None]}, "b": "text"}
    del doc["a"]
    assert list(doc) == ["b"]
    with pytest.raises(KeyError):
        doc["a"]
    with pytest.raises(KeyError):
        del doc["a"]
    with pytest.raises(ConfigurationError, match="as JSON"):
        doc["c"] = object()


def test_tmpfile_is_gone_when_it_is_closed(survey, home):
    with survey.m80.tmpfile(suffix=".txt") as file:
        path = Path(file.name)
        file.write("x")
        assert path.is_relative_to(home / ".minus80" / "tmp")
    assert not path.exists()


def test_available_lists_or_tells(survey):
    assert dict(m80.available()) == {"Survey": ("one",)}
    assert m80.available("one", "Survey") is True
    assert m80.available("on", "Survey") is False
    assert dict(m80.available("on")) == {"Survey": ("one",)}
    assert dict(m80.available(dtype="Other")) == {}


def test_delete_takes_the_folder_away(survey, databases):
    m80.delete("one", "Survey")
    assert list(databases.iterdir()) == []
    with pytest.raises(m80.DatasetNotFound):
        m80.delete("one", "Survey")


def test_folder_that_a_kill_left_between_two_names_is_found_again(survey, home, databases):
    (survey.m80.folder / "file").write_text("x")
    (home / ".minus80" / "tmp").mkdir()
    survey.m80.folder.rename(home / ".minus80" / "tmp" / "Survey.one.replaced")
    assert dict(m80.available()) == {"Survey": ("one",)}
    assert (databases / "Survey.one" / "file").read_text() == "x"


def test_other_base_directory(tmp_path, home):
    Survey("two", basedir=tmp_path / "other")
    assert (tmp_path / "other" / "databases" / "Survey.two").is_dir()
    assert not (home / ".minus80.conf").exists()


def test_leftovers_of_puts_killed_long_ago_are_removed(home):
    folders = Folders(home / ".minus80")
    for name in ("old.put", "old.send", "new.put", "Survey.one.replaced"):
        (folders.temporary / name).mkdir(parents=True)
        (folders.temporary / name / "file").write_text("x")
        if not name.startswith("new"):
            os.utime(folders.temporary / name, (1, 1))
    folders.remove_leftovers()
    left = sorted(path.name for path in folders.temporary.iterdir())
    assert left == ["Survey.one.replaced", "new.put"]
