"""The names of datasets."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from luisy_protocol.errors import ConfigurationError
from luisy_protocol.keys import validate_key
from minus80.layout import dataset_key, dataset_slug
from minus80.names import nearest, slug_of, split_slug, valid_dtype


@given(st.text(min_size=1, max_size=40))
def test_every_allowed_name_makes_a_valid_key_and_comes_back(name):
    try:
        slug = slug_of(name, "Cohort")
    except ConfigurationError:
        return
    assert dataset_slug(validate_key(dataset_key(slug))) == slug
    assert split_slug(slug) == ("Cohort", name)


@pytest.mark.parametrize("name", ["a.b", "Grüße", "with space", "2026-01", ".hidden", "日本語"])
def test_usual_names_are_allowed(name):
    assert split_slug(slug_of(name, "Cohort")) == ("Cohort", name)


@pytest.mark.parametrize("dtype", ["", "a.b", "a/b", "1st", "with space", "..", "a-b", None])
def test_dtype_must_read_like_a_class(dtype):
    with pytest.raises(ConfigurationError, match="cannot be a dtype"):
        valid_dtype(dtype)


@pytest.mark.parametrize(
    ("slug", "said"),
    [
        ("Cohort.plant", "; did you mean plants?"),
        (
            "plants.Cohort",
            "; did you mean the Cohort 'plants'? The name comes first, then the dtype",
        ),
        ("Survey.plants", "; did you mean Cohort plants?"),
        ("Cohort.zzz", ""),
    ],
)
def test_nearest_names_what_may_have_been_meant(slug, said):
    assert nearest(slug, ["Cohort.plants", "Cohort.animals", "Survey.x"]) == said
