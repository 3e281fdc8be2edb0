"""A run that is killed anywhere, and started again, ends where an undisturbed run ends."""

import os
import pickle
import random
import signal

import pytest

PIPELINE = """
from pathlib import Path

import luigi
import luisy

FACTOR = 1


def results(task):
    paths = [Path(target.path) for target in luigi.task.flatten(task.input())]
    return [int(path.read_text().split()[-1]) for path in paths]


class Step(luisy.Task):
    def run(self):
        print(f"[begin {self.task_family}]", flush=True)
        value = sum(results(self)) * FACTOR + len(self.task_family)
        with self.output().open("w") as file:
            file.write(f"{self.task_family} times {FACTOR}\\n" * 1000)
            print(f"[middle {self.task_family}]", flush=True)
            file.write(f"{value}\\n")
        print(f"[end {self.task_family}]", flush=True)


@luisy.raw
@luisy.csv_output()
class Numbers(luisy.ExternalTask):
    def get_file_name(self):
        return "numbers"


@luisy.interim
@luisy.requires(Numbers)
class A(Step):
    pass


@luisy.interim
@luisy.requires(Numbers)
class BB(Step):
    pass


@luisy.interim
@luisy.requires(A, BB)
class CCC(Step):
    pass


@luisy.interim
@luisy.requires(BB)
class DDDD(Step):
    pass


@luisy.interim
@luisy.requires(CCC, DDDD)
class EEEEE(Step):
    pass


@luisy.final
@luisy.requires(EEEEE, A)
class FFFFFF(Step):
    pass
"""
RUN = "luisy --module steps FFFFFF --working-dir {} --no-ask --workers 2"


def expected(factor: int, number: int) -> int:
    a, bb = number * factor + 1, number * factor + 2
    ccc, dddd = (a + bb) * factor + 3, bb * factor + 4
    return ((ccc + dddd) * factor + 5 + a) * factor + 6


def outputs(folder) -> dict[str, bytes]:
    found = (path for path in (folder / "steps").rglob("*.pkl") if ".luisy" not in path.parts)
    return {path.name: path.read_bytes() for path in found}


def give_number(folder, number: int) -> None:
    (folder / "steps/raw").mkdir(parents=True, exist_ok=True)
    (folder / "steps/raw/numbers.csv").write_text(f"{number}\n")


def kill_at_line(team, line: str, number: int) -> None:
    """Start a run and kill it, with its children, when it has said so many lines of its tasks."""
    with team.start(line) as process:
        said = (text for text in process.stdout if text.startswith("["))
        for _ in zip(range(number), said, strict=False):
            pass
        os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)


@pytest.mark.parametrize("seed", [1, 2])
def test_run_killed_anywhere_ends_where_a_clean_run_ends(tmp_path, new_team, seed):
    chance = random.Random(seed)
    team = new_team(tmp_path)
    team.code.mkdir()
    number = factor = 0
    for _ in range(4):
        if chance.random() < 0.7 or not factor:
            factor += 1
            (team.code / "steps.py").write_text(
                PIPELINE.replace("FACTOR = 1", f"FACTOR = {factor}")
            )
        if chance.random() < 0.5 or not number:
            number += 1
            give_number(tmp_path / "work", number)
        kill_at_line(team, RUN.format("../work"), chance.randint(1, 18))
    done = team.run(RUN.format("../work"))
    assert done.code == 0, done.text
    give_number(tmp_path / "clean", number)
    clean = team.run(RUN.format("../clean"))
    assert clean.code == 0, clean.text
    final = (tmp_path / "clean/steps/final/FFFFFF.pkl").read_text()
    assert int(final.split()[-1]) == expected(factor, number)
    assert outputs(tmp_path / "work") == outputs(tmp_path / "clean")
    again = team.run(RUN.format("../work"))
    assert (again.code, "[begin" in again.out) == (0, False), again.text
    leftovers = [path for path in (tmp_path / "work").rglob("*") if "aside" in path.parts]
    assert not leftovers


def kill_when_there_is(team, line: str, folder, is_it) -> None:
    """Start a command and kill it as soon as some file is in a folder."""
    with team.start(line) as process:
        while process.poll() is None:
            if any(is_it(path) for path in folder.rglob("*")):
                os.killpg(process.pid, signal.SIGKILL)
        process.communicate(timeout=120)


BIG = """
import luisy


@luisy.interim
class Big(luisy.Task):
    number = luisy.IntParameter(default=1)

    def run(self):
        print(f"[computing Big]", flush=True)
        self.write(bytes([self.number]) * 20_000_000)


@luisy.final
class Size(luisy.Task):
    def requires(self):
        return [Big(number=number) for number in (1, 2, 3)]

    def run(self):
        print(f"[computing Size]", flush=True)
        self.write([len(target.read()) for target in self.input()])
"""
BIG_RUN = "luisy --module big {} --working-dir ../{} --no-ask"


def is_big(path) -> bool:
    return "Big" in path.name


@pytest.fixture
def big(tmp_path, new_team):
    team = new_team(tmp_path)
    team.code.mkdir()
    team.store.mkdir()
    (team.code / "big.py").write_text(BIG)
    done = team.run(BIG_RUN.format("Size", "anna"))
    assert done.computed == ["Big", "Big", "Big", "Size"], done.text
    return team


def test_upload_killed_in_the_middle_is_completed_by_the_next(big):
    kill_when_there_is(big, BIG_RUN.format("Size", "anna --upload"), big.store, is_big)
    before = big.run(BIG_RUN.format("Size", "ben --download"))
    assert before.code == 0, before.text
    for path in (big.root / "ben/big").rglob("*.pkl"):
        assert (
            path.read_bytes() == (big.root / "anna/big" / path.parent.name / path.name).read_bytes()
        )
    done = big.run(BIG_RUN.format("Size", "anna --upload"))
    assert (done.code, done.computed) == (0, []), done.text
    fetched = big.run(BIG_RUN.format("Size", "carla --download"))
    assert (fetched.code, fetched.computed) == (0, []), fetched.text


def test_download_killed_in_the_middle_leaves_no_half_output(big):
    big.run(BIG_RUN.format("Size", "anna --upload"))
    (big.store / "big/final/Size.pkl").unlink()
    ben = big.root / "ben"
    ben.mkdir()
    kill_when_there_is(big, BIG_RUN.format("Size", "ben --download"), ben, is_big)
    assert pickle.loads((big.root / "anna/big/final/Size.pkl").read_bytes()) == [20_000_000] * 3
    for path in ben.rglob("Big*.pkl"):
        assert path.read_bytes() == (big.root / "anna/big/interim" / path.name).read_bytes()
    done = big.run(BIG_RUN.format("Size", "ben --download"))
    assert (done.code, done.computed) == (0, ["Size"]), done.text
    assert pickle.loads((ben / "big/final/Size.pkl").read_bytes()) == [20_000_000] * 3
    strays = [path for path in ben.rglob("*") if path.is_file() and path.stat().st_size > 1_000_000]
    assert len(strays) == 3, strays
