"""The command, in this process: arguments, exit codes, and the commands that look at a pipeline."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from luigi.task_register import Register
from luisy.aside import Aside, outdated
from luisy.cli import call
from luisy.config import Config
from luisy.workspace import Workspace
from luisy_protocol.record import Record

UTIL = '''\
FACTOR = 2


def scale(value):
    """Scale a value."""
    return value * FACTOR
'''
TASKS = '''\
import luisy

from {package}.util import scale


@luisy.raw
@luisy.json_output()
class Source(luisy.ExternalTask):
    """An input."""


@luisy.interim
@luisy.json_output()
@luisy.requires(Source)
class Scaled(luisy.Task):
    """A scaled input."""

    number = luisy.IntParameter(description="Which one.")

    def run(self):
        self.write(scale(self.input().read()) + self.number)


@luisy.final
@luisy.json_output()
class Both(luisy.Task):
    def requires(self):
        return [Scaled(number=1), Scaled(number=2)]

    def run(self):
        self.write([one.read() for one in self.input()])
'''
COUNT = iter(range(1000))


class Project:
    def __init__(self, root, monkeypatch):
        # Every test has modules of its own: Python and luigi remember those of the others.
        self.package = f"cli_project_{next(COUNT)}"
        self.code = root / "code" / self.package
        self.code.mkdir(parents=True)
        (self.code / "__init__.py").touch()
        self.write_util(UTIL)
        self.data = root / "data"
        self.source(5)
        monkeypatch.chdir(root / "code")
        self.tasks = "tasks"
        self.new_version()

    def write_util(self, text):
        (self.code / "util.py").write_text(text)

    def new_version(self):
        (self.code / "tasks.py").write_text(TASKS.format(package=self.package))

    def source(self, value):
        path = self.data / self.package / "raw" / "Source.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(value))

    def luisy(self, line):
        forget()
        command, *rest = line.split()
        words = [command, *rest] if command in COMMANDS else ["run", command, *rest]
        with Config().restored():
            Config().reset()
            is_named = command == "restore" or f"{self.package}.tasks" in words
            module = [] if is_named else ["--module", f"{self.package}.tasks"]
            return call([*words, *module, "--working-dir", str(self.data)])

    def output(self, name):
        return json.loads((self.data / self.package / name).read_text())


COMMANDS = {"run", "plan", "explain", "status", "graph", "restore", "clean"}


def forget():
    """Let Python and luigi forget all tasks but those of libraries, as if the process were new."""
    for name in [name for name in sys.modules if name.startswith("cli_project")]:
        del sys.modules[name]
    Register._reg[:] = [cls for cls in Register._reg if cls.__module__.startswith(LIBRARIES)]


LIBRARIES = ("luigi.", "luisy.")


@pytest.fixture
def project(tmp_path, monkeypatch):
    path, known = list(sys.path), list(Register._reg)
    yield Project(tmp_path, monkeypatch)
    forget()
    sys.path[:], Register._reg[:] = path, known


def test_run_makes_the_output_and_exits_with_zero(project):
    assert project.luisy("Both --no-ask") == 0
    assert project.output("final/Both.json") == [11, 12]


def test_second_run_does_nothing(project, capsys):
    project.luisy("Both --no-ask")
    capsys.readouterr()
    assert project.luisy("Both --no-ask") == 0
    assert "Nothing to do" in capsys.readouterr().out


YIELDING = """\
import luisy


@luisy.interim
@luisy.auto_filename(excl_params=["mode"])
class Part(luisy.Task):
    mode = luisy.Parameter()

    def run(self):
        self.write(self.mode)


@luisy.interim
class Parts(luisy.Task):
    def run(self):
        part = yield Part(mode="old")
        self.write(part.read())


class All(luisy.WrapperTask):
    def requires(self):
        return [Parts(), Part(mode="old")]
"""


def test_what_was_yielded_last_time_does_not_stop_a_plan(project):
    tasks = project.code / "tasks.py"
    tasks.write_text(YIELDING)
    assert project.luisy("All --no-ask") == 0
    tasks.write_text(YIELDING.replace("old", "new"))
    assert project.luisy("All --no-ask") == 0
    assert project.luisy("All --dry-run") == 0


def test_what_was_yielded_last_time_and_contradicts_the_code_runs_again(project, capsys):
    tasks = project.code / "tasks.py"
    tasks.write_text(YIELDING)
    project.luisy("All --no-ask")
    tasks.write_text(YIELDING.replace('Parts(), Part(mode="old")', 'Parts(), Part(mode="new")'))
    assert project.luisy("All --no-ask") == 1
    assert "Part(mode=new) and Part(mode=old) both write" in capsys.readouterr().err


def test_plan_names_the_changed_constant(project, capsys):
    project.luisy("Both --no-ask")
    project.write_util(UTIL.replace("FACTOR = 2", "FACTOR = 3"))
    capsys.readouterr()
    assert project.luisy("plan Both") == 0
    out = capsys.readouterr().out
    assert f"code changed: FACTOR in {project.package}/util.py" in out
    assert "upstream runs: Scaled(number=1)" in out


@pytest.mark.parametrize("command", ["plan", "explain", "status", "graph", "run --dry-run"])
def test_module_may_stand_before_the_task(project, capsys, command):
    command, *flags = command.split()
    words = [command, f"{project.package}.tasks", "Scaled", "--number", "1", *flags]
    assert project.luisy(" ".join(words)) == 0
    assert "Scaled" in capsys.readouterr().out


def test_explain_shows_chain_and_diff(project, capsys):
    project.luisy("Both --no-ask")
    project.write_util(UTIL.replace("FACTOR = 2", "FACTOR = 3"))
    capsys.readouterr()
    assert project.luisy("explain Both") == 0
    out = capsys.readouterr().out
    package = project.package
    chain = (
        f"Scaled in {package}/tasks.py -> scale in {package}/util.py -> FACTOR in {package}/util.py"
    )
    assert chain in out
    assert "-FACTOR = 2\n" in out
    assert "+FACTOR = 3\n" in out
    assert out.count("+FACTOR = 3") == 1


def test_explain_as_json_has_the_diff_and_the_record(project, capsys):
    project.luisy("Both --no-ask")
    project.write_util(UTIL.replace("FACTOR = 2", "FACTOR = 3"))
    capsys.readouterr()
    assert project.luisy("explain Both --json") == 0
    found = {one["task"]: one for one in json.loads(capsys.readouterr().out)}
    (change,) = found["Scaled(number=1)"]["changes"]
    assert change["part"] == f"{project.package}/util.py:FACTOR"
    assert "+FACTOR = 3" in change["diff"]
    assert found["Scaled(number=1)"]["record"]["origin"] == "run"


def test_status_counts_families(project, capsys):
    project.luisy("Scaled --number 1 --no-ask")
    capsys.readouterr()
    assert project.luisy("status Both --json") == 0
    counts = {
        one["family"]: (one["layer"], one["fresh"], one["missing"])
        for one in json.loads(capsys.readouterr().out)
    }
    assert counts == {"Source": ("raw", 1, 0), "Scaled": ("interim", 1, 1), "Both": ("final", 0, 1)}
    assert project.luisy("status Both") == 0
    assert "interim" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("line", "begin"),
    [
        ("graph Both", "flowchart LR"),
        ("graph Both --format dot", "digraph"),
        ("graph Both --format svg", "<svg"),
    ],
    ids=["mermaid", "dot", "svg"],
)
def test_graph_is_written(project, capsys, line, begin):
    assert project.luisy(line) == 0
    assert capsys.readouterr().out.startswith(begin)


def test_graph_of_an_unknown_kind_is_refused(project, tmp_path, capsys):
    assert project.luisy(f"graph Both --output {tmp_path}/graph.gif") == 2
    assert "tells no format" in capsys.readouterr().err


def test_hash_update_adopts_what_is_there_and_nothing_else(project, capsys):
    project.luisy("Scaled --number 1 --no-ask")
    project.write_util(UTIL.replace("value * FACTOR", "FACTOR * value"))
    assert project.luisy("Both --hash-update-mode --no-ask") == 0
    capsys.readouterr()
    project.luisy("plan Both --json")
    verdicts = {one["task"]: one["verdict"] for one in json.loads(capsys.readouterr().out)["steps"]}
    assert verdicts == {
        "Source": "keep",
        "Scaled(number=1)": "keep",
        "Scaled(number=2)": "run",
        "Both": "run",
    }
    project.luisy("explain Both --all --json")
    record = json.loads(capsys.readouterr().out)[1]["record"]
    assert record["origin"] == "adopted"
    assert len(record["previous_hash"]) == 64


def test_hash_update_migrates_outputs_of_luisy_1_4(project, capsys):
    folder = project.data / project.package
    project.luisy("Both --no-ask")
    (folder / ".luisy.hash").unlink()
    legacy = {
        f"/{project.package}/interim/Scaled_number=1.json": "0" * 32,
        f"/{project.package}/interim/Scaled_number=2.json": "1" * 32,
        f"/{project.package}/final/Both.json": "2" * 32,
    }
    (folder / ".luisy.hash").write_text(json.dumps(legacy))
    capsys.readouterr()
    assert project.luisy("Both --hash-update-mode --no-ask") == 0
    assert f"was {'0' * 12}" in capsys.readouterr().out
    assert project.luisy("Both --no-ask") == 0
    assert "Nothing to do" in capsys.readouterr().out


def test_hash_update_asks(project, capsys):
    project.luisy("Both --no-ask")
    project.write_util(UTIL.replace("FACTOR = 2", "FACTOR = 3"))
    assert project.luisy("Both --hash-update-mode") == 2
    assert "--no-ask" in capsys.readouterr().err
    project.luisy("Both --dry-run")
    assert "3 to run" in capsys.readouterr().out


def test_clean_removes_what_no_task_claims(project, capsys):
    project.luisy("Both --no-ask")
    folder, package = project.data / project.package, project.package
    # What a task that is no more has left, and a file that luisy did not make.
    (folder / "final/Former.json").write_text("{}")
    (folder / "final/note.txt").write_text("mine")
    former = Record(key=f"{package}/final/Former.json", hash="0" * 64, sha256="0" * 64, size=2)
    Workspace(project.data).records(package).append([former])
    capsys.readouterr()
    assert project.luisy("clean --dry-run") == 0
    assert capsys.readouterr().out.splitlines() == [f"{package}/final/Former.json  2 B"]
    assert project.luisy("clean") == 2
    assert (folder / "final/Former.json").exists()
    assert project.luisy("clean --no-ask") == 0
    left = {path.name for path in folder.glob("*/*")}
    assert {"Both.json", "Scaled_number=1.json", "Source.json", "note.txt"} <= left
    assert "Former.json" not in left
    assert former.key not in Workspace(project.data).records(package).read().records


@pytest.mark.parametrize("line", ["restore", "clean --module json --no-ask"])
def test_working_directory_that_is_not_there_has_nothing_to_care_for(tmp_path, capsys, line):
    with Config().restored():
        assert call([*line.split(), "--working-dir", str(tmp_path / "typo")]) == 2
    assert "no working directory" in capsys.readouterr().err
    assert not (tmp_path / "typo").exists()


def test_restore_puts_back_what_a_killed_run_set_aside(project, capsys):
    project.luisy("Both --no-ask")
    key = f"{project.package}/final/Both.json"
    Aside(Workspace(project.data)).put([key])
    assert not (project.data / key).exists()
    assert project.luisy("restore") == 0
    assert key in capsys.readouterr().out
    assert (project.data / key).exists()


def test_restore_tells_of_what_only_the_person_can_choose(project, capsys):
    project.luisy("Both --no-ask")
    workspace, key = Workspace(project.data), f"{project.package}/final/Both.json"
    (project.data / key).write_text("changed by hand")
    Aside(workspace).put([key])
    (project.data / key).write_text("half")
    capsys.readouterr()
    assert project.luisy("restore") == 0
    told = capsys.readouterr().out
    assert f"left {key} as it is" in told
    assert str(outdated(workspace, key)) in told
    assert (project.data / key).read_text() == "half"


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("Both --work x --no-ask", ["no option --work", "--working-dir"]),
        ("Both --no-as", ["no option --no-as", "--no-ask"]),
        ("--workng-dir x Both", ["no option --workng-dir", "mean --working-dir?"]),
        ("plan Both --verbos", ["no option --verbos", "--verbose"]),
        ("graph --formt dot Both", ["no option --formt", "mean --format?"]),
        ("graph --by-tsk Both", ["no option --by-tsk", "--by-task"]),
        ("clean --modul x", ["--modul", "--module"]),
        ("restore --jsn", ["--jsn", "--json"]),
        ("Boht --no-ask", ["no task 'Boht'", "Both"]),
        ("Nope", ["no task 'Nope'", "are Source, Scaled, Both"]),
        ("run", ["no task is given", "Source, Scaled, Both"]),
        ("Scaled --no-ask", ["Scaled needs --number"]),
        ("Scaled --number x --no-ask", ["--number", "'x'", "int"]),
        ("Both", ["--no-ask"]),
    ],
    ids=[
        "abbreviated",
        "abbreviated-ours",
        "before-the-task",
        "of-plan",
        "of-graph",
        "second-name",
        "of-clean",
        "of-restore",
        "task",
        "unlike-any",
        "none",
        "missing",
        "unparsable",
        "no-terminal",
    ],
)
def test_misuse_is_one_sentence_and_exit_code_two(project, capsys, line, words):
    assert project.luisy(line) == 2
    err = capsys.readouterr().err
    assert all(word in err for word in words)
    assert err.startswith("luisy: ")
    assert err.count("\n") == 1
    assert "Traceback" not in err


def test_unknown_module_is_named(capsys):
    assert call(["--module", "no_such_module_here", "X", "--working-dir", "/tmp"]) == 2
    assert "no module 'no_such_module_here'" in capsys.readouterr().err


def test_help_lists_commands_and_options(capsys):
    assert call(["--help"]) == 0
    out = capsys.readouterr().out
    assert all(word in out for word in [*COMMANDS, "--working-dir", "--dry-run", "--upload"])


@pytest.mark.parametrize("line", [[], ["run"], ["graph"]], ids=["alone", "run", "graph"])
def test_help_has_a_short_flag(line, capsys):
    assert call([*line, "-h"]) == 0
    assert "Usage: luisy" in capsys.readouterr().out


@pytest.mark.parametrize("line", [[], *([command] for command in sorted(COMMANDS))], ids=str)
def test_help_lists_itself_last_and_fits_into_80_columns(line, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    call([*line, "--help"])
    out = capsys.readouterr().out
    options = out.partition("Options:")[2].partition("Commands:")[0]
    assert "--help" in options.strip().splitlines()[-1]
    assert max(map(len, out.splitlines())) <= 80


def test_no_words_at_all_show_the_help_as_misuse(capsys):
    assert call([]) == 2
    assert capsys.readouterr().err.startswith("Usage: luisy [COMMAND]")


def test_misspelt_command_is_guessed(capsys):
    assert call(["exlpain", "my_module", "Task"]) == 2
    assert "did you mean explain?" in capsys.readouterr().err


def test_task_without_its_module_is_told_how_to_call_it(capsys):
    assert call(["NobodyHasThisTask"]) == 2
    assert "luisy MODULE TASK" in capsys.readouterr().err


def test_help_of_a_task_lists_its_parameters(project, capsys):
    assert project.luisy("Scaled --help") == 0
    out = capsys.readouterr().out
    assert "A scaled input." in out
    assert "--number INT  Which one.  [required]" in out
    assert out.index("--number") < out.index("--download")


def test_version_is_told(capsys):
    import luisy

    assert call(["--version"]) == 0
    assert luisy.__version__ in capsys.readouterr().out


def test_broken_requires_has_a_traceback_of_the_task_alone(project, capsys):
    tasks = project.code / "tasks.py"
    tasks.write_text(TASKS.format(package=project.package).replace("Scaled(number=1)", "[].none"))
    assert project.luisy("Both --no-ask") == 1
    err = capsys.readouterr().err
    assert err.startswith("luisy cannot plan this:\nTraceback")
    assert err.count("  File ") == 1
    assert "AttributeError" in err


def test_quiet_says_nothing_when_all_is_well(project, capsys):
    assert project.luisy("Both --no-ask --quiet") == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("workers", [1, 2])
def test_outputs_that_find_no_room_are_told_in_a_sentence_and_made_later(
    workers, project, capfd, largest_file
):
    project.luisy("Both --no-ask --quiet")
    project.write_util("def scale(value):\n    return 10**4200\n")
    with largest_file(4_000):
        assert project.luisy(f"Both --no-ask --quiet --workers {workers}") == 1
    told = capfd.readouterr().err.splitlines()
    path = project.data / project.package / "interim"
    for line in told[:2]:
        assert re.fullmatch(
            rf"Scaled\(number=[12]\) failed: cannot write {path}/Scaled_number=[12]\.json: "
            r"the file is larger than allowed; raise the limit \(.*\) and try again",
            line,
        )
    assert [line.partition(":")[0] for line in told[2:5]] == ["failed", "failed", "not run"]
    assert len(told) == 6  # the last names luigi's log
    assert project.output("final/Both.json") == [11, 12]
    assert project.luisy("Both --no-ask --quiet") == 0
    assert project.output("final/Both.json") == [10**4200 + 1, 10**4200 + 2]


MAIN = "from luisy.cli import main; main()"
FULL = "luisy: cannot write the output of this command: the disk is full; free some space"


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("is_buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["--version", "plan", "run"])
def test_stdout_that_has_no_room_is_told_in_a_sentence(project, tmp_path, command, is_buffered):
    task = [f"{project.package}.tasks", "Both", "--working-dir", str(project.data)]
    words = [command, *task, *(["--no-ask"] if command == "run" else [])]
    assert_told_of_full_stdout(words, tmp_path / "code", is_buffered=is_buffered)


def assert_told_of_full_stdout(words, code, *, is_buffered):
    """Run the command with a stdout that takes nothing."""
    env = {"PYTHONPATH": os.pathsep.join([*sys.path, str(code)])}
    env["PYTHONUNBUFFERED"] = "" if is_buffered else "1"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            env={**os.environ, **env},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr.startswith(FULL)
    assert done.stderr.count("\n") == 1
    assert done.returncode == 1


@pytest.mark.skipif(os.name == "nt", reason="a shell of Windows has no such redirection")
def test_command_without_a_stdout_ends_as_with_one(project, tmp_path):
    words = ["run", f"{project.package}.tasks", "Both", "--no-ask"]
    done = without_stdout([*words, "--working-dir", str(project.data)], tmp_path / "code")
    assert "Traceback" not in done.stderr
    assert done.returncode == 0
    assert project.output("final/Both.json") == [11, 12]


def without_stdout(words, code):
    """Run the command in a process that has no stdout."""
    env = {"PYTHONPATH": os.pathsep.join([*sys.path, str(code)])}
    return subprocess.run(
        ["sh", "-c", 'exec "$@" >&-', "sh", sys.executable, "-c", MAIN, *words],
        env={**os.environ, **env},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


FILLING = """\
import errno
import luisy


@luisy.final
class Filling(luisy.Task):
    def requires(self):
        raise OSError(errno.ENOSPC, "No space left on device", "/scratch/x")
"""


def test_full_disk_that_a_task_met_while_it_is_planned_shows_where(project, capfd):
    (project.code / "filling.py").write_text(FILLING)
    words = [f"{project.package}.filling", "Filling", "--no-ask"]
    assert call(["run", *words, "--working-dir", str(project.data)]) == 1
    told = capfd.readouterr().err
    assert "luisy cannot plan this" in told
    assert "/scratch/x" in told
    assert "the output of this command" not in told


@pytest.mark.skipif(os.name == "nt", reason="a shell of Windows has no such redirection")
def test_full_disk_that_a_task_met_shows_where_without_a_stdout_too(project, tmp_path):
    (project.code / "filling.py").write_text(FILLING)
    words = ["run", f"{project.package}.filling", "Filling", "--no-ask"]
    done = without_stdout([*words, "--working-dir", str(project.data)], tmp_path / "code")
    assert done.stderr.startswith("luisy cannot plan this")
    assert "AttributeError" not in done.stderr
    assert done.returncode == 1


PRINTING = """\
import luisy

print("a line")


@luisy.final
class Printing(luisy.Task):
    def run(self):
        self.write(1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
def test_what_tasks_print_and_finds_no_room_is_told_in_a_sentence(project, tmp_path):
    (project.code / "printing.py").write_text(PRINTING)
    words = [f"{project.package}.printing", "Printing", "--quiet", "--no-ask"]
    words += ["--working-dir", str(project.data)]
    assert_told_of_full_stdout(words, tmp_path / "code", is_buffered=True)


@pytest.mark.parametrize("is_buffered", [True, False], ids=["buffered", "unbuffered"])
@pytest.mark.parametrize("command", ["--version", "plan", "printing"])
def test_reader_that_has_enough_of_the_output_ends_the_command_without_a_word(
    project, tmp_path, command, is_buffered
):
    (project.code / "printing.py").write_text(PRINTING)
    words = {
        "--version": ["--version"],
        "plan": ["plan", f"{project.package}.tasks", "Both"],
        "printing": ["run", f"{project.package}.printing", "Printing", "--quiet", "--no-ask"],
    }[command]
    env = {"PYTHONPATH": os.pathsep.join([*sys.path, str(tmp_path / "code")])}
    env |= {"PYTHONUNBUFFERED": "" if is_buffered else "1", "WORKING_DIR": str(project.data)}
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = subprocess.run(
            [sys.executable, "-c", MAIN, *words],
            env={**os.environ, **env},
            stdout=writing,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    finally:
        os.close(writing)
    assert (done.stderr, done.returncode) == ("", 1)


def test_log_of_luigi_is_a_file(project):
    project.luisy("Both --no-ask")
    (log,) = Path(project.data / project.package / ".luisy" / "logs").iterdir()
    assert "Scaled" in log.read_text()
