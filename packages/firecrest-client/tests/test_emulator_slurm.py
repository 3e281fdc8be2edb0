"""Jobs through Slurm itself, where this computer has a running one."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from firecrest.emulator import Emulator, Settings


def _has_running_slurm() -> bool:
    if shutil.which("sinfo") is None:
        return False
    asked = subprocess.run(["sinfo", "--noheader"], check=False, capture_output=True, timeout=60)
    return asked.returncode == 0 and b"up" in asked.stdout


pytestmark = pytest.mark.skipif(not _has_running_slurm(), reason="no Slurm runs on this computer")


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Emulator]:
    with Emulator(Settings(root=tmp_path, slurm=True)) as server:
        yield server


@pytest.fixture
def ask(site: Emulator) -> Any:
    headers = {"Authorization": f"Bearer {site.token()}", "X-Machine-Name": "cluster"}

    def finish(method: str, path: str, **arguments: Any) -> dict[str, Any]:
        url = site.url + path
        started = requests.request(method, url, headers=headers, timeout=60, **arguments).json()
        while True:
            answer = requests.get(f"{site.url}{started['task_url']}", headers=headers, timeout=60)
            task = answer.json()["task"]
            if task["status"] != "100":
                return task

    return finish


def test_job_runs_in_slurm_and_its_output_is_found(ask, site) -> None:
    script = "#!/bin/bash\n#SBATCH --job-name=real\necho $FOO in $SLURM_JOB_PARTITION\n"
    files, form = {"file": ("job.sh", script)}, {"env": '{"FOO": "bar"}'}

    job = ask("POST", "/compute/jobs/upload", files=files, data=form)["data"]
    while True:
        (row,) = ask("GET", f"/compute/acct?jobs={job['jobid']}")["data"]
        if row["state"] not in {"PENDING", "RUNNING", "COMPLETING"}:
            break

    out = site.machine_folder("cluster") / job["job_file_out"].lstrip("/")
    assert (row["state"], row["name"]) == ("COMPLETED", "real")
    assert out.read_text() == "bar in part01\n"


def test_job_is_active_until_it_is_cancelled(ask) -> None:
    files = {"file": ("job.sh", "#!/bin/bash\nsleep 600\n")}
    job = ask("POST", "/compute/jobs/upload", files=files)["data"]["jobid"]

    active = ask("GET", f"/compute/jobs?jobs={job}")["data"]["0"]
    cancelled = ask("DELETE", f"/compute/jobs/{job}")
    (row,) = ask("GET", f"/compute/acct?jobs={job}")["data"]

    assert active["state"] in {"PENDING", "RUNNING"}
    assert cancelled["data"] == f"scancel: Terminating job {job}"
    assert row["state"].startswith("CANCELLED")


def test_unknown_job_is_an_error_of_the_task(ask) -> None:
    assert ask("GET", "/compute/jobs?jobs=999999")["status"] == "400"
    assert "Invalid job id" in ask("DELETE", "/compute/jobs/999999")["data"]


def test_script_without_interpreter_is_refused_by_sbatch(ask) -> None:
    task = ask("POST", "/compute/jobs/upload", files={"file": ("job.sh", "echo\n")})

    assert task["status"] == "400"
    assert "batch script" in task["data"]
