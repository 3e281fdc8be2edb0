"""Each mistake is answered by one clear sentence and a non-zero exit, and nothing is lost.

Exit codes: 1 where something failed, 2 where the command or a setting is wrong; luigi's own where
its configuration has them.
"""

import socket
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


NAMESAKE = """
import luisy


@luisy.interim
class Load(luisy.Task):
    def run(self):
        self.write(__name__)
"""
ABOVE_NAMESAKES = """
import luisy
from my_module import here, there


@luisy.final
class Requiring(luisy.Task):
    def requires(self):
        return [here.Load(), there.Load()]

    def run(self):
        self.write([one.read() for one in self.input()])


@luisy.final
class Yielding(luisy.Task):
    def run(self):
        loaded = yield here.Load()
        self.write(loaded.read())
"""
ONE_FILE = """
import luisy


@luisy.interim
class Number(luisy.Task):
    number = luisy.IntParameter()

    def get_file_name(self):
        return "number"

    def run(self):
        self.write(self.number)


@luisy.final
class Both(luisy.Task):
    def requires(self):
        return [Number(number=1), Number(number=2)]
"""
ENDS = """
import luigi
import luisy


@luisy.final
class Failing(luisy.Task):
    def run(self):
        raise RuntimeError("failed")


@luisy.final
@luisy.requires(Failing)
class Waiting(luisy.Task):
    def run(self):
        self.write(1)


class NotThere(luigi.ExternalTask):
    def output(self):
        return luigi.LocalTarget("/nowhere")


@luisy.final
@luisy.requires(NotThere)
class Hungry(luisy.Task):
    def run(self):
        self.write(1)


@luisy.final
class Unplanned(luisy.Task):
    def requires(self):
        return 1 / 0


@luisy.final
class Fine(luisy.Task):
    def run(self):
        self.write(1)
"""
RETCODES = """
[retcode]
missing_data = 20
not_run = 45
task_failed = 30
scheduling_error = 35
unhandled_exception = 40
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


def test_missing_inputs_have_a_line_each_and_the_way_to_get_them(team):
    done = team.run(f"{RUN} --working-dir ../anna --no-ask")
    head, *lines = done.err.splitlines()
    store = team.settings["LUISY_REMOTE"]
    assert done.code == 1
    assert head.startswith("luisy: 2 inputs are missing; put them in place")
    assert head.endswith(f"or fetch what {store} has with --download:")
    raw = team.root / "anna/my_module/raw"
    assert sorted(lines) == [
        f"  {raw}/file_a.csv (FileA, for MultipliedFile)",
        f"  {raw}/file_b.csv (FileB, for FinalFile)",
    ]


@pytest.mark.parametrize("task", ["Requiring", "Yielding", "Load"])
def test_tasks_of_one_name_are_told_with_their_modules(team, task):
    team.write_module("here", NAMESAKE)
    team.write_module("there", NAMESAKE)
    team.write_module("above", ABOVE_NAMESAKES)
    done = team.run(f"luisy my_module.above {task} --working-dir ../anna --no-ask --quiet")
    assert done.code == (1 if task == "Yielding" else 2)
    assert "tasks 'Load' in my_module.here and in my_module.there" in done.err
    assert "rename one" in done.err
    assert "Traceback" not in done.text


def test_tasks_that_write_one_file_are_refused_before_anything_runs(team):
    team.write_module("one_file", ONE_FILE)
    done = team.run("luisy my_module.one_file Both --working-dir ../anna --no-ask")
    assert done.code == 2
    assert "Number(number=1) and Number(number=2) both write my_module/interim" in done.complaint


@pytest.mark.parametrize(
    ("module", "task", "plain", "configured"),
    [
        ("ends", "Fine", 0, 0),
        ("ends", "Waiting", 1, 30),
        ("ends", "Hungry", 1, 20),
        ("ends", "Unplanned", 1, 35),
        ("unimportable", "Any", 1, 40),
        ("ends", "Nope", 2, 2),
    ],
    ids=["fine", "failed", "missing", "unplanned", "unhandled", "misused"],
)
def test_exit_codes_are_those_of_luigis_configuration(team, module, task, plain, configured):
    team.write_module("ends", ENDS)
    team.write_module("unimportable", "1 / 0\n")
    command = f"luisy my_module.{module} {task} --no-ask --working-dir"
    assert team.run(f"{command} ../anna").code == plain
    (team.code / "luigi.cfg").write_text(RETCODES)
    done = team.run(f"{command} ../ben")
    assert done.code == configured, done.text


def test_central_scheduler_that_does_not_answer_is_told_at_once(team):
    team.write_module("ends", ENDS)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # nobody listens there
        port = taken.getsockname()[1]
        done = team.run(
            "luisy my_module.ends Fine --working-dir ../anna --no-ask --quiet "
            f"--scheduler-host 127.0.0.1 --scheduler-port {port}"
        )
    assert done.code == 1
    assert "central scheduler does not answer at" in done.complaint
    assert str(port) in done.complaint
    assert team.files("anna") == set()


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
