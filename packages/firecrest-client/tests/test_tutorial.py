"""The blocks of the tutorial, in its order, against the emulator."""

import contextlib
import io
import re
from pathlib import Path

import pytest
from firecrest.emulator import Emulator, Settings

TUTORIAL = Path(__file__).parent / "data" / "firecrest-v1-tutorial.txt"


@pytest.fixture
def site(tmp_path):
    with Emulator(Settings(root=tmp_path / "site", clients={"client": "test_user"})) as server:
        yield server


def blocks() -> list[str]:
    text = TUTORIAL.read_text(encoding="utf-8")
    found = re.findall(r"\.\. code-block:: Python\n\n((?:(?:    .*)?\n)+)", text)
    return ["\n".join(line[4:] for line in block.splitlines()) for block in found]


def test_tutorial_runs_in_order(site, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    machine = site.machine_folder("cluster")
    home = machine / "home" / "test_user"
    (home / "test_file.txt").write_text("0123456789")
    (home / "to_fetch").write_bytes(b"remote content")
    Path("script.sh").write_text("#!/bin/bash\n#SBATCH --time=1\necho done\n")
    Path("local_file").write_bytes(b"local content")
    replaced = {
        "<TOKEN>": repr(site.token("test_user")),
        "<firecrest_url>": repr(site.url),
        "/remote/path/to/the/file": "/home/test_user/to_fetch",
        "/remote/path/to/filesystem": "/home/test_user",
        "/path/to/local/file": str(tmp_path / "local_file"),
    }
    names: dict = {}
    printed = io.StringIO()
    found = blocks()
    for block in found:
        for old, new in replaced.items():
            block = block.replace(old, new)  # noqa: PLW2901
        with contextlib.redirect_stdout(printed):
            exec(block, names)
    assert len(found) == 6
    assert [s["system"] for s in names["systems"]] == ["cluster", "cluster2"]
    assert "test_file.txt" in [f["name"] for f in names["files"]]
    assert names["job"]["result"] == "Job submitted"
    assert (tmp_path / "my_local_file").read_bytes() == b"remote content"
    names["up_obj"].wait(timeout=120)
    assert names["up_obj"].status == "114"
    assert (home / "local_file").read_bytes() == b"local content"
    outcome = names["client"].wait_for_job("cluster", names["job"]["jobid"], timeout=120)
    assert outcome.is_success
