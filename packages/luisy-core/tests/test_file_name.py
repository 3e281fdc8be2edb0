import datetime
import re
import unicodedata

import luigi
import luisy
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from luigi.date_interval import Custom, Week
from luisy.file_name import file_name, plain_file_name
from luisy_protocol.keys import check_on_windows, validate_key

TEXT = luigi.Parameter()
OPTIONAL = luigi.OptionalParameter(default=None)
LIST = luigi.ListParameter()
DICT = luigi.DictParameter()
DAY = luigi.DateParameter()
WEEK = luigi.DateIntervalParameter()

texts = st.text() | st.sampled_from(["a", "A", "a_b", "a b", "a/b", "1", "None", "none", "ß", "ss"])
elements = texts | st.integers() | st.booleans() | st.none()
lists = st.lists(elements | st.lists(elements, max_size=2), max_size=4).map(tuple)


def name(parameter, value, **kwargs):
    return file_name("Family", [("x", parameter, parameter.normalize(value))], **kwargs)


def shown(value):
    """Name a parameter by its kind: its address differs from process to process."""
    return type(value).__name__ if isinstance(value, luigi.Parameter) else ascii(value)


@pytest.mark.parametrize(
    ("parameter", "value", "expected"),
    [
        (luigi.IntParameter(), -3, "Family_x=-3"),
        (luigi.FloatParameter(), 0.5, "Family_x=0.5"),
        (luigi.BoolParameter(), True, "Family_x=True"),
        (TEXT, "some_text-1.0", "Family_x=some_text-1.0"),
        (TEXT, "müller", "Family_x=müller"),
        (TEXT, None, "Family_x=None"),
        (OPTIONAL, None, "Family_x=None"),
        (DAY, datetime.date(2021, 3, 4), "Family_x=2021-03-04"),
        (LIST, (1, 2, 3), "Family_x=1_2_3"),
        (LIST, ("a", "b"), "Family_x=a_b"),
        (LIST, (), "Family_x="),
    ],
    ids=shown,
)
def test_file_name_is_the_plain_one_for_ordinary_values(parameter, value, expected):
    assert name(parameter, value) == expected
    assert plain_file_name("Family", [("x", parameter, value)]) == expected


def test_week_is_named_by_its_days_as_before():
    assert name(WEEK, Week.parse("2021-W12")).startswith("Family_x=2021-03-22_2021-03-23_")


@pytest.mark.parametrize(
    ("parameter", "one", "other"),
    [
        (TEXT, "a b", "a_b"),
        (TEXT, "a/b", "a_b"),
        (TEXT, "a\\b", "a_b"),
        (TEXT, "Berlin", "berlin"),
        (TEXT, "BERLIN", "Berlin"),
        (TEXT, "True", "true"),
        (TEXT, "x.", "x"),
        (TEXT, "\u00e9", "e\u0301"),
        (TEXT, "a\x00", "a"),
        (OPTIONAL, None, "None"),
        (LIST, (1, 2), ("1", "2")),
        (LIST, (1, 2), ("1_2",)),
        (LIST, ("a", "b"), ("a_b",)),
        (LIST, (), ("",)),
        (LIST, (True,), ("True",)),
        (LIST, ((1, 2), (3,)), ((1,), (2, 3))),
        (DICT, {"a": 1}, {"a": 2}),
        (
            WEEK,
            Week.parse("2021-W12"),
            Custom(datetime.date(2021, 3, 22), datetime.date(2021, 3, 29)),
        ),
        (TEXT, "x" * 300, "x" * 301),
    ],
    ids=shown,
)
def test_file_names_of_different_values_differ_on_every_file_system(parameter, one, other):
    assert folded(name(parameter, one)) != folded(name(parameter, other))


@given(texts, texts)
@example("a", "a-ca978112ca1bbdca")
def test_file_names_of_different_texts_differ(one, other):
    assert (folded(name(TEXT, one)) == folded(name(TEXT, other))) == (one == other)


@given(lists, lists)
@example((1, 1), ("1", 1))
def test_file_names_of_different_lists_differ(one, other):
    is_same = LIST.serialize(one) == LIST.serialize(other)
    assert (folded(name(LIST, one)) == folded(name(LIST, other))) == is_same


@given(texts, texts, texts, texts)
@example("1_b=2", "3", "1", "2_b=3")
def test_file_names_of_different_pairs_differ(a, b, c, d):
    def pair(first, second):
        return folded(file_name("Family", [("a", TEXT, first), ("b", TEXT, second)]))

    assert (pair(a, b) == pair(c, d)) == ((a, b) == (c, d))


@given(texts, texts)
@example("x_long", "x")
def test_file_names_differ_when_a_left_out_parameter_ends_like_another(one, other):
    def pair(value, following):
        named = [("a", TEXT, value), (following, TEXT, "1")]
        return folded(file_name("Family", named, nested=True))

    assert pair(one, "long_b") != pair(other, "b")


@given(st.sampled_from(["Family", "Con", "aux", "COM1", "lpt9.x"]), st.none() | texts | lists)
def test_file_name_is_valid_on_every_system(family, value):
    parameter = LIST if isinstance(value, tuple) else TEXT
    named = [] if value is None else [("x", parameter, value)]
    found = file_name(family, named)
    for ending in ("", ".feather"):
        assert len((found + ending).encode()) <= 255
        check_on_windows(validate_key(f"project/final/{found}{ending}"))


@given(texts)
def test_file_name_depends_on_the_value_alone(text):
    assert name(TEXT, text) == name(TEXT, text)
    assert re.fullmatch(r"Family_x=.*", name(TEXT, text), re.DOTALL)


def test_auto_filename_leaves_out_parameters_and_none(luisy_working_dir):
    @luisy.auto_filename(excl_params=["y"], excl_none=True)
    class Reduced(luisy.Task):
        x = luisy.IntParameter(default=1)
        y = luisy.IntParameter(default=2)
        z = luisy.OptionalParameter(default=None)

    assert Reduced().get_file_name() == "Reduced_x=1"
    assert Reduced(z="q").get_file_name() == "Reduced_x=1_z=q"


def test_auto_filename_leaves_out_a_parameter_that_a_decorator_above_adds(luisy_working_dir):
    class Measured(luisy.ExternalTask):
        sensor = luisy.Parameter(default="north")

    @luisy.requires(Measured)
    @luisy.auto_filename(excl_params=["sensor"])
    class Reduced(luisy.Task):
        x = luisy.IntParameter(default=1)

    assert Reduced().get_file_name() == "Reduced_x=1"


def test_auto_filename_names_an_excluded_parameter_that_does_not_exist(luisy_working_dir):
    @luisy.auto_filename(excl_params=["w"])
    class Wrong(luisy.Task):
        pass

    with pytest.raises(luisy.config.ConfigurationError, match=r"'w'.*Wrong"):
        Wrong().get_file_name()


def test_external_file_keeps_the_name_that_a_person_gave(luisy_working_dir):
    class Measured(luisy.ExternalTask):
        sensor = luisy.Parameter()

    assert Measured(sensor="North Wing").get_file_name() == "Measured_sensor=North_Wing"


def folded(text):
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", text).casefold())
