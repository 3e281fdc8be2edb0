"""The example of the README runs as it stands and prints what it says."""

import re
import subprocess
import sys
from pathlib import Path

README = Path(__file__).parent.parent / "README.md"


def test_example_prints_what_the_readme_says(tmp_path):
    code, printed = re.search(
        r"```python\n(.*?)```\n\n```text\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL
    ).groups()
    words = [sys.executable, "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stderr == ""
    assert done.stdout == printed


def test_settings_named_in_the_readme_are_those_that_are_read():
    from firecrest.settings import VARIABLES

    text = README.read_text(encoding="utf-8")
    for variable in VARIABLES.values():
        assert f"| `{variable}` |" in text
