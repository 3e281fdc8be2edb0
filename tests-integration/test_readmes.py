"""The examples of every package's README run as they are printed, in order, in one empty folder.

- A ``python`` block is a program, unless the line before it names its file: "`name.py`:".
- A ``sh`` block goes to a shell. In a ``console`` block what follows a ``$`` does, and the lines
  below it, if any, are what it prints. A ``text`` block is what the block before it prints.
- What is indented, or in another language, is not run.
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
IS_FILE = re.compile(r"`([\w/]+\.py)`[^`\n]*:\s*\Z")
PROMPT = re.compile(r"^\$ (.*)\n((?:(?!\$ ).*\n)*)", re.MULTILINE)


@pytest.mark.parametrize("readme", READMES, ids=lambda path: path.parent.name)
def test_examples_run_as_printed(readme, tmp_path):
    text = readme.read_text()
    printed = ""
    for match in BLOCK.finditer(text):
        language, content = match.groups()
        if language == "python":
            file = IS_FILE.search(text[: match.start()])
            path = tmp_path / (file[1] if file else "example.py")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
            printed = "" if file else run(tmp_path, sys.executable, str(path))
        elif language == "sh":
            printed = run(tmp_path, "bash", "-euo", "pipefail", "-c", content)
        elif language == "console":
            for command, shown in PROMPT.findall(content):
                printed = run(tmp_path, "bash", "-euo", "pipefail", "-c", command)
                assert printed.strip() == shown.strip() or not shown.strip()
        elif language == "text" and printed:
            assert printed.strip() == content.strip()


def run(folder, *command):
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
