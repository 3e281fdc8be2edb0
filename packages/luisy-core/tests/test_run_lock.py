import os
import subprocess
import sys

import pytest
from luisy.run_lock import alone
from luisy.workspace import Workspace
from luisy_protocol.errors import LuisyError

HOLDER = """
import sys
from pathlib import Path
from luisy.run_lock import alone
from luisy.workspace import Workspace
with alone(Workspace(Path(sys.argv[1])), ["p"], waiting=print):
    print("held", flush=True)
    sys.stdin.readline()
"""


def never(text):
    raise AssertionError(text)


def test_lock_that_is_free_is_not_waited_for(tmp_path):
    with alone(Workspace(tmp_path), ["p", "q"], waiting=never) as waited:
        assert not waited
    with alone(Workspace(tmp_path), ["p"], waiting=never) as waited:
        assert not waited


def test_who_waits_is_told_for_whom(tmp_path):
    told = []
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"

        def waiting(text):
            told.append(text)
            holder.communicate("go\n")

        with alone(Workspace(tmp_path), ["p"], waiting=waiting) as waited:
            assert waited
    (text,) = told
    assert f"process {holder.pid}" in text
    assert "works on p" in text


def test_other_project_is_not_waited_for(tmp_path):
    with (
        alone(Workspace(tmp_path), ["p"], waiting=never),
        alone(Workspace(tmp_path), ["q"], waiting=never),
    ):
        assert (tmp_path / "p/.luisy/running").read_text().count(str(os.getpid())) == 1
    assert not (tmp_path / "p/.luisy/running").exists()


def test_full_disk_is_no_reason_not_to_run(tmp_path, largest_file):
    with largest_file(0), alone(Workspace(tmp_path), ["p"], waiting=never) as waited:
        assert not waited
    assert not (tmp_path / "p/.luisy/running").exists()


def test_note_of_who_runs_that_cannot_be_made_nor_removed_is_no_reason_not_to_run(tmp_path):
    (tmp_path / "p/.luisy/running").mkdir(parents=True)
    with alone(Workspace(tmp_path), ["p"], waiting=never) as waited:
        assert not waited


def test_folder_of_the_lock_that_cannot_be_made_is_named(tmp_path):
    (tmp_path / "p").write_text("a file")
    with pytest.raises(LuisyError, match=f"cannot write {tmp_path}/p/.luisy: "):
        alone(Workspace(tmp_path), ["p"], waiting=never).__enter__()


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_who_waits_for_one_that_could_not_write_who_it_is_is_told_so(tmp_path):
    told = []
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (9, 9))"
    with subprocess.Popen(
        [sys.executable, "-B", "-c", f"import luisy\n{limit}\n{HOLDER}", str(tmp_path)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        assert (tmp_path / "p/.luisy/running").stat().st_size < 10

        def waiting(text):
            told.append(text)
            holder.communicate("go\n")

        with alone(Workspace(tmp_path), ["p"], waiting=waiting):
            pass
    assert told == ["another run (of an unknown process) works on p; waiting for it to end"]
