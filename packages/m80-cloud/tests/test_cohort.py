"""Cohorts and accessions."""

import minus80 as m80
import pytest
from luisy_protocol.errors import ConfigurationError


@pytest.fixture
def cohort():
    return m80.Cohort.from_accessions(
        "plants",
        [
            m80.Accession("oak", files=["a.fq", "b.fq"], height=30, tags=["tree"]),
            m80.Accession("fern", height=1),
            m80.Accession("moss"),
        ],
    )


def test_cohort_is_there_in_the_next_session(cohort):
    cohort.m80.close()
    again = m80.Cohort("plants")
    assert len(again) == 3
    assert [accession.name for accession in again] == ["fern", "moss", "oak"]
    assert again["oak"] == m80.Accession("oak", files=["b.fq", "a.fq"], height=30, tags=["tree"])


def test_in_takes_names_and_accessions(cohort):
    assert "oak" in cohort
    assert cohort["oak"] in cohort
    assert "elm" not in cohort
    assert 7 not in cohort


def test_changed_accession_leaves_the_frozen_one(cohort):
    oak = cohort["oak"]
    oak["height"] = 99
    oak.metadata["tags"].append("tall")
    oak.add_file("c.fq")
    assert cohort["oak"]["height"] == 30
    assert cohort["oak"]["tags"] == ["tree"]
    assert cohort["oak"].files == {"a.fq", "b.fq"}
    cohort.update(oak)
    assert cohort["oak"] == oak


def test_update_of_one_that_is_not_there_changes_nothing(cohort):
    with pytest.raises(m80.DatasetNotFound, match="no 'elm'"):
        cohort.update(m80.Accession("oak"), m80.Accession("elm"))
    assert cohort["oak"]["height"] == 30


def test_remove_takes_it_away(cohort):
    cohort.remove("oak")
    del cohort["fern"]
    assert cohort.names == ["moss"]
    with pytest.raises(m80.DatasetNotFound, match="did you mean moss"):
        cohort.remove("mos")


def test_metadata_that_json_cannot_hold_adds_nothing(cohort):
    with pytest.raises(ConfigurationError, match="'bad'"):
        cohort.add_accessions([m80.Accession("good"), m80.Accession("bad", x=object())])
    assert "good" not in cohort


def test_metadata_may_have_any_name(cohort):
    accession = m80.Accession("odd")
    accession["name"] = "another"
    accession["files"] = 3
    cohort.add_accession(accession)
    assert cohort["odd"].metadata == {"name": "another", "files": 3}


def test_random_sample_has_each_once(cohort):
    assert {a.name for a in cohort.random_accessions(3)} == {"oak", "fern", "moss"}
    assert len(cohort.random_accessions(20, replace=True)) == 20
    assert cohort.random_accession() in cohort
    assert cohort.random_accessions(2, seed=1) == cohort.random_accessions(2, seed=1)
    with pytest.raises(ConfigurationError, match="cannot take 4 of the 3"):
        cohort.random_accessions(4)
    with pytest.raises(ConfigurationError, match="of the 0"):
        m80.Cohort("empty").random_accession()


def test_columns_files_and_table(cohort):
    assert cohort.columns == ["height", "tags"]
    assert cohort.files == ["a.fq", "b.fq"]
    frame = cohort.as_DataFrame()
    assert frame.loc["oak", "height"] == 30
    assert frame.index.name == "name"


def test_from_yaml_gives_accessions(tmp_path):
    path = tmp_path / "a.yaml"
    path.write_text("10F:\n    files: [x.fq]\n    metadata:\n        seqtype: novaseq\n10M:\n")
    assert m80.Accession.from_yaml(path) == [
        m80.Accession("10F", files=["x.fq"], seqtype="novaseq"),
        m80.Accession("10M"),
    ]
    path.write_text("- no\n- mapping")
    with pytest.raises(ConfigurationError, match="does not hold accessions"):
        m80.Accession.from_yaml(path)


@pytest.mark.parametrize("wrong", ["", None, 7], ids=repr)
def test_accession_without_a_name_is_refused(wrong):
    with pytest.raises(ConfigurationError):
        m80.Accession(wrong)


def test_accession_with_text_for_files_is_refused():
    with pytest.raises(ConfigurationError, match="list of paths"):
        m80.Accession("a", files="x.fq")
