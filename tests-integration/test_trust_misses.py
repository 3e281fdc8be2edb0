"""Whatever a result comes from, a change of it is noticed, and nothing else makes work.

Each row of `CHANGES` edits one thing after everything was made, and tells which tasks must be
computed then. Rows are edited together, for each start of a command costs time. They are what
luisy 1.4 overlooked, with their counterparts that are no change.
"""

import os
import shutil
from dataclasses import dataclass
from pathlib import Path

import pytest

HEAD = "import luisy\nimport luigi\n"

MODULES = {
    "lab/constants": """
RATE = 1
RATE = 2
STEPS = [1]
STEPS += [2]
TABLE = {"a": 1}
TABLE["b"] = 2
UNUSED = 1


@luisy.final
class Reassigned(luisy.Task):
    def run(self):
        self.write(tell(self, RATE))


@luisy.final
class Augmented(luisy.Task):
    def run(self):
        self.write(tell(self, STEPS))


@luisy.final
class Filled(luisy.Task):
    def run(self):
        self.write(tell(self, TABLE))
""",
    "lab/names": """
def sum(values):
    return 3 + len(values)


def len(values):
    return 40


def __double__(value):
    return 2 * value


@luisy.final
class Builtin(luisy.Task):
    def run(self):
        self.write(tell(self, sum([1])))


@luisy.final
class Dunder(luisy.Task):
    def run(self):
        self.write(tell(self, __double__(2)))
""",
    "lab/shadows": """
from lab.shadowed import factor, offset


def factor():
    return 5


class Holder:
    offset = 9

    def get(self):
        return offset()


def plain(offset=1):
    return offset


@luisy.final
class Shadowing(luisy.Task):
    def run(self):
        self.write(tell(self, factor()))


@luisy.final
class NotShadowed(luisy.Task):
    def run(self):
        self.write(tell(self, Holder().get()))


@luisy.final
class OnlyAnArgument(luisy.Task):
    def run(self):
        self.write(tell(self, plain()))
""",
    "lab/shadowed": """
def factor():
    return 6


def offset():
    return 7
""",
    "lab/raw": """
@luisy.raw
@luisy.csv_output()
class Table(luisy.ExternalTask):
    def get_file_name(self):
        return "table"


@luisy.raw
@luisy.parquetdir_output()
class Folder(luisy.ExternalTask):
    def get_folder_name(self):
        return "folder"


@luisy.interim
@luisy.requires(Table)
class Lines(luisy.Task):
    def run(self):
        self.write(tell(self, open(self.input().path).read().splitlines()))


@luisy.final
@luisy.requires(Lines)
class CountLines(luisy.Task):
    def run(self):
        self.write(tell(self, len(self.input().read())))


@luisy.final
@luisy.requires(Folder)
class Members(luisy.Task):
    def run(self):
        import os

        self.write(tell(self, sorted(os.listdir(self.input().path))))
""",
    "lab/parameters": """
@luisy.interim
class Day(luisy.Task):
    day = luisy.IntParameter(default=1)
    note = luisy.Parameter(default="a", significant=False)

    def get_file_name(self):
        return "Day"

    def run(self):
        self.write(tell(self, self.day))


@luisy.final
@luisy.requires(Day)
class OnDay(luisy.Task):
    def get_file_name(self):
        return "OnDay"

    def run(self):
        self.write(tell(self, self.input().read()))


@luisy.final
@luisy.auto_filename(excl_params=["limit"])
class Limited(luisy.Task):
    limit = luisy.IntParameter(default=10)

    def run(self):
        self.write(tell(self, self.limit))
""",
    "lab/lookups": """
from luigi.task_register import Register, load_task

TABLE = {"below": "lab.below"}


@luisy.final
class ByRegister(luisy.Task):
    def requires(self):
        import lab.below

        return Register.get_task_cls("Below")()

    def run(self):
        self.write(tell(self, self.input().read()))


@luisy.final
class ByString(luisy.Task):
    def requires(self):
        return load_task(TABLE["below"], "Below", {})

    def run(self):
        self.write(tell(self, self.input().read()))

""",
    "computed/names": """
@luisy.final
class ByImport(luisy.Task):
    def run(self):
        import importlib

        self.write(tell(self, getattr(importlib.import_module(MODULE), FUNCTION)()))


MODULE = ".".join(["computed", "helpers"])
FUNCTION = "".join(["he", "lp"])
""",
    "computed/helpers": """
def help():
    return 33
""",
    "lab/below": """
def helper():
    return 11


@luisy.interim
class Below(luisy.Task):
    def run(self):
        self.write(tell(self, helper()))
""",
    "lab/dynamic": """
@luisy.raw
@luisy.csv_output()
class Numbers(luisy.ExternalTask):
    def get_file_name(self):
        return "numbers"


@luisy.interim
@luisy.requires(Numbers)
class Part(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        value = int(open(self.input().path).read().split()[self.number])
        self.write(tell(self, value + 100))


@luisy.final
class Dynamic(luisy.Task):
    def run(self):
        parts = yield [Part(number=0), Part(number=1)]
        self.write(tell(self, [part.read() for part in parts]))


@luisy.final
@luisy.requires(Dynamic)
class AboveDynamic(luisy.Task):
    def run(self):
        self.write(tell(self, self.input().read()))
""",
    "lab/elsewhere": """
from neighbour.tasks import Foreign


@luisy.final
@luisy.requires(Foreign)
class UsesForeign(luisy.Task):
    def run(self):
        self.write(tell(self, self.input().read() + 1))
""",
    "neighbour/tasks": """
from neighbour.helpers import base


@luisy.interim
class Foreign(luisy.Task):
    def run(self):
        self.write(tell(self, base()))
""",
    "neighbour/helpers": """
def base():
    return 20
""",
}
TELL = '''
def tell(task, value):
    """Say that a task is computed, and pass its value on."""
    print(f"[computing {task.task_family}]", flush=True)
    return value
'''
ROOTS = {
    "constants": ["Reassigned", "Augmented", "Filled"],
    "names": ["Builtin", "Dunder"],
    "shadows": ["Shadowing", "NotShadowed", "OnlyAnArgument"],
    "raw": ["CountLines", "Members"],
    "parameters": ["OnDay", "Limited"],
    "lookups": ["ByRegister", "ByString"],
    "dynamic": ["AboveDynamic"],
    "elsewhere": ["UsesForeign"],
    "computed.names": ["ByImport"],
}
RUN = "luisy --module lab.all All --working-dir ../work --no-ask"


@dataclass(frozen=True, slots=True)
class Lab:
    """The code above, in which everything was computed once."""

    team: object

    @property
    def data(self) -> Path:
        return self.team.root / "work"

    def compute(self, line: str = RUN) -> set[str]:
        """Run, and return what was computed."""
        done = self.team.run(line)
        assert done.code == 0, done.text
        return set(done.computed)

    def edit(self, name: str, old: str, new: str) -> None:
        path = self.team.code / f"{name}.py"
        assert path.read_text().count(old) == 1
        path.write_text(path.read_text().replace(old, new))


def give_raw_files(data: Path) -> None:
    folder = data / "lab/raw/folder"
    folder.mkdir(parents=True)
    (folder / "one.parquet").write_bytes(b"one")
    (data / "lab/raw/table.csv").write_text("a\n1\n")
    (data / "lab/raw/numbers.csv").write_text("5\n6\n")


def write_code(code: Path) -> None:
    for name, text in MODULES.items():
        path = code / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        (path.parent / "__init__.py").touch()
        uses_tell = "from lab.telling import tell\n" if "tell(" in text else ""
        path.write_text(HEAD + uses_tell + text)
    (code / "lab/telling.py").write_text(TELL)
    imports = "".join(
        f"from {name if '.' in name else f'lab.{name}'} import {', '.join(some)}\n"
        for name, some in ROOTS.items()
    )
    roots = ", ".join(root for some in ROOTS.values() for root in some)
    wrapper = f"@luisy.requires({roots})\nclass All(luisy.WrapperTask):\n    pass\n"
    (code / "lab/all.py").write_text(f"{HEAD}{imports}\n\n{wrapper}")


@pytest.fixture(scope="module")
def computed_once(tmp_path_factory):
    root = tmp_path_factory.mktemp("lab")
    (root / "code").mkdir()
    write_code(root / "code")
    give_raw_files(root / "work")
    return root


@pytest.fixture
def lab(computed_once, tmp_path, new_team):
    if not (computed_once / "work/lab/.luisy.hash").exists():
        team = new_team(computed_once)
        done = team.run(RUN)
        assert done.code == 0, done.text
        assert set(done.computed) >= {root for some in ROOTS.values() for root in some}
    shutil.copytree(computed_once, tmp_path / "lab", symlinks=True)
    return Lab(new_team(tmp_path / "lab"))


CHANGES = {
    "reassigned constant": ("lab/constants", "RATE = 2", "RATE = 3", {"Reassigned"}),
    "augmented constant": ("lab/constants", "STEPS += [2]", "STEPS += [3]", {"Augmented"}),
    "filled constant": ("lab/constants", 'TABLE["b"] = 2', 'TABLE["b"] = 3', {"Filled"}),
    "unused constant": ("lab/constants", "UNUSED = 1", "UNUSED = 2", set()),
    "helper named as a builtin": ("lab/names", "3 + len", "4 + len", {"Builtin"}),
    "helper of that helper": ("lab/names", "return 40", "return 41", {"Builtin"}),
    "helper with a dunder name": ("lab/names", "2 * value", "3 * value", {"Dunder"}),
    "name that shadows an import": ("lab/shadows", "return 5", "return 50", {"Shadowing"}),
    "global that an attribute seems to shadow": (
        "lab/shadowed",
        "return 7",
        "return 70",
        {"NotShadowed"},
    ),
    "argument that shadows a global": ("lab/shadows", "offset=1", "offset=2", {"OnlyAnArgument"}),
    "default of a parameter": ("lab/parameters", "default=1)", "default=2)", {"Day", "OnDay"}),
    "default of an excluded parameter": (
        "lab/parameters",
        "default=10",
        "default=11",
        {"Limited"},
    ),
    "task required by its name": (
        "lab/below",
        "return 11",
        "return 12",
        {"Below", "ByRegister", "ByString"},
    ),
    "function imported by a computed name": ("computed/helpers", "33", "34", {"ByImport"}),
    "task required while running": (
        "lab/dynamic",
        "value + 100",
        "value + 200",
        {"Part", "Dynamic", "AboveDynamic"},
    ),
    "helper in another package": ("neighbour/helpers", "20", "21", {"Foreign", "UsesForeign"}),
    "task in another package": (
        "neighbour/tasks",
        "base()))",
        "base() + 1))",
        {"Foreign", "UsesForeign"},
    ),
}


def test_nothing_is_computed_twice(lab):
    assert lab.compute() == set()


@pytest.mark.parametrize("half", [0, 1])
def test_change_of_code_computes_what_it_concerns(lab, half):
    """Every second row at a time: what a row computes for nothing is in no row beside it."""
    rows = list(CHANGES.values())[half::2]
    for module, old, new, _ in rows:
        lab.edit(module, old, new)
    assert lab.compute() == set().union(*(computed for *_, computed in rows))


def test_values_are_the_new_ones_after_all_changes_at_once(lab):
    for module, old, new, _ in CHANGES.values():
        lab.edit(module, old, new)
    everything = set().union(*(computed for *_, computed in CHANGES.values()))
    assert lab.compute() == everything
    assert lab.compute() == set()
    clean = shutil.copytree(lab.team.code, lab.team.root / "fresh/code").parent
    give_raw_files(clean / "work")
    done = lab.team.run(RUN.replace("../work", "../fresh/work"))
    assert done.code == 0, done.text
    assert contents(clean / "work") == contents(lab.data)


def contents(folder: Path) -> dict[str, bytes]:
    files = (path for path in folder.rglob("*") if path.is_file())
    ours = {path.relative_to(folder): path for path in files}
    return {
        name.as_posix(): path.read_bytes()
        for name, path in ours.items()
        if not any(part.startswith(".luisy") for part in name.parts)
    }


RAW = {"Lines", "CountLines"}


@pytest.mark.parametrize(
    ("text", "computed"),
    [("a\n1\n2\n", RAW), ("a\n7\n", RAW), ("a\n1\n", set())],
    ids=["longer", "of the same length", "touched but equal"],
)
def test_raw_file_counts_by_its_content(lab, text, computed):
    (lab.data / "lab/raw/table.csv").write_text(text)
    assert lab.compute() == computed
    assert lab.compute() == set()


def test_raw_file_counts_by_its_content_when_its_time_is_kept(lab):
    """As `cp -p`, `rsync -t` and archives do."""
    path = lab.data / "lab/raw/table.csv"
    before = path.stat()
    path.write_text("a\n7\n")
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))
    assert lab.compute() == RAW


@pytest.mark.parametrize("change", ["added", "removed", "renamed", "rewritten"])
def test_raw_folder_counts_by_its_files(lab, change):
    folder = lab.data / "lab/raw/folder"
    if change == "added":
        (folder / "two.parquet").write_bytes(b"two")
    elif change == "removed":
        (folder / "two.parquet").write_bytes(b"two")
        lab.compute()
        (folder / "two.parquet").unlink()
    elif change == "renamed":
        (folder / "one.parquet").rename(folder / "three.parquet")
    else:
        (folder / "one.parquet").write_bytes(b"two")
    assert lab.compute() == {"Members"}
    assert lab.compute() == set()


@pytest.mark.parametrize("damage", ["edited", "truncated", "emptied"])
def test_output_damaged_by_hand_is_made_again(lab, damage):
    path = lab.data / "lab/final/CountLines.pkl"
    good = path.read_bytes()
    path.write_bytes({"edited": good[:-2] + b"x.", "truncated": good[:-1], "emptied": b""}[damage])
    assert lab.compute() == {"CountLines"}
    assert path.read_bytes() == good


def test_intermediate_output_damaged_by_hand_is_made_again(lab):
    path = lab.data / "lab/interim/Lines.pkl"
    good = path.read_bytes()
    path.write_bytes(good[:-1])
    assert "Lines" in lab.compute()
    assert path.read_bytes() == good


def test_parameter_outside_of_the_file_name_counts(lab):
    other = "luisy --module lab.parameters OnDay --working-dir ../work --no-ask --day 3"
    assert lab.compute(other) == {"Day", "OnDay"}
    assert lab.compute(other) == set()
    assert lab.compute() == {"Day", "OnDay"}


def test_data_of_a_task_required_while_running_counts(lab):
    (lab.data / "lab/raw/numbers.csv").write_text("5\n7\n")
    assert "Dynamic" in lab.compute()
    assert lab.compute() == set()


@pytest.mark.parametrize("workers", [1, 2])
def test_task_required_while_running_counts_when_it_was_there_before(lab, workers):
    """Whoever finds its yielded requirement done depends on it no less."""
    for made_by_it in (lab.data / "lab").glob("*/*Dynamic.pkl"):
        made_by_it.unlink()
    records = lab.data / "lab/.luisy.hash"
    kept = [line for line in records.read_text().splitlines() if "Dynamic" not in line]
    records.write_text("\n".join(kept) + "\n")
    line = f"luisy --module lab.dynamic Dynamic --working-dir ../work --no-ask --workers {workers}"
    done = lab.team.run(line)
    assert (done.code, done.computed) == (0, ["Dynamic"]), done.text
    lab.edit("lab/dynamic", "value + 100", "value + 200")
    done = lab.team.run(line)
    assert done.code == 0
    assert done.computed.count("Part") == 2, done.text
    assert done.computed[-1] == "Dynamic", done.text


def test_lost_records_are_no_proof(lab):
    (lab.data / "lab/.luisy.hash").unlink()
    lab.edit("lab/constants", "RATE = 2", "RATE = 3")
    assert lab.compute() >= {"Reassigned", "Augmented", "CountLines", "Dynamic"}
    assert lab.compute() == set()


def test_lost_records_are_no_proof_without_a_change_either(lab):
    (lab.data / "lab/.luisy.hash").unlink()
    before = contents(lab.data)
    assert lab.compute() >= {"Reassigned", "Augmented", "CountLines", "Dynamic"}
    assert contents(lab.data) == before
    assert lab.compute() == set()


def test_records_lost_with_the_memory_of_digests_are_no_proof(lab):
    (lab.data / "lab/.luisy.hash").unlink()
    shutil.rmtree(lab.data / "lab/.luisy")
    assert "Reassigned" in lab.compute()


def test_output_of_another_package_that_was_removed_is_made_when_it_is_needed(lab):
    (lab.data / "neighbour/interim/Foreign.pkl").unlink()
    assert lab.compute() == set()
    lab.edit("lab/elsewhere", "read() + 1", "read() + 2")
    assert lab.compute() == {"Foreign", "UsesForeign"}
    assert (lab.data / "neighbour/interim/Foreign.pkl").exists()
    assert lab.compute() == set()
