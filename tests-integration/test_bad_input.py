"""Each mistake is answered by one clear sentence and a non-zero exit, and nothing is lost.

Exit codes: 1 where something failed, 2 where the command or a setting is wrong.
"""

import sys

import pytest

RUN = "luisy --module my_module.tasks FinalFile"
SCALED = """
import luisy


@luisy.final
class Scaled(luisy.Task):
    factor = luisy.IntParameter()

    def run(self):
        self.write(self.factor)
"""
BROKEN = """
import luisy


@luisy.interim
@luisy.csv_output()
class Broken(luisy.Task):
    def run(self):
        import pandas as pd

        self.write(pd.DataFrame({"a": [1]}))
        raise RuntimeError("the flux capacitor is empty")


@luisy.interim
class Independent(luisy.Task):
    def run(self):
        print("[computing Independent]", flush=True)
        self.write("fine")


@luisy.final
@luisy.requires(Broken, Independent)
class Dependent(luisy.Task):
    def run(self):
        print("[computing Dependent]", flush=True)
"""


def test_no_working_directory_is_named_with_both_ways_to_give_it(team):
    done = team.run(f"{RUN} --no-ask")
    assert done.code == 2
    assert "--working-dir" in done.complaint
    assert "WORKING_DIR" in done.complaint


def test_working_directory_that_is_a_file_is_refused(team):
    (team.root / "file").write_text("mine")
    done = team.run(f"{RUN} --working-dir ../file --no-ask")
    assert done.code == 2
    assert "file" in done.complaint
    assert (team.root / "file").read_text() == "mine"


@pytest.mark.skipif(sys.platform != "linux", reason="/proc is Linux's folder in which none writes")
def test_working_directory_that_cannot_be_written_is_refused(team):
    done = team.run(f"{RUN} --working-dir /proc/nobody --no-ask")
    assert done.code == 2
    assert "/proc/nobody" in done.complaint


@pytest.mark.parametrize(
    ("names", "said"),
    [
        ("my_module.nothing FinalFile", "my_module.nothing"),
        ("my_module.tasks NoSuchFile", "NoSuchFile"),
    ],
    ids=["module", "task"],
)
def test_unknown_name_is_repeated(team, names, said):
    done = team.run(f"luisy --module {names} --working-dir ../anna --no-ask")
    assert done.code == 2
    assert said in done.complaint


@pytest.mark.parametrize("given", ["", "--factor many"], ids=["missing", "unparsable"])
def test_bad_task_parameter_is_named(team, given):
    team.write_module("scaled", SCALED)
    done = team.run(f"luisy --module my_module.scaled Scaled {given} --working-dir ../a --no-ask")
    assert done.code == 2
    assert "factor" in done.complaint
    assert team.files("a") == set()


def test_missing_raw_file_is_named_with_both_places(team):
    done = team.run(f"{RUN} --working-dir ../anna --download --no-ask")
    assert done.code == 1
    assert str(team.root / "anna/my_module/raw/file_a.csv") in done.text
    assert team.settings["LUISY_REMOTE"] in done.text
    assert done.computed == []
    assert "Traceback" not in done.text


def test_upload_without_a_store_is_refused_before_anything_runs(team):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask", LUISY_REMOTE=None)
    assert done.code == 2
    assert "LUISY_REMOTE" in done.complaint
    assert done.computed == []


@pytest.mark.parametrize("flag", ["--upload", "--download"])
def test_store_that_cannot_be_reached_is_refused_before_anything_runs(team, flag):
    team.give_raw_files("anna")
    (team.root / "cable").write_text("cut")
    url = (team.root / "cable/store").as_uri()
    done = team.run(f"{RUN} --working-dir ../anna {flag} --no-ask", LUISY_REMOTE=url)
    assert done.code == 1
    assert "cable" in done.complaint
    assert done.computed == []


def test_store_of_an_unknown_kind_is_refused_before_anything_runs(team):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask", LUISY_REMOTE="gopher://x/y")
    assert done.code == 2
    assert "gopher" in done.complaint
    assert done.computed == []


def test_corrupt_record_file_is_set_aside_and_its_tasks_are_unknown(shared):
    records = shared.root / "anna/my_module/.luisy.hash"
    records.write_bytes(b"\x00\xff not a record file\n")
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, ["MultipliedFile", "FinalFile"]), done.text
    assert ".luisy.hash" in done.text
    kept = [path for path in records.parent.rglob("*") if path.is_file() and path != records]
    assert any(path.read_bytes().startswith(b"\x00\xff not") for path in kept)


def test_failing_task_leaves_no_output_and_stops_only_its_dependents(team):
    team.write_module("broken", BROKEN)
    command = "luisy --module my_module.broken Dependent --working-dir ../anna --no-ask"
    done = team.run(command)
    assert done.code == 1
    assert "the flux capacitor is empty" in done.text
    assert "Traceback" in done.text
    assert "Dependent" in done.text
    assert done.computed == ["Independent"]
    assert team.files("anna") == {"interim/Independent.pkl"}


def test_no_terminal_and_no_answer_stops_with_the_hint(team):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna")
    assert done.code == 2
    assert "--no-ask" in done.complaint
    assert done.computed == []


def test_nothing_to_do_needs_no_answer(shared):
    assert shared.run(f"{RUN} --working-dir ../anna").code == 0


@pytest.mark.parametrize("flag", ["--work ../anna", "--down", "--no-as"])
def test_abbreviated_flag_is_refused(team, flag):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --no-ask --working-dir ../anna {flag}")
    assert done.code == 2
    assert flag.split()[0] in done.complaint
    assert done.computed == []
