"""What a plan says of tasks without a record: of plain luigi, or with outputs elsewhere."""

import luigi
import luisy
import pytest


class Changed(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


class Plain(luigi.Task):
    number = luigi.IntParameter(default=0)
    folder = luigi.Parameter(significant=False)

    def requires(self):
        return Group(number=self.number)

    def output(self):
        return luigi.LocalTarget(f"{self.folder}/plain-{self.number}")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


class Group(luisy.WrapperTask):
    number = luisy.IntParameter()

    def requires(self):
        return Changed(number=self.number)


class Elsewhere(luisy.Task):
    folder = luisy.Parameter(significant=False)

    def output(self):
        return luigi.LocalTarget(f"{self.folder}/elsewhere")

    def run(self):
        with self.output().open("w") as file:
            file.write("x")


class Above(luisy.Task):
    folder = luisy.Parameter(significant=False)

    def requires(self):
        return [Plain(folder=self.folder), Elsewhere(folder=self.folder)]

    def run(self):
        self.write(1)


class Many(luisy.Task):
    folder = luisy.Parameter(significant=False)

    def requires(self):
        return [Plain(number=number, folder=self.folder) for number in range(5)]

    def run(self):
        self.write(1)


@pytest.fixture
def elsewhere(luisy_working_dir, tmp_path_factory):
    return str(tmp_path_factory.mktemp("elsewhere"))


def notes(task):
    return luisy.build(task, dry_run=True).plan.notes


def test_plan_with_records_of_everything_has_no_notes(luisy_working_dir):
    luisy.build(Changed(number=1))
    assert notes(Changed(number=1)) == ()


def test_what_is_going_to_run_is_not_taken_on_trust(elsewhere):
    assert notes(Above(folder=elsewhere)) == ()


def test_what_has_no_record_is_named_once_done(elsewhere):
    luisy.build(Above(folder=elsewhere))
    (note,) = notes(Above(folder=elsewhere))
    assert note.startswith("no record is kept of Plain(number=0), Elsewhere: done is what")


def test_what_has_changed_below_is_told(elsewhere, luisy_working_dir):
    luisy.build(Above(folder=elsewhere))
    (luisy_working_dir / Changed(number=0).key).write_bytes(b"other")
    outdated = [note for note in notes(Above(folder=elsewhere)) if "not run again" in note]
    assert len(outdated) == 1
    assert ": Plain(number=0). complete()" in outdated[0]


def test_output_that_is_not_kept_is_no_change(elsewhere, luisy_working_dir):
    luisy.build(Above(folder=elsewhere))
    (luisy_working_dir / Changed(number=0).key).unlink()
    assert not any("not run again" in note for note in notes(Above(folder=elsewhere)))


def test_many_are_counted(elsewhere):
    luisy.build(Many(folder=elsewhere))
    (note,) = notes(Many(folder=elsewhere))
    assert "Plain(number=2) and 2 more: done" in note
