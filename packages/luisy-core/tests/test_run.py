"""Runs in this process: what is recorded, restored, downloaded; the commands are tested
elsewhere."""

import json
import os
import signal
from pathlib import Path

import luigi
import luisy
import pytest
from luisy.config import Config
from luisy.made import Made
from luisy.plan import Verdict
from luisy.show import Nothing
from luisy.work import Settings, Work
from luisy_protocol.errors import ConfigurationError, NotFound


def interrupt():
    raise KeyboardInterrupt


RAN = []
FAILING = set()


@luisy.raw
@luisy.json_output()
class Source(luisy.ExternalTask):
    pass


@luisy.interim
@luisy.json_output()
@luisy.requires(Source)
class Doubled(luisy.Task):
    def run(self):
        RAN.append("Doubled")
        self.write({"value": self.input().read()["value"] * 2})
        if "Doubled" in FAILING:
            raise RuntimeError("after writing")


@luisy.interim
@luisy.json_output()
@luisy.requires(Source)
class Beside(luisy.Task):
    def run(self):
        RAN.append("Beside")
        self.write(self.input().read())


@luisy.final
@luisy.json_output()
@luisy.requires(Doubled, Beside)
class Sum(luisy.Task):
    def run(self):
        RAN.append("Sum")
        self.write({"value": sum(one.read()["value"] for one in self.input())})


@luisy.interim
class Listed(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        RAN.append(f"Listed{self.number}")
        self.write(self.number)


@luisy.final
@luisy.json_output()
class Growing(luisy.Task):
    """Requires what another task lists, as soon as that is known."""

    def requires(self):
        listing = Doubled()
        known = listing.output().read() if listing.output().exists() else {}
        return [listing, *(Listed(number=number) for number in known.values())]

    def run(self):
        self.write([one.read() for one in self.input()[1:]])


@luisy.final
@luisy.json_output()
class Yielding(luisy.Task):
    def run(self):
        doubled = yield Doubled()
        self.write(doubled.read())


@luisy.final
class Forgetful(luisy.Task):
    def run(self):
        RAN.append("Forgetful")


@luisy.final
@luisy.json_output()
class SlowToSettle(luisy.Task):
    def run(self):
        self.write({"value": 1})
        return Made(settle=interrupt)


@luisy.final
class Dying(luisy.Task):
    def run(self):
        os._exit(0)  # as a crash of a library does, and with the code of success


@luisy.final
@luisy.requires(Doubled, Dying, Beside)
class AboveDying(luisy.Task):
    def run(self):
        self.write({})


@luisy.interim
@luisy.auto_filename
@luisy.json_output()
class Process(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(os.getpid())


class ManyProcesses(luisy.WrapperTask):
    def requires(self):
        return [Process(number=number) for number in range(20)]


@luisy.interim
@luisy.auto_filename
@luisy.json_output()
class YieldedStep(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


@luisy.interim
@luisy.json_output()
@luisy.requires(Source)
class YieldingAnother(luisy.Task):
    def run(self):
        step = yield YieldedStep(number=self.input().read()["value"])
        self.write(step.read())


@luisy.final
@luisy.json_output()
@luisy.requires(YieldingAnother)
class AfterAnother(luisy.Task):
    def run(self):
        self.write(self.input().read())
        if "AfterAnother" in FAILING:
            raise RuntimeError("after writing")


@luisy.interim
class FailsLater(luisy.Task):
    def run(self):
        raise RuntimeError("the flux capacitor is empty")


@luisy.interim
@luisy.json_output()
class YieldingFailure(luisy.Task):
    def run(self):
        yield FailsLater()


@luisy.final
@luisy.json_output()
@luisy.requires(YieldingFailure)
class AfterFailedYield(luisy.Task):
    pass


@luisy.final
@luisy.json_output()
class YieldingOften(luisy.Task):
    def run(self):
        numbers = []
        for number in range(4):
            step = yield YieldedStep(number=number)
            numbers.append(step.read())
        self.write(numbers)


@luisy.interim
@luisy.auto_filename(excl_params=["number"])
class OneFile(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


@luisy.final
class YieldingOneFileTwice(luisy.Task):
    def run(self):
        both = yield [OneFile(number=1), OneFile(number=2)]
        self.write([one.read() for one in both])


@luisy.final
class YieldingOneFileInTurn(luisy.Task):
    def run(self):
        first = yield OneFile(number=1)
        second = yield OneFile(number=2)
        self.write([first.read(), second.read()])


@luisy.final
class YieldingTheSource(luisy.Task):
    def run(self):
        double = yield Doubled()
        self.write(double.read())


class Marker(luigi.Task):
    def requires(self):
        return Doubled()

    def output(self):
        return luigi.LocalTarget(Path(Config().working_dir) / "marker")

    def run(self):
        RAN.append("Marker")
        with self.output().open("w") as file:
            file.write("x")


@luisy.final
@luisy.json_output()
class AboveMarker(luisy.Task):
    def requires(self):
        return Marker()

    def run(self):
        self.write({})


@pytest.fixture
def folder(luisy_working_dir):
    RAN.clear()
    FAILING.clear()
    source(7)
    return Path(luisy_working_dir)


def source(value):
    path = Path(Source().get_outfile())
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"value": value}))


def run(task, **wishes):
    RAN.clear()
    return luisy.build(task, **wishes)


def test_first_run_runs_all_and_the_second_nothing(folder):
    assert sorted(run(Sum()).ran) == ["Beside", "Doubled", "Sum"]
    assert Sum().output().read() == {"value": 21}
    assert run(Sum()).ran == []
    assert RAN == []


def test_record_tells_what_made_the_output(folder):
    run(Sum())
    key = Sum().key
    from luisy.workspace import Workspace

    records = Workspace(folder).records(key.partition("/")[0]).read().records
    record = records[key]
    assert set(record.inputs) == {Doubled().key, Beside().key}
    assert record.inputs[Doubled().key] == records[Doubled().key].sha256
    assert record.requires[Doubled().key] == records[Doubled().key].hash
    assert (record.origin, record.version) == ("run", luisy.__version__)
    assert records[Source().key].origin == "external"
    assert records[Source().key].hash == ""


def test_changed_raw_file_reruns_and_touched_does_not(folder):
    run(Sum())
    source(7)
    assert run(Sum()).ran == []
    source(8)
    assert sorted(run(Sum()).ran) == ["Beside", "Doubled", "Sum"]
    assert Sum().output().read() == {"value": 24}


def test_output_changed_by_hand_is_made_again(folder):
    run(Sum())
    Path(Doubled().get_outfile()).write_text('{"value": 1000}')
    assert sorted(run(Sum()).ran) == ["Doubled", "Sum"]
    assert Sum().output().read() == {"value": 21}


def test_removed_intermediate_is_not_needed(folder):
    run(Sum())
    Path(Doubled().get_outfile()).unlink()
    Path(Source().get_outfile()).unlink()
    assert not run(Sum()).plan.has_work


def test_failed_task_stops_only_what_depends_on_it(folder, capfd):
    FAILING.add("Doubled")
    outcome = run(Sum())
    assert (outcome.ran, outcome.failed) == (["Beside"], ["Doubled"])
    assert outcome.not_run == {"Sum": "Doubled"}
    assert not outcome.succeeded
    assert not Path(Doubled().get_outfile()).exists()
    assert capfd.readouterr().err.count("RuntimeError: after writing") == 1


class Destroying(luisy.Task):
    """Fails where its output cannot be removed any more."""

    def run(self):
        place = Path(self.output().path).parent
        place.rename(f"{place}.away")
        place.write_text("a file")
        raise RuntimeError("the reason")


def test_failed_task_whose_output_cannot_be_removed_tells_why_it_failed(folder, capfd):
    assert run(Destroying()).failed == ["Destroying"]
    told = capfd.readouterr().err
    assert "RuntimeError: the reason\nand what it left cannot be removed: [Errno 20]" in told
    assert "NotADirectoryError" not in told


def test_failed_run_puts_back_what_it_set_aside(folder):
    run(Sum())
    source(8)
    FAILING.add("Doubled")
    run(Sum())
    assert Doubled().output().read() == {"value": 14}
    assert Sum().output().read() == {"value": 21}
    FAILING.clear()
    assert sorted(run(Sum()).ran) == ["Doubled", "Sum"]
    assert Sum().output().read() == {"value": 24}


@pytest.mark.parametrize("workers", [1, 2])
def test_failed_run_puts_back_what_it_set_aside_also_when_a_task_yielded_a_new_one(folder, workers):
    """Which is planned meanwhile, and must take nothing for the leftover of a dead run."""
    luisy.build(AfterAnother(), workers=workers)
    source(8)
    FAILING.add("AfterAnother")
    assert luisy.build(AfterAnother(), workers=workers).failed == ["AfterAnother"]
    FAILING.clear()
    assert AfterAnother().output().read() == 7
    assert luisy.build(AfterAnother(), workers=workers).ran == ["AfterAnother"]
    assert AfterAnother().output().read() == 8


@pytest.mark.parametrize(("is_alone", "left"), [(True, 14), (False, 16)])
def test_output_without_a_record_stays_only_if_another_machine_may_have_made_it(
    folder, is_alone, left
):
    run(Sum())
    source(8)
    work = Work(Sum(), Settings.of(Sum()), Nothing(), is_alone=is_alone)
    work.look()
    work.make_room()
    Doubled().write({"value": 16})
    work.settle()
    assert Doubled().output().read() == {"value": left}


@pytest.mark.parametrize("workers", [1, 2])
def test_task_that_waits_for_what_it_yielded_is_told_with_it(folder, workers):
    outcome = luisy.build(AfterFailedYield(), workers=workers)
    assert outcome.failed == ["FailsLater"]
    assert outcome.not_run == {"YieldingFailure": "FailsLater", "AfterFailedYield": "FailsLater"}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("task", [YieldingOneFileTwice, YieldingOneFileInTurn])
def test_yielded_tasks_that_write_one_file_are_refused(folder, task, workers, capfd):
    outcome = luisy.build(task(), workers=workers)
    assert "OneFile(number=2)" in outcome.failed
    assert "OneFile(number=1) and OneFile(number=2) both write" in capfd.readouterr().err
    assert not task().output().exists()


@pytest.mark.parametrize("workers", [1, 2])
def test_yielded_task_that_cannot_be_planned_says_why_once(folder, workers, capfd):
    Path(Source().get_outfile()).unlink()
    assert "Doubled" in luisy.build(YieldingTheSource(), workers=workers).failed
    assert capfd.readouterr().err.count("the input Source, which Doubled needs") == 1


def test_interrupt_puts_back_what_was_set_aside(folder):
    run(Sum())
    source(8)

    class Interrupting(Nothing):
        def started(self, task):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run(Sum(), show=Interrupting())
    assert Sum().output().read() == {"value": 21}
    assert not list(folder.glob("*/.luisy/aside"))


def test_interrupt_while_outputs_are_put_back_waits_for_the_last(folder):
    run(Sum())
    source(8)
    FAILING.add("Doubled")

    class Impatient(Nothing):
        def end(self):
            signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt):
        run(Sum(), show=Impatient())
    assert Sum().output().read() == {"value": 21}
    assert not list(folder.glob("*/.luisy/aside"))


def test_interrupt_after_the_record_takes_nothing_back(folder):
    with pytest.raises(KeyboardInterrupt):
        luisy.build(SlowToSettle())
    assert luisy.build(SlowToSettle()).ran == []
    assert SlowToSettle().read() == {"value": 1}


def test_task_that_writes_nothing_has_failed(folder, capfd):
    assert run(Forgetful()).failed == ["Forgetful"]
    assert "Forgetful ended without writing" in capfd.readouterr().err


def test_several_processes_record_their_outputs(folder):
    assert sorted(run(Sum(), workers=3).ran) == ["Beside", "Doubled", "Sum"]
    assert not run(Sum()).plan.has_work


def test_yielded_requirement_is_an_input(folder):
    assert sorted(run(Yielding()).ran) == ["Doubled", "Yielding"]
    assert run(Yielding()).ran == []
    source(9)
    assert sorted(run(Yielding()).ran) == ["Doubled", "Yielding"]
    assert Yielding().output().read() == {"value": 18}


@pytest.mark.parametrize("workers", [1, 2])
def test_yielded_requirement_is_an_input_also_when_it_was_there_before(folder, workers):
    run(Doubled())
    run(Yielding(), workers=workers)
    source(9)
    assert sorted(run(Yielding(), workers=workers).ran) == ["Doubled", "Yielding"]
    assert Yielding().output().read() == {"value": 18}


def test_process_that_dies_is_a_failure_and_the_others_go_on(folder):
    done = run(AboveDying(), workers=2)
    assert done.failed == ["Dying"]
    assert sorted(done.ran) == ["Beside", "Doubled"]


def test_number_of_processes_may_be_the_second_argument(folder):
    assert luisy.build(ManyProcesses(), 2).succeeded
    assert os.getpid() not in {task.output().read() for task in ManyProcesses().requires()}


def test_processes_are_used_again(folder):
    assert run(ManyProcesses(), workers=2).succeeded
    processes = {task.output().read() for task in ManyProcesses().requires()}
    assert len(processes) <= 2
    assert os.getpid() not in processes


def test_processes_know_what_was_yielded_meanwhile(folder):
    assert run(YieldingOften(), workers=2).succeeded
    assert YieldingOften().output().read() == [0, 1, 2, 3]


def test_plain_luigi_task_may_be_in_the_middle(folder):
    assert sorted(run(AboveMarker()).ran) == ["AboveMarker", "Doubled", "Marker"]
    assert run(AboveMarker()).ran == []


def test_missing_input_is_named_with_its_place(folder):
    Path(Source().get_outfile()).unlink()
    with pytest.raises(NotFound, match=r"Source, which .* needs, is not at .*/raw/Source.json"):
        run(Sum())
    assert RAN == []


def test_many_missing_inputs_are_cut(folder):
    class Input(luisy.ExternalTask):
        number = luisy.IntParameter()

    class Many(luisy.Task):
        def requires(self):
            return [Input(number=number) for number in range(50)]

    with pytest.raises(NotFound, match="50 inputs are missing; put them in place:") as caught:
        run(Many())
    lines = str(caught.value).splitlines()
    assert len(lines) == 42
    assert lines[-1] == "  and 10 more"


@pytest.mark.parametrize("workers", [1, 2])
def test_requirement_that_is_known_only_during_the_run_is_made(folder, workers):
    assert luisy.build(Growing(), workers=workers).succeeded
    assert Growing().read() == [14]


def test_dry_run_runs_nothing(folder):
    outcome = run(Sum(), dry_run=True)
    assert {step.name for step in outcome.plan.having(Verdict.RUN)} == {"Doubled", "Beside", "Sum"}
    assert RAN == []


def test_person_may_refuse(folder):
    class Refusing(Nothing):
        def approve(self):
            return False

    outcome = run(Sum(), ask=True, show=Refusing())
    assert outcome.is_refused
    assert not outcome.succeeded
    assert RAN == []


def test_person_may_refuse_an_adoption(folder):
    class Refusing(Nothing):
        def approve(self):
            return False

    run(Doubled())
    records(Doubled()).unlink()
    outcome = run(Doubled(), ask=True, show=Refusing(), hash_update_mode=True)
    assert outcome.is_refused
    assert not records(Doubled()).exists()


def records(task):
    return Path(Config().working_dir, task.project_name, ".luisy.hash")


def test_nothing_to_do_asks_nothing(folder):
    run(Sum())

    class Unasked(Nothing):
        def approve(self):
            pytest.fail("asked though there is nothing to do")

    assert run(Sum(), ask=True, show=Unasked()).succeeded


def test_download_without_store_is_refused(folder):
    with pytest.raises(ConfigurationError, match=r"--download needs a store.*LUISY_REMOTE"):
        run(Sum(), download=True)


def test_build_leaves_the_settings_as_they_were(folder, tmp_path):
    run(Forgetful(), working_dir=str(tmp_path / "other"))
    assert Config().working_dir == str(folder)


def test_complete_outside_a_run_moves_nothing(folder):
    assert not Sum().complete()
    run(Sum())
    assert Sum().complete()
    source(8)
    assert not Sum().complete()
    assert Sum().output().exists()
    assert not list(folder.glob("*/.luisy/aside"))


@pytest.fixture
def store(tmp_path):
    pytest.importorskip("luisy_cloud", reason="the synchroniser is another package")
    (tmp_path / "store").mkdir()
    return (tmp_path / "store").as_uri()


def test_only_what_is_needed_is_downloaded(folder, tmp_path, store):
    run(Sum(), remote=store, upload=True)
    outcome = run(Sum(), remote=store, download=True, working_dir=str(tmp_path / "second"))
    assert (outcome.ran, outcome.downloaded) == ([], [Sum().key])


def test_downloaded_output_notices_later_that_an_input_far_below_has_changed(
    folder, tmp_path, store
):
    run(Sum(), remote=store, upload=True)
    luisy.set_working_dir(tmp_path / "second")
    run(Sum(), remote=store, download=True)
    source(7)
    assert not run(Sum(), dry_run=True).plan.has_work
    source(8)
    assert sorted(run(Sum()).ran) == ["Beside", "Doubled", "Sum"]


def test_damaged_object_in_the_store_is_made_here_instead(folder, tmp_path, store):
    run(Sum(), remote=store, upload=True)
    stored = tmp_path / "store" / Sum().key
    stored.write_bytes(stored.read_bytes().replace(b"2", b"3"))
    outcome = run(Sum(), remote=store, download=True, working_dir=str(tmp_path / "second"))
    assert outcome.ran == ["Sum"]
    assert set(outcome.downloaded) == {Doubled().key, Beside().key}


def test_second_upload_sends_nothing(folder, store):
    run(Sum(), remote=store, upload=True)
    assert not run(Sum(), remote=store, upload=True).plan.has_work


def test_nothing_is_uploaded_of_a_failed_run(folder, tmp_path, store):
    FAILING.add("Doubled")
    assert run(Sum(), remote=store, upload=True).uploaded == []
    assert not (tmp_path / "store" / Beside().key).exists()


def test_read_fetches_what_is_fresh_in_the_store(folder, tmp_path, store):
    run(Sum(), remote=store, upload=True)
    Config().update({"working_dir": tmp_path / "second", "remote": store, "download": True})
    assert Sum().read() == {"value": 21}


def test_read_of_what_is_nowhere_says_so(folder, tmp_path, store):
    Config().update({"remote": store, "download": True})
    with pytest.raises(NotFound, match=r"Sum is neither in .* nor in .*as the present code"):
        Sum().read()
