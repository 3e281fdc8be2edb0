import os
import subprocess
import sys

from luisy.run_lock import alone
from luisy.workspace import Workspace

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
