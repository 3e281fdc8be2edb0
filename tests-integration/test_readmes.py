"""The examples of every package's README run as they are printed.

A ``python`` block runs as a program in an empty folder, a ``sh`` block in a shell there. Where the
text before a ``python`` block says "into `name.py`", it is written there instead. A ``text`` block
after one of them is what it prints. What is indented, or in another language, is not run.
"""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
READMES = sorted(ROOT.glob("packages/*/README.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
INTO = re.compile(r"into\s+`([\w/]+\.py)`[^`]*\Z")


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_examples_run_as_printed(readme, tmp_path):
    text = readme.read_text()
    printed = None
    for match in BLOCK.finditer(text):
        language, content = match.groups()
        file = INTO.search(text[: match.start()])
        if language == "python" and file:
            (tmp_path / file[1]).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / file[1]).write_text(content)
        elif language == "python":
            printed = run([sys.executable, "-c", content], tmp_path)
        elif language == "sh":
            printed = run(["bash", "-euo", "pipefail", "-c", content], tmp_path)
        elif language == "text" and printed is not None:
            assert printed.strip() == content.strip()


def run(command, folder):
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {key: val for key, val in os.environ.items() if not key.startswith("LUISY_")}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**inherited, "PATH": path, "PYTHONPATH": str(folder)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"{command[-1]}\n{done.stdout}{done.stderr}"
    return done.stdout
