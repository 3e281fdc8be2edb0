"""How luigi's processes are started, whatever Python does by default on this system."""

import subprocess
import sys

import pytest

PROGRAM = """
import multiprocessing
import sys

import luisy


@luisy.interim
class Part(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


@luisy.final
class Whole(luisy.Task):
    def requires(self):
        return [Part(number=number) for number in range(3)]

    def run(self):
        self.write([one.read() for one in self.input()])


if __name__ == "__main__":
    multiprocessing.set_start_method(sys.argv[1])
    luisy.set_working_dir("data")
    print(len(luisy.build(Whole(), workers=2).ran), len(luisy.build(Whole(), workers=2).ran))
"""


@pytest.mark.skipif(sys.platform == "win32", reason="no process can be forked on Windows")
@pytest.mark.parametrize("method", ["fork", "forkserver", "spawn"])
def test_several_workers_keep_records_whatever_the_start_method(tmp_path, method):
    (tmp_path / "program.py").write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, "program.py", method],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "4 0\n", done.stderr
