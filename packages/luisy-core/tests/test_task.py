import shutil
import tempfile
from contextlib import contextmanager
from pathlib import Path

import luigi
import luisy
import pandas as pd
import pytest
from luigi.task_register import Register
from luisy.targets import CSVTarget, PickleTarget
from luisy_protocol import ConfigurationError, InvalidKey, NotFound

pytestmark = pytest.mark.usefixtures("luisy_working_dir")
PROJECT = __name__.partition(".")[0]


@luisy.project_name("shop")
@luisy.raw
@luisy.csv_output()
class Orders(luisy.ExternalTask):
    year = luisy.IntParameter(default=2021)

    def get_file_name(self):
        return "orders"


@luisy.project_name("shop")
@luisy.interim
@luisy.csv_output(sep=";")
@luisy.requires(Orders)
class Totals(luisy.Task):
    factor = luisy.FloatParameter(default=1.0)

    def run(self):
        self.write(self.read_input() * self.factor)


def test_key_is_project_layer_and_file(luisy_working_dir):
    assert Orders().key == "shop/raw/orders.csv"
    assert Totals(factor=2.0).key == "shop/interim/Totals_factor=2.0_year=2021.csv"
    assert Totals().get_outfile() == str(luisy_working_dir / Totals().key)
    assert Path(Totals().get_outdir()) == luisy_working_dir / "shop/interim"


def test_ending_is_not_repeated():
    class Named(Totals):
        def get_file_name(self):
            return "report.csv"

    assert Named().key == "shop/interim/report.csv"


def test_sub_dir_is_a_folder_of_the_layer():
    class Named(Totals):
        def get_sub_dir(self):
            return f"{self.year}/all"

    assert Named(year=3).key == "shop/interim/3/all/Named_factor=1.0_year=3.csv"


def test_output_is_a_pickle_in_the_folder_of_the_project_by_default():
    class Simple(luisy.Task):
        pass

    assert isinstance(Simple().output(), PickleTarget)
    assert Simple().key == f"{PROJECT}/Simple.pkl"
    assert Simple().project_name == PROJECT


def test_project_name_may_be_an_attribute_of_the_instance():
    class Simple(luisy.Task):
        def __init__(self, *args, **kwargs):
            self.project_name = "mine"
            super().__init__(*args, **kwargs)

    assert Simple().key == "mine/Simple.pkl"


def test_task_of_luisy_itself_is_refused():
    with pytest.raises(ConfigurationError, match="derive a task"):
        _ = luisy.Task().key


@pytest.mark.parametrize("name", ["../x", "a//b", "a\\b", "a\n"])
def test_file_name_that_no_store_may_hold_is_refused(name):
    class Escaping(Totals):
        def get_file_name(self):
            return name

    if name == "../x":
        assert Escaping().key == "shop/x.csv"
    elif name == "a//b":
        assert Escaping().key == "shop/interim/a/b.csv"
    else:
        with pytest.raises(InvalidKey):
            _ = Escaping().key


def test_file_name_that_is_no_text_is_named():
    class Nameless(Totals):
        def get_file_name(self):
            pass

    with pytest.raises(ConfigurationError, match=r"Nameless.get_file_name\(\) returned NoneType"):
        _ = Nameless().key


def test_output_outside_the_working_dir_has_no_key(tmp_path_factory):
    outside = tmp_path_factory.mktemp("outside")

    class Outside(Totals):
        def get_outdir(self):
            return str(outside)

    assert Outside().key == ""
    assert not Outside().complete()
    Outside().write(pd.DataFrame({"a": [1]}))
    assert Outside().complete()


def test_task_without_layer_writes_to_the_folder_of_its_project(luisy_working_dir):
    class Bare(luisy.Task):
        def run(self):
            self.write(1)

    project = Bare.project_name
    assert Bare().key == f"{project}/Bare.pkl"
    assert luisy.build(Bare()).ran == ["Bare"]
    assert luisy.build(Bare()).ran == []
    assert Bare().read() == 1
    assert (luisy_working_dir / project / ".luisy.hash").is_file()


def test_task_that_writes_to_the_working_directory_itself_is_refused(luisy_working_dir):
    class Stray(luisy.Task):
        def get_outdir(self):
            return str(luisy_working_dir)

        def run(self):
            self.write(1)

    with pytest.raises(ConfigurationError, match=r"Stray writes Stray.pkl .* like \w+/Stray.pkl"):
        luisy.build(Stray())


def test_own_targets_have_no_key():
    class Many(luisy.Task):
        def output(self):
            return [luigi.LocalTarget("/nowhere/a"), luigi.LocalTarget("/nowhere/b")]

    assert Many().key == ""
    assert not Many().complete()


def test_download_and_upload_do_not_tell_instances_apart():
    one, other = Totals(), Totals(download=True, upload=True)
    assert one == other
    assert one.task_id == other.task_id
    assert one.key == other.key
    assert one.significant_parameters() == other.significant_parameters()
    assert one.significant_parameters() == {"factor": "1.0", "year": "2021"}


def test_download_and_upload_are_handed_on_by_requires():
    required = Totals(download=True, upload=True).requires()
    assert (required.download, required.upload) == (True, True)
    assert (Totals().requires().download, Totals().requires().upload) == (False, False)


def test_download_and_upload_take_no_position():
    assert Totals(2020).year == 2020
    assert Totals(2020, 0.5).factor == 0.5


def test_private_parameter_is_not_in_records():
    class Private(luisy.Task):
        token = luisy.Parameter(
            default="hunter2", visibility=luigi.parameter.ParameterVisibility.PRIVATE
        )

    assert Private().significant_parameters() == {}


def test_requirements_are_each_task_once():
    class Both(luisy.Task):
        def requires(self):
            return {"a": Orders(), "b": [Orders(), Totals()]}

    assert Both().requirements() == [Orders(), Totals()]


def test_task_required_through_the_register_works():
    class Looked(luisy.Task):
        def requires(self):
            return Register.get_task_cls("Orders")(year=3)

    assert Looked().requirements() == [Orders(year=3)]


def test_write_and_read_go_through_the_target():
    frame = pd.DataFrame({"a": [1, 2]})
    Totals().write(frame)
    pd.testing.assert_frame_equal(Totals().output().read(), frame)
    assert Path(Totals().get_outfile()).read_text() == "a\n1\n2\n"


def test_read_of_an_output_that_is_not_there_says_what_to_do():
    with pytest.raises(NotFound, match=r"shop/interim/Totals.*run the task"):
        Totals().read()


def test_run_reads_its_input_and_writes_its_output():
    pd.DataFrame({"a": [1, 2]}).to_csv(_made(Orders()), index=False)
    Totals(factor=3.0).run()
    assert Totals(factor=3.0).output().read()["a"].tolist() == [3.0, 6.0]


def test_clean_removes_the_own_output():
    Totals().write(pd.DataFrame({"a": [1]}))
    Totals().clean()
    Totals().clean()
    assert not Totals().output().exists()


def test_clean_never_removes_what_a_person_made():
    path = _made(Orders())
    Path(path).write_text("a\n1\n")
    with pytest.raises(ConfigurationError, match="external"):
        Orders().clean()
    assert Path(path).exists()


def test_outdir_is_there_when_a_task_runs():
    class Images(luisy.Task):
        def run(self):
            saved = []
            with tempfile.TemporaryDirectory() as folder:
                Path(folder, "one.txt").write_text("1")
                saved.append(shutil.move(f"{folder}/one.txt", Path(self.get_outdir(), "one")))
            self.write(saved)

    assert luigi.build([Images()], local_scheduler=True, log_level="ERROR")
    assert [Path(path).read_text() for path in Images().read()] == ["1"]


def test_instance_from_before_a_parameter_can_still_be_shown():
    class Giving(luisy.Task):
        given = luigi.IntParameter(default=1)

    class Taking(luisy.Task):
        own = luigi.IntParameter(default=2)

    before = Taking(own=3)
    luisy.inherits(Giving)(Taking)
    assert repr(before) == "Taking(own=3)"
    assert repr(Taking(own=3)) == "Taking(given=1, own=3)"


def test_requirements_are_asked_for_anew_when_a_run_of_plain_luigi_is_over():
    numbers = [1]

    class Numbered(luisy.Task):
        number = luigi.IntParameter()

        def run(self):
            self.write(self.number)

    class Growing(luisy.Task):
        def requires(self):
            return [Numbered(number=number) for number in numbers]

        def run(self):
            self.write(numbers)

    assert luigi.build([Growing()], local_scheduler=True, log_level="ERROR")
    assert Growing().complete()
    numbers.append(2)
    assert Growing().deps() == [Numbered(number=1), Numbered(number=2)]
    assert not Growing().complete()


def test_interruption_in_an_event_handler_interrupts_the_run():
    @luisy.interim
    class Interrupted(luisy.Task):
        def run(self):
            self.write(1)

    @Interrupted.event_handler(luigi.Event.START)
    def interrupt(_task):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        luisy.build(Interrupted())


def test_failure_of_an_event_handler_does_not_fail_the_run():
    @luisy.interim
    class BadlyWatched(luisy.Task):
        def run(self):
            self.write(1)

    @BadlyWatched.event_handler(luigi.Event.START)
    def fail(_task):
        raise RuntimeError("the flux capacitor is empty")

    assert luisy.build(BadlyWatched()).succeeded


def test_logger_is_named_after_the_class():
    assert Totals().logger.name == "Totals"


def test_complete_knows_changed_parameters_of_the_command_line():
    with luigi.cmdline_parser.CmdlineParser.global_instance(["Totals", "--Orders-year", "7"]):
        assert Orders().year == 7


def test_default_from_the_configuration_of_luigi_counts(monkeypatch):
    config = luigi.configuration.get_config()
    config.set("Totals", "factor", "9.5")
    try:
        assert Totals().factor == 9.5
        assert Totals(factor=1.0).factor == 1.0
    finally:
        config.remove_section("Totals")


def test_missing_parameter_is_named_as_luigi_does():
    class Strict(luisy.Task):
        day = luisy.DateParameter()

    with pytest.raises(luigi.parameter.MissingParameterException, match="'day'"):
        Strict()
    with pytest.raises(luigi.parameter.UnknownParameterException, match="dya"):
        Strict(dya=1)


def test_parameter_added_to_a_class_that_was_used_is_seen():
    class Sized(luisy.Task):
        size = luisy.IntParameter(default=1)

    class Growing(luisy.Task):
        pass

    class Child(Growing):
        pass

    assert Child().param_kwargs.keys() == {"download", "upload"}
    luisy.inherits(Sized)(Growing)
    assert Child(size=3).key == f"{PROJECT}/Child_size=3.pkl"
    del Growing.size
    assert "size" not in dict(Child.get_params())


def test_instances_with_equal_parameters_are_one_object():
    assert Totals(factor=1.0) is Totals()
    assert Totals(download=True) is not Totals()


def test_own_initialiser_gets_what_the_caller_gave():
    seen = []

    class Own(luisy.Task):
        x = luisy.IntParameter()

        def __init__(self, *args, **kwargs):
            seen.append((args, kwargs))
            super().__init__(*args, **kwargs)

    assert Own(3).x == 3
    assert seen == [((3,), {})]


def test_own_constructor_gets_what_the_caller_gave():
    seen = []

    class Own(luisy.Task):
        x = luisy.IntParameter()

        def __new__(cls, *args, **kwargs):
            seen.append((args, kwargs))
            return super().__new__(cls)

    assert Own(3).x == 3
    assert seen == [((3,), {})]


def test_own_values_of_parameters_are_worked_out_from_what_the_caller_gave():
    class TwiceAsMuch(luisy.Task):
        x = luisy.IntParameter()

        @classmethod
        def get_param_values(cls, params, args, kwargs):
            values = dict(super().get_param_values(params, args, kwargs))
            return list((values | {"x": 2 * values["x"]}).items())

    assert TwiceAsMuch(3).x == 6
    assert TwiceAsMuch(x=3) is TwiceAsMuch(3)


def test_former_key_is_what_luisy_1_4_wrote():
    class Text(luisy.Task):
        x = luisy.Parameter()

    assert Text(x="plain").former_key == Text(x="plain").key
    assert Text(x="A b").key != f"{PROJECT}/Text_x=A_b.pkl"
    assert Text(x="A b").former_key == f"{PROJECT}/Text_x=A_b.pkl"


def test_target_is_that_of_the_decorator():
    assert isinstance(Totals().output(), CSVTarget)
    assert Totals().output().path == Totals().get_outfile()


def _made(task):
    path = Path(task.get_outfile())
    path.parent.mkdir(parents=True, exist_ok=True)
    return str(path)


class Shifting:
    """Values of parameters that depend on others, as a subclass may work them out."""

    @classmethod
    def get_param_values(cls, params, args, kwargs):
        if args:
            raise TypeError("by name only")
        kwargs = {"shifted": kwargs["start"] + 1, **kwargs}
        return super().get_param_values(params, args, kwargs)


class Counting:
    @classmethod
    def get_param_values(cls, params, args, kwargs):
        values = super().get_param_values(params, args, kwargs)
        at = [name for name, _ in values].index("start")
        values[at] = ("start", values[at][1] * 2)
        return values


@pytest.mark.parametrize("own", [Shifting, Counting])
def test_own_values_are_worked_out_as_often_as_luigi_does(own):
    parameters = {"start": luigi.IntParameter(), "shifted": luigi.IntParameter(default=9)}
    ours = type(f"{own.__name__}HereAsThere", (own, luisy.Task), dict(parameters))
    theirs = type(f"{own.__name__}HereAsThere2", (own, luigi.Task), dict(parameters))
    assert ours(start=3).param_kwargs["shifted"] == theirs(start=3).param_kwargs["shifted"]
    assert ours(start=3).start == theirs(start=3).start


def test_parameter_that_a_descriptor_gives_is_a_parameter():
    class Given:
        def __init__(self, parameter):
            self.parameter = parameter

        def __get__(self, instance, owner):
            return self.parameter

    class ByDescriptor(luisy.Task):
        number = Given(luigi.IntParameter(default=3))

    assert ByDescriptor().param_kwargs["number"] == 3


def test_target_with_its_own_makedirs_is_asked_before_the_run():
    class WithPlots(PickleTarget):
        def makedirs(self):
            super().makedirs()
            (Path(self.path).parent / "plots").mkdir(exist_ok=True)

    @luisy.interim
    class Plotting(luisy.Task):
        target_cls = WithPlots

        def run(self):
            (Path(self.get_outdir()) / "plots" / "a.png").write_text("a")
            self.write(1)

    assert luisy.build(Plotting())
    assert Plotting().output().read() == 1


def test_target_with_its_own_temporary_path_writes_through_it(tmp_path):
    used = []

    class Elsewhere(PickleTarget):
        @contextmanager
        def temporary_path(self):
            with super().temporary_path() as path:
                used.append(path)
                yield path

    target = Elsewhere(path=tmp_path / "x.pkl")
    target.write(1)
    assert len(used) == 1
    assert target.read() == 1


def test_mixin_behind_the_task_has_its_say():
    class Below(luisy.Task):
        pass

    class Adding(luigi.Task):
        def deps(self):
            return [*super().deps(), Below()]

        def to_str_params(self, **asked):
            return {**super().to_str_params(**asked), "code": "7"}

    class WithAdding(luisy.Task, Adding):
        pass

    assert WithAdding().deps() == [Below()]
    assert WithAdding().significant_parameters() == {"code": "7"}


def test_parameters_that_luigi_leaves_alone_need_not_be_serialisable():
    class Lenient(luisy.Task):
        options = luigi.DictParameter(significant=False, default={"a": object()})

    assert Lenient().param_kwargs["options"]["a"]
