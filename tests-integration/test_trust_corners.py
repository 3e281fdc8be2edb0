"""Odd folders, odd tasks, odd ways to start: a result is right there, too, or refused in words."""

import ctypes
import os
import pickle
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HEAD = '''
import luigi
import luisy


def tell(task):
    """Say that a task is computed."""
    print(f"[computing {task.task_family}]", flush=True)
'''
SIMPLE = """
@luisy.raw
@luisy.csv_output()
class Input(luisy.ExternalTask):
    def get_file_name(self):
        return "input"


@luisy.interim
@luisy.requires(Input)
class Middle(luisy.Task):
    def run(self):
        tell(self)
        self.write(open(self.input().path).read())


@luisy.final
@luisy.requires(Middle)
class Last(luisy.Task):
    def run(self):
        tell(self)
        self.write(self.input().read() + "!")
"""


@pytest.fixture
def project(tmp_path, new_team):
    team = new_team(tmp_path)
    team.code.mkdir()
    team.store.mkdir()
    return team


def write(team, text: str, name: str = "odd") -> None:
    (team.code / f"{name}.py").write_text(HEAD + text)


def edit(team, old: str, new: str) -> None:
    path = team.code / "odd.py"
    assert path.read_text().count(old) == 1
    path.write_text(path.read_text().replace(old, new))


def give_input(folder: Path, text: str = "a\n1\n") -> None:
    (folder / "odd/raw").mkdir(parents=True, exist_ok=True)
    (folder / "odd/raw/input.csv").write_text(text)


def compute(team, line: str) -> list[str]:
    done = team.run(f"luisy --module odd {line} --working-dir ../work --no-ask")
    assert done.code == 0, done.text
    return done.computed


def value(team, name: str) -> object:
    return pickle.loads((team.root / "work/odd" / name).read_bytes())


@pytest.fixture
def other_disk(tmp_path):
    """A folder on another file system than the test's."""
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no other file system")
    folder = memory / f"luisy-{os.getpid()}-{tmp_path.name}"
    folder.mkdir()
    yield folder
    shutil.rmtree(folder)


@pytest.mark.parametrize("layer", ["odd/raw", "odd/interim", "odd"])
def test_folder_may_be_a_link_to_another_disk(project, other_disk, layer):
    write(project, SIMPLE)
    link = project.root / "work" / layer
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(other_disk, target_is_directory=True)
    give_input(project.root / "work")
    assert compute(project, "Last") == ["Middle", "Last"]
    assert compute(project, "Last") == []
    give_input(project.root / "work", "a\n2\n")
    assert compute(project, "Last") == ["Middle", "Last"]
    assert value(project, "final/Last.pkl") == "a\n2\n!"
    assert compute(project, "Last") == []
    assert link.is_symlink()


def test_failed_run_puts_back_what_lies_on_another_disk(project, other_disk):
    write(project, SIMPLE)
    (project.root / "work/odd").mkdir(parents=True)
    (project.root / "work/odd/final").symlink_to(other_disk, target_is_directory=True)
    give_input(project.root / "work")
    compute(project, "Last")
    edit(project, '+ "!"', "+ 1")
    done = project.run("luisy --module odd Last --working-dir ../work --no-ask")
    assert done.code != 0
    assert value(project, "final/Last.pkl") == "a\n1\n!"


@pytest.mark.parametrize("name", ["Müll データ", "it's 100% 'fine' a+b=c;d#e?f"])
def test_names_may_hold_anything_that_a_file_system_takes(project, name):
    write(project, SIMPLE.replace("class Middle(luisy.Task):", PARAMETRIC))
    root = project.root / name
    give_input(root / "work dir")
    settings = {"WORKING_DIR": str(root / "work dir"), "LUISY_REMOTE": (root / "store").as_uri()}
    (root / "store").mkdir()
    command = ["luisy", "--module", "odd", "Middle", "--text", name, "--no-ask", "--upload"]
    done = start(project, command, settings)
    assert (done.returncode, done.stdout.count("[computing")) == (0, 1), done.stdout + done.stderr
    done = start(project, command, settings)
    assert (done.returncode, done.stdout.count("[computing")) == (0, 0), done.stdout + done.stderr
    elsewhere = settings | {"WORKING_DIR": str(root / "other dir")}
    fetch = [*command[:-1], "--download"]
    done = start(project, fetch, elsewhere)
    assert (done.returncode, done.stdout.count("[computing")) == (0, 0), done.stdout + done.stderr
    made = list((root / "other dir/odd/interim").iterdir())
    assert len(made) == 1
    assert pickle.loads(made[0].read_bytes()) == "a\n1\n"


PARAMETRIC = """class Middle(luisy.Task):
    text = luisy.Parameter()
"""


def start(team, command: list[str], settings: dict[str, str]) -> subprocess.CompletedProcess:
    return subprocess.run(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=team.code,
        env=team.environment(settings),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
    )


OPENED = """
@luisy.final
class Opened(luisy.Task):
    def run(self):
        tell(self)
        with self.output().open("w") as file:
            file.write("half ")
            if FAILS:
                raise RuntimeError("the flux capacitor is empty")
            file.write("whole")


FAILS = False
"""


def test_output_that_is_opened_for_writing_appears_whole_or_not_at_all(project):
    write(project, OPENED.replace("FAILS = False", "FAILS = True"))
    done = project.run("luisy --module odd Opened --working-dir ../work --no-ask")
    assert done.code != 0
    assert not list((project.root / "work/odd/final").glob("*"))
    edit(project, "FAILS = True", "FAILS = False")
    assert compute(project, "Opened") == ["Opened"]
    assert (project.root / "work/odd/final/Opened.pkl").read_text() == "half whole"
    assert compute(project, "Opened") == []


SEVERAL = """
class Pair(luisy.Task):
    def output(self):
        names = ["one", "two"]
        targets = [luigi.LocalTarget(f"{self.get_outdir()}/{name}.txt") for name in names]
        return RESULT(names, targets)

    def run(self):
        tell(self)
        for target in luigi.task.flatten(self.output()):
            with target.open("w") as file:
                file.write("1")


@luisy.final
@luisy.requires(Pair)
class Above(luisy.Task):
    def run(self):
        tell(self)
        paths = [target.path for target in luigi.task.flatten(self.input())]
        self.write("".join(open(path).read() for path in paths))
"""
FORMS = {"list": "lambda names, targets: targets", "dict": "lambda *both: dict(zip(*both))"}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS.keys())
def test_task_with_several_targets_is_refused(project, form):
    """One record stands for one output: the others would be stale, and nothing would tell."""
    write(project, f"RESULT = {form}\n{SEVERAL}")
    done = project.run("luisy --module odd Above --working-dir ../work --no-ask")
    assert (done.code, done.computed) == (2, [])
    assert "Pair" in done.complaint
    assert "2 targets" in done.complaint


PLAIN = """
@luisy.interim
class Below(luisy.Task):
    def run(self):
        tell(self)
        self.write(1)


class Plain(luigi.Task):
    def requires(self):
        return Below()

    def output(self):
        return luigi.LocalTarget("../work/plain.txt")

    def run(self):
        tell(self)
        with self.output().open("w") as file:
            file.write(str(self.input().read() + OFFSET))


OFFSET = 10


@luisy.final
class Above(luisy.Task):
    def requires(self):
        return Plain()

    def run(self):
        tell(self)
        self.write(open(self.input().path).read())
"""


def test_plain_luigi_task_in_the_middle_counts_for_what_is_above(project):
    write(project, PLAIN)
    assert compute(project, "Above") == ["Below", "Plain", "Above"]
    assert compute(project, "Above") == []
    edit(project, "OFFSET = 10", "OFFSET = 20")
    (project.root / "work/plain.txt").unlink()
    assert compute(project, "Above") == ["Plain", "Above"]
    assert value(project, "final/Above.pkl") == "21"


NAMED = """
@luisy.interim
class Source(luisy.Task):
    def get_file_name(self):
        return "source"

    def run(self):
        tell(self)
        self.write(1)


@luisy.final
@luisy.requires(Source)
class Result(luisy.Task):
    def get_file_name(self):
        return "result"

    def run(self):
        tell(self)
        self.write(self.input().read())
"""


def test_renamed_class_with_the_same_file_name_is_right(project):
    write(project, NAMED)
    compute(project, "Result")
    path = project.code / "odd.py"
    path.write_text(path.read_text().replace("Source", "Origin").replace("write(1)", "write(2)"))
    assert compute(project, "Result") == ["Origin", "Result"]
    assert value(project, "final/result.pkl") == 2


TWIN = """
@luisy.interim
class Twin(luisy.Task):
    task_namespace = "{name}"

    def get_file_name(self):
        return "twin"

    project_name = "odd"

    def run(self):
        tell(self)
        self.write("{name}")
"""
TWINS = """
import first
import second


class Both(luisy.WrapperTask):
    def requires(self):
        return [first.Twin(), second.Twin()]
"""


def test_two_tasks_with_one_output_are_refused(project):
    write(project, TWIN.format(name="first"), "first")
    write(project, TWIN.format(name="second"), "second")
    write(project, TWINS)
    done = project.run("luisy --module odd Both --working-dir ../work --no-ask")
    assert (done.code, done.computed) == (2, [])
    assert "odd/interim/twin.pkl" in done.complaint
    assert not (project.root / "work/odd/interim").exists()


def test_two_tasks_with_one_output_do_not_take_each_others_for_theirs(project):
    """Neither knows of the other: each is the root of a run of its own."""
    write(project, TWIN.format(name="first"), "first")
    write(project, TWIN.format(name="second"), "second")
    for name in ("first", "second", "first"):
        line = f"luisy --module {name} {name}.Twin --working-dir ../work --no-ask"
        done = project.run(line)
        assert (done.code, done.computed) == (0, [f"{name}.Twin"]), done.text
        assert value(project, "interim/twin.pkl") == name


CIRCLE = """
class Hen(luisy.Task):
    def requires(self):
        return Egg()


class Egg(luisy.Task):
    def requires(self):
        return Hen()
"""


def test_circle_is_named(project):
    write(project, CIRCLE)
    done = project.run("luisy --module odd Hen --working-dir ../work --no-ask")
    assert done.code == 2
    assert "Hen -> Egg -> Hen" in done.complaint


NOTEBOOK = """
import importlib
import pathlib

import luisy

luisy.set_working_dir("../work")
{before}
import odd

code = pathlib.Path("odd.py")
{edit}
importlib.invalidate_caches()
{reload}
for _ in range(2):
    outcome = luisy.build(odd.Constant())
    assert outcome.succeeded
    print("value", odd.Constant().read())
"""
CONSTANT = """
NUMBER = 1


@luisy.final
class Constant(luisy.Task):
    def run(self):
        tell(self)
        self.write(NUMBER)
"""
EDIT = 'code.write_text(code.read_text().replace("NUMBER = 1", "NUMBER = 22"))'
FIRST = "import odd; luisy.build(odd.Constant())"


def in_one_process(project, **steps: str) -> tuple[list[str], list[str]]:
    (project.code / "look.py").write_text(NOTEBOOK.format(**steps))
    done = project.run("python look.py")
    assert done.code == 0, done.text
    return done.computed, [line for line in done.out.splitlines() if line.startswith("value")]


def test_reloaded_code_is_the_present_code(project):
    write(project, CONSTANT)
    steps = {"before": FIRST, "edit": EDIT, "reload": "importlib.reload(odd)"}
    computed, values = in_one_process(project, **steps)
    assert (computed, values) == (["Constant", "Constant"], ["value 22", "value 22"])
    assert compute(project, "Constant") == []


def test_edited_code_that_was_not_reloaded_certifies_nothing(project):
    """What runs is the old code; whoever starts anew must get the result of the new one."""
    write(project, CONSTANT)
    computed, values = in_one_process(project, before=FIRST, edit=EDIT, reload="")
    assert (computed, values) == (["Constant"], ["value 1", "value 1"])
    assert compute(project, "Constant") == ["Constant"]
    assert value(project, "final/Constant.pkl") == 22


HELPED = """
from helper import number


@luisy.final
class Constant(luisy.Task):
    def run(self):
        tell(self)
        self.write(number())
"""


@pytest.mark.parametrize("edited", ["odd", "helper"])
def test_code_that_was_edited_before_anything_was_built_is_refused(project, edited):
    write(project, HELPED)
    (project.code / "helper.py").write_text("def number():\n    return 1\n")
    edit_it = f'pathlib.Path("{edited}.py").open("a").write("number = int\\n")'
    (project.code / "look.py").write_text(NOTEBOOK.format(before="", edit=edit_it, reload=""))
    done = project.run("python look.py")
    assert done.code != 0
    assert f"{edited}.py was changed after it was imported" in done.err
    assert done.computed == []


def test_two_people_at_once_lose_nothing(project):
    write(project, SIMPLE.replace("class Middle(luisy.Task):", PARAMETRIC))
    people = ["anna", "ben", "carla"]
    started = []
    for person in people:
        give_input(project.root / person)
        line = f"luisy --module odd Middle --text {person} --working-dir ../{person} --no-ask"
        started.append(project.start(f"{line} --download --upload"))
    for process in started:
        with process:
            out, err = process.communicate(timeout=120)
            assert process.returncode == 0, out + err
    for person in people:
        line = f"luisy --module odd Middle --text {person} --working-dir ../dora --no-ask"
        done = project.run(f"{line} --download")
        assert (done.code, done.computed) == (0, []), done.text


def without_rights(team, line: str) -> subprocess.CompletedProcess:
    command = team.command(line)
    return subprocess.run(
        command,
        cwd=team.code,
        env=team.environment({"HOME": str(team.root)}),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        timeout=120,
        check=False,
        preexec_fn=give_up_roots_rights if os.geteuid() == 0 else None,
    )


def give_up_roots_rights() -> None:
    """Let the permissions of files hold for root, too: drop CAP_DAC_OVERRIDE."""
    assert ctypes.CDLL(None).prctl(24, 1, 0, 0, 0) == 0


LOOK = """
import luisy
from odd import Last

luisy.set_working_dir("../work")
print(Last().read())
"""


@pytest.mark.skipif(sys.platform != "linux", reason="drops a capability of Linux")
def test_working_directory_of_somebody_else_can_be_looked_at(project):
    write(project, SIMPLE)
    give_input(project.root / "work")
    compute(project, "Last")
    (project.code / "look.py").write_text(LOOK)
    lock_up(project.root)
    try:
        plan = without_rights(project, "luisy plan --module odd Last --working-dir ../work")
        read = without_rights(project, "python look.py")
        run = without_rights(project, "luisy --module odd Last --working-dir ../work --no-ask")
    finally:
        for path in [project.root, *project.root.rglob("*")]:
            path.chmod(0o755)
    assert (plan.returncode, plan.stderr) == (0, "")
    assert (read.returncode, read.stdout) == (0, "a\n1\n!\n"), read.stderr
    assert run.returncode in {0, 2}
    assert "Traceback" not in run.stdout + run.stderr
    assert "[computing" not in run.stdout


def lock_up(root: Path) -> None:
    for path in [root, *root.rglob("*")]:
        path.chmod(0o555 if path.is_dir() else 0o444)


PLAIN_LUIGI = """
import pathlib

import luigi
import luisy

luisy.set_working_dir("../work")
import odd

raw = pathlib.Path("../work/odd/raw/input.csv")
for number in (1, 2, 2):
    raw.write_text(f"a\\n{number}\\n")
    assert luigi.build([odd.Last()], local_scheduler=True, log_level="ERROR")
    print("value", odd.Last().read().split()[1])
raw.write_text("a\\n3\\n")
assert not odd.Last().complete()
outcome = luisy.build(odd.Last())
print("ran", *outcome.ran)
print("value", odd.Last().read().split()[1])
"""


def test_plain_luigi_may_build_again_and_again_in_one_process(project):
    write(project, SIMPLE)
    give_input(project.root / "work")
    (project.code / "look.py").write_text(PLAIN_LUIGI)
    done = project.run("python look.py")
    assert done.code == 0, done.text
    assert [line for line in done.out.splitlines() if not line.startswith("[")] == [
        "value 1",
        "value 2",
        "value 2",
        "ran Middle Last",
        "value 3",
    ]
    assert done.computed == ["Middle", "Last"] * 3


PART = """
@luisy.interim
class Part(luisy.Task):
    project_name = "{name}"

    def run(self):
        tell(self)
        self.write("{name}")
"""
YIELDS = """
import first


@luisy.final
class Yields(luisy.Task):
    def run(self):
        tell(self)
        part = yield first.Part()
        self.write(part.read())
"""


def test_change_of_a_task_required_while_running_is_seen_beside_a_namesake(project):
    for name in ("first", "second"):
        write(project, PART.format(name=name), name)
    write(project, YIELDS)
    assert "Part" in compute(project, "Yields")
    edit(project, "import first\n", "import first\nimport second\n")
    plan = "luisy --module odd Yields --working-dir ../work --dry-run"
    assert "to run" not in project.run(plan).out
    path = project.code / "first.py"
    path.write_text(path.read_text().replace('write("first")', 'write("FIRST")'))
    assert "to run" in project.run(plan).out
