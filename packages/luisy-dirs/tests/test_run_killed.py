"""A call of a directory task that dies: wherever, there is the old directory or the new one."""

import os
import shutil
import sys
from pathlib import Path

import luisy
import pytest
from luisy.aside import Aside, recover
from luisy.config import Config
from luisy.workspace import Workspace
from luisy_dirs import directory_output, make_directory_output

PROJECT = "luisy_dirs_killed"
OLD = {"a.up": "A", "b.up": "B", "c.up": "C"}
CHANGES = {
    "some files change": {"a.txt": "new a", "c.txt": None, "d.txt": "new d"},
    "all files change": {"a.txt": "new a", "b.txt": "new b", "c.txt": None, "d.txt": "new d"},
}
TOUCHING = {"open", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.truncate"}


def text_of(path):
    return Path(path).read_text()


def write_text(content, path):
    Path(path).write_text(content)


@luisy.raw
@luisy.project_name(PROJECT)
@make_directory_output(text_of, r"\.txt$")
class Letters(luisy.ExternalTask):
    def get_folder_name(self):
        return "letters"


@luisy.interim
@luisy.project_name(PROJECT)
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up")
class Upper(luisy.Task):
    def process(self, path, content):
        return content.upper()


def contents(task):
    return {Path(path).name: content for path, content in task.output().read()}


def change(folder, changes):
    """Change the input files; return what the directory has to be then."""
    for name, text in changes.items():
        if text is None:
            (folder / name).unlink()
        else:
            (folder / name).write_text(text)
    return {f"{path.stem}.up": path.read_text().upper() for path in folder.iterdir()}


@pytest.fixture
def letters(luisy_working_dir):
    """The folder of the input, of which the output has been made in a run."""
    folder = luisy_working_dir / PROJECT / "raw/letters"
    folder.mkdir(parents=True)
    for name in "abc":
        (folder / f"{name}.txt").write_text(name)
    assert luisy.build(Upper()).succeeded
    return folder


def dies(step):
    """Call the task in a process that is gone before it touches a file for the nth time."""
    left = step

    def count(event, arguments):
        nonlocal left
        if event in TOUCHING and not (event == "open" and set(arguments[1] or "r") <= set("rb")):
            left -= 1
            if left == 0:
                os._exit(9)

    pid = os.fork()
    if pid == 0:
        sys.addaudithook(count)
        Upper().run()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 9


@pytest.mark.skipif(sys.platform != "linux", reason="the process is forked")
@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_directory_is_whole_wherever_a_call_dies(letters, changes, tmp_path_factory):
    before, step, dead = Path(Config().working_dir), 0, True
    while dead:
        step += 1
        folder = tmp_path_factory.mktemp("died") / "data"
        shutil.copytree(before, folder)
        luisy.set_working_dir(str(folder))
        new = change(folder / PROJECT / "raw/letters", changes)
        dead = dies(step)
        recover(Workspace(folder), PROJECT)
        assert contents(Upper()) in (OLD, new), step
        Upper().run()
        assert contents(Upper()) == new, step
    assert step > 20


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_call_after_a_dead_one_counts(letters, changes):
    Aside(Workspace(Path(Config().working_dir))).put([Upper().key])
    new = change(letters, changes)
    Upper().run()
    assert contents(Upper()) == new
    assert recover(Workspace(Path(Config().working_dir)), PROJECT) == []
    assert contents(Upper()) == new


def test_call_replaces_what_a_dead_one_made(letters):
    Aside(Workspace(Path(Config().working_dir))).put([Upper().key])
    Path(Upper().get_outfile()).mkdir()
    (Path(Upper().get_outfile()) / "x.up").write_text("half")
    new = change(letters, CHANGES["all files change"])
    Upper().run()
    assert contents(Upper()) == new
