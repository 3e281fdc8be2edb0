"""The staging area on a real S3 server instead of the built-in one."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from firecrest.emulator import Emulator, S3Staging, Settings

moto_server = pytest.importorskip("moto.server")


@pytest.fixture
def staging() -> Iterator[S3Staging]:
    server = moto_server.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield S3Staging(f"http://{host}:{port}", "storage_access_key", "storage_secret_key")
    server.stop()


@pytest.fixture
def site(tmp_path: Path, staging: S3Staging) -> Iterator[Emulator]:
    with Emulator(Settings(root=tmp_path, staging=staging)) as server:
        yield server


def test_file_travels_through_s3_both_ways(site: Emulator) -> None:
    content = os.urandom(200_000)
    headers = {"Authorization": f"Bearer {site.token()}", "X-Machine-Name": "cluster"}
    transfers = f"{site.url}/storage/xfer-external"

    def wait(task_id: str, statuses: set[str]) -> Any:
        while True:
            answer = requests.get(f"{site.url}/tasks", {"tasks": task_id}, headers=headers)
            task = answer.json()["tasks"][task_id]
            if task["status"] in statuses:
                return task["data"]

    form = {"sourcePath": "/somewhere/big.bin", "targetPath": "/home/f7tuser"}
    started = requests.post(f"{transfers}/upload", form, headers=headers).json()["task_id"]
    parameters = wait(started, {"111"})["msg"]["parameters"]
    requests.post(parameters["url"], parameters["data"], files={"file": content})
    wait(started, {"114"})
    form = {"sourcePath": "/home/f7tuser/big.bin"}
    started = requests.post(f"{transfers}/download", form, headers=headers).json()["task_id"]
    link = wait(started, {"117"})["url"]

    assert (site.machine_folder("cluster") / "home/f7tuser/big.bin").read_bytes() == content
    assert requests.get(link).content == content
