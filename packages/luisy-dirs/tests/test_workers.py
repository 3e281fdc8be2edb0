"""Spreading files over executors: every item once, few under way, nothing left behind."""

import os
import threading
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor

import luigi
import luisy
import pytest
from luisy.config import Config
from luisy_dirs import directory_output, make_directory_output
from luisy_dirs.making import Job
from luisy_dirs.sources import Item
from luisy_dirs.workers import luigi_workers, make_all
from luisy_protocol.errors import ConfigurationError, LuisyError


def text_of(path):
    with open(path) as file:
        return file.read()


def write_text(content, path):
    with open(path, "w") as file:
        file.write(content)


@luisy.raw
@luisy.project_name("luisy_dirs_tests")
@make_directory_output(text_of)
class Letters(luisy.ExternalTask):
    def get_folder_name(self):
        return "letters"


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up")
class Upper(luisy.Task):
    factor = luisy.IntParameter(default=1)

    def process(self, path, content):
        if content == "die":
            os._exit(1)
        return content.upper() * self.factor


class Counting(Executor):
    """Runs at once, and counts how many futures nobody has looked at yet."""

    def __init__(self):
        self.most = self.submitted = 0
        self.is_down = False
        self._open = []

    def submit(self, function, /, *arguments):
        future = Future()
        future.set_result(function(*arguments))
        self._open = [one for one in self._open if not one.seen]
        looked_at = _Seen(future)
        self._open.append(looked_at)
        self.submitted += 1
        self.most = max(self.most, len(self._open))
        return looked_at.future

    def shutdown(self, wait=True, *, cancel_futures=False):
        self.is_down = True


class _Seen:
    def __init__(self, future):
        self.future = future
        self.seen = False
        result = future.result
        future.result = lambda timeout=None: (setattr(self, "seen", True), result(timeout))[1]


@pytest.fixture
def job(raw, tmp_path):
    made = tmp_path / "made"
    made.mkdir()
    return Job(Upper, {"factor": 2}, Config().working_dir, f"{made}/")


def files(raw, count):
    items = []
    for number in range(count):
        (raw / f"{number:04}.txt").write_text(f"n{number}")
        items.append(Item(0, f"{number:04}.txt", f"key/{number:04}.txt", "0" * 64))
    return items


def made_by(job, items, *, stopped=None, **places):
    places = {"workers": None, "executor": None} | places
    stopped = stopped or threading.Event()
    return [
        name
        for results in make_all(job, items, stopped=stopped, **places)
        for result in results
        for name in result.made
    ]


@pytest.mark.parametrize(
    "places",
    [
        {"workers": 1},
        {"workers": 2},
        {"executor": lambda: ThreadPoolExecutor(2)},
        {"executor": lambda: ProcessPoolExecutor(2)},
        {"executor": Counting},
    ],
    ids=["here", "processes", "threads", "own processes", "own executor"],
)
def test_every_item_is_made_once(raw, job, places, tmp_path):
    items = files(raw, 300)
    made = made_by(job, items, **places)
    assert sorted(made) == [f"{number:04}.up" for number in range(300)]
    assert (tmp_path / "made/0007.up").read_text() == "N7N7"


def test_only_so_many_chunks_are_under_way(raw, job):
    counting = Counting()
    made_by(job, files(raw, 3000), executor=counting, workers=2)
    assert counting.submitted >= 4
    assert counting.most <= 4
    assert not counting.is_down


def test_executor_that_was_opened_here_is_closed_here(raw, job):
    opened = []

    def place():
        opened.append(Counting())
        return opened[-1]

    made_by(job, files(raw, 3), executor=place)
    assert [one.is_down for one in opened] == [True]


@pytest.mark.parametrize("places", [{"workers": 1}, {"workers": 2}, {"executor": Counting}])
def test_nothing_starts_after_a_stop(raw, job, places):
    stopped = threading.Event()
    stopped.set()
    assert made_by(job, files(raw, 50), stopped=stopped, **places) == []


def test_process_that_dies_is_told(raw, job):
    items = files(raw, 20)
    (raw / "0003.txt").write_text("die")
    with pytest.raises(LuisyError, match="a process that made files died"):
        made_by(job, items, workers=2)


def test_task_runs_with_as_many_processes_as_luigi_has(luisy_working_dir):
    assert luigi_workers() == 1
    seen = luisy_working_dir / "seen"

    class Look(luigi.Task):
        def output(self):
            return luigi.LocalTarget(seen)

        def run(self):
            seen.write_text(str(luigi_workers()))

    luigi.build([Look()], workers=3, local_scheduler=True)
    assert seen.read_text() == "3"


def test_class_of_a_script_travels_with_its_code(raw):
    with ProcessPoolExecutor(1) as pool:

        @luisy.interim
        @luisy.project_name("luisy_dirs_tests")
        @luisy.requires(Letters)
        @directory_output(write=write_text, read=text_of, suffix=".up", executor=pool)
        class Local(luisy.Task):
            def process(self, path, content):
                return content + self.project_name

        made = f"{Config().working_dir}/made/"
        os.mkdir(made)
        job = Job(Local, {}, Config().working_dir, made)
        items = [Item(0, "a.txt", "a.txt", "0" * 64)]
        assert made_by(job, items, executor=pool) == ["a.up"]
        assert text_of(f"{made}a.up") == "aluisy_dirs_tests"


def test_class_that_cannot_travel_is_refused(raw):
    lock = threading.Lock()

    @luisy.interim
    @luisy.requires(Letters)
    @directory_output
    class Locked(luisy.Task):
        def process(self, path, content):
            with lock:
                return content

    job = Job(Locked, {}, Config().working_dir, "nowhere/")
    with pytest.raises(ConfigurationError, match="Locked cannot be sent to another process"):
        made_by(job, [Item(0, "a.txt", "a.txt", "0" * 64)], executor=Counting)
