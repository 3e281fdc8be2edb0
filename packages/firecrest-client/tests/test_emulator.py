"""What the recordings do not show: confinement, faults, limits, jobs that fail, signed requests."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import requests
from firecrest.emulator import Emulator, Fault, Settings

_HOME = "/home/f7tuser"


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Emulator]:
    settings = Settings(root=tmp_path / "site", size_limit=1000, slots=1)
    with Emulator(settings) as server:
        yield server


@pytest.fixture
def home(site: Emulator) -> Path:
    return site.machine_folder("cluster") / "home/f7tuser"


@pytest.fixture
def ask(site: Emulator) -> Callable[..., requests.Response]:
    headers = {"Authorization": f"Bearer {site.token()}", "X-Machine-Name": "cluster"}

    def send(method: str, path: str, **arguments: Any) -> requests.Response:
        return requests.request(method, site.url + path, headers=headers, timeout=60, **arguments)

    return send


@pytest.fixture
def finish(ask: Callable[..., requests.Response]) -> Callable[[requests.Response], Any]:
    """Ask for the task that a request started until it has ended."""

    def wait(started: requests.Response) -> Any:
        task_id = started.json()["task_id"]
        while True:
            task = ask("GET", f"/tasks?tasks={task_id}").json()["tasks"][task_id]
            if task["status"] >= "200" or task["status"] in {"111", "114", "115", "117", "118"}:
                return task

    return wait


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "secret.txt"
    path.write_text("outside")
    return path


@pytest.mark.parametrize(
    "climb",
    ["/..", "../../../..", f"{_HOME}/../../..", "/home/../../../../../.."],
)
def test_path_stops_at_the_machines_root_when_it_climbs(ask, secret, climb: str) -> None:
    response = ask("GET", "/utilities/download", params={"sourcePath": f"{climb}{secret}"})

    assert response.status_code == 400
    assert response.headers["X-Not-Found"] == "sourcePath not found"


@pytest.mark.parametrize("operation", ["download", "checksum", "head", "ls", "stat"])
def test_link_leads_nowhere_when_it_points_outside(ask, home, secret, operation: str) -> None:
    (home / "link").symlink_to(secret)
    name = "sourcePath" if operation == "download" else "targetPath"
    query = {name: f"{_HOME}/link", "dereference": "True"}

    response = ask("GET", f"/utilities/{operation}", params=query)

    assert response.status_code == 400
    assert "outside" not in response.text


def test_link_of_a_directory_leads_nowhere_when_it_points_outside(ask, home, secret) -> None:
    (home / "door").symlink_to(secret.parent)

    response = ask(
        "POST",
        "/utilities/upload",
        data={"targetPath": f"{_HOME}/door"},
        files={"file": ("secret.txt", b"changed")},
    )

    assert response.status_code == 400
    assert secret.read_text() == "outside"


def test_dereferenced_archive_leaves_out_what_is_outside(ask, home, secret) -> None:
    (home / "folder").mkdir()
    (home / "folder/link").symlink_to(secret)
    form = {"sourcePath": f"{_HOME}/folder", "targetPath": f"{_HOME}/a.tgz", "dereference": "True"}

    assert ask("POST", "/utilities/compress", data=form).status_code == 400


def test_own_link_is_followed_by_the_api_and_by_scripts(ask, home) -> None:
    (home / "file").write_text("content")
    form = {"targetPath": f"{_HOME}/file", "linkPath": f"{_HOME}/link"}

    made = ask("POST", "/utilities/symlink", data=form)
    shown = ask("GET", "/utilities/ls", params={"targetPath": _HOME}).json()["output"]

    assert made.status_code == 201
    assert {row["name"]: row["link_target"] for row in shown}["link"] == f"{_HOME}/file"
    assert (
        ask("GET", "/utilities/view", params={"targetPath": "link"}).json()["output"] == "content"
    )
    assert (home / "link").read_text() == "content"


@pytest.mark.parametrize("char", list("<>|;\"'&\\()`\n"))
def test_path_is_refused_when_it_has_a_character_of_a_shell(ask, char: str) -> None:
    response = ask("GET", "/utilities/ls", params={"targetPath": f"/home/a{char}b"})

    assert response.status_code == 400
    assert "has invalid char" in response.json()["error"]


@pytest.mark.parametrize(
    ("method", "path", "form", "header"),
    [
        ("PUT", "/utilities/chmod", {"targetPath": _HOME, "mode": "wrong"}, "X-Invalid-Mode"),
        ("PUT", "/utilities/chown", {"targetPath": _HOME, "owner": "no"}, "X-Invalid-Owner"),
        ("PUT", "/utilities/chown", {"targetPath": _HOME, "group": "no"}, "X-Invalid-Group"),
        ("POST", "/utilities/mkdir", {"targetPath": _HOME}, "X-Exists"),
        ("POST", "/utilities/mkdir", {"targetPath": "/a/b"}, "X-Invalid-Path"),
        ("DELETE", "/utilities/rm", {"targetPath": "/none"}, "X-Invalid-Path"),
        (
            "POST",
            "/utilities/copy",
            {"sourcePath": "/none", "targetPath": _HOME},
            "X-Not-Found",
        ),
    ],
    ids=["mode", "owner", "group", "mkdir-there", "mkdir-below-nothing", "rm-none", "copy-none"],
)
def test_refusal_names_its_reason_in_a_header(ask, method, path, form, header) -> None:
    response = ask(method, path, data=form)

    assert response.status_code == 400
    assert header in response.headers


def test_unreadable_file_is_denied(ask, home) -> None:
    (home / "closed").write_text("x")
    (home / "closed").chmod(0o200)

    response = ask("GET", "/utilities/checksum", params={"targetPath": f"{_HOME}/closed"})

    assert "X-Permission-Denied" in response.headers


@pytest.mark.parametrize("machine", ["cluster2", "nomachine", "../.."])
def test_compute_refuses_a_machine_that_is_not_there(site, machine: str) -> None:
    headers = {"Authorization": f"Bearer {site.token()}", "X-Machine-Name": machine}

    response = requests.get(f"{site.url}/compute/jobs", headers=headers, timeout=60)

    assert response.status_code == 400
    assert ("X-Machine-Does-Not-Exists" in response.headers) is (machine != "cluster2")


@pytest.mark.parametrize(
    ("script", "state", "code"),
    [
        ("#!/bin/sh\nexit 0\n", "COMPLETED", "0:0"),
        ("#!/bin/sh\nexit 3\n", "FAILED", "3:0"),
        ("#!/bin/sh\n#SBATCH --time=0:01\nsleep 600\n", "TIMEOUT", "0:1"),
        ("#!/no/such/shell\n", "FAILED", "1:0"),
    ],
    ids=["well", "failed", "too-long", "no-interpreter"],
)
def test_job_ends_as_slurm_would_say(ask, finish, script, state, code) -> None:
    started = ask("POST", "/compute/jobs/upload", files={"file": ("job.sh", script)})
    job = finish(started)["data"]["jobid"]

    while (row := finish(ask("GET", f"/compute/acct?jobs={job}"))["data"][0])["state"] in {
        "PENDING",
        "RUNNING",
    }:
        pass

    assert (row["state"], row["exit_code"]) == (state, code)


@pytest.mark.parametrize(
    ("script", "words"),
    [("echo\n", "does not look like a batch script"), ("#!/bin/sh\n#SBATCH -t x\n", "--time")],
    ids=["no-shebang", "bad-time"],
)
def test_script_is_refused_in_its_task_when_sbatch_would(ask, finish, script, words) -> None:
    task = finish(ask("POST", "/compute/jobs/upload", files={"file": ("job.sh", script)}))

    assert task["status"] == "400"
    assert words in task["data"]


def test_array_job_has_one_row_and_one_output_for_each_index(ask, finish, home) -> None:
    script = "#!/bin/sh\n#SBATCH --array=1-3\necho $SLURM_ARRAY_TASK_ID\n"
    started = ask("POST", "/compute/jobs/upload", files={"file": ("job.sh", script)})
    data = finish(started)["data"]

    while True:
        rows = finish(ask("GET", f"/compute/acct?jobs={data['jobid']}"))["data"]
        if all(row["state"] == "COMPLETED" for row in rows):
            break

    assert sorted(row["jobid"] for row in rows) == ["1_1", "1_2", "1_3"]
    assert {path.read_text().strip() for path in home.glob("firecrest/*/slurm-1_*.out")} == set(
        "123"
    )


def test_dependent_job_starts_when_the_first_has_ended_well(ask, finish, home) -> None:
    first = "#!/bin/sh\nwhile [ ! -e $HOME/go ]; do :; done\necho first > $HOME/first\n"
    job = finish(ask("POST", "/compute/jobs/upload", files={"file": ("a.sh", first)}))["data"]
    form = {
        "sourcePath": f"{_HOME}/first",
        "targetPath": f"{_HOME}/second",
        "stageOutJobId": job["jobid"],
    }
    moved = finish(ask("POST", "/storage/xfer-internal/mv", data=form))["data"]["jobid"]
    waiting = finish(ask("GET", f"/compute/jobs?jobs={moved}"))["data"]["0"]["state"]
    (home / "go").touch()

    while finish(ask("GET", f"/compute/acct?jobs={moved}"))["data"][0]["state"] != "COMPLETED":
        pass

    assert waiting == "PENDING"
    assert (home / "second").read_text() == "first\n"


@pytest.mark.parametrize(
    ("fault", "status", "header"),
    [
        (Fault("429", "/utilities", retry_after=3), 429, ("Retry-After", "3")),
        (Fault("503"), 503, ("Retry-After", None)),
        (Fault("timeout"), 400, ("X-Timeout", "Command has finished with timeout signal")),
        (Fault("expired"), 401, ("Retry-After", None)),
    ],
    ids=["429", "503", "timeout", "expired"],
)
def test_fault_happens_as_often_as_asked(site, ask, fault, status, header) -> None:
    site.faults.add(fault)

    responses = [ask("GET", "/utilities/ls", params={"targetPath": "/"}) for _ in range(2)]

    assert [response.status_code for response in responses] == [status, 200]
    assert responses[0].headers.get(header[0]) == header[1]


def test_connection_is_cut_in_the_middle_when_asked(site, ask) -> None:
    site.faults.add(Fault("cut", "/utilities/ls"))

    with pytest.raises(requests.exceptions.ChunkedEncodingError):
        ask("GET", "/utilities/ls", params={"targetPath": "/"})


@pytest.mark.parametrize(
    ("token", "status"),
    [("", 401), ("Bearer x.y.z", 401), ("Basic abc", 401)],
    ids=["none", "forged", "basic"],
)
def test_request_is_refused_without_a_valid_token(site, token, status) -> None:
    response = requests.get(
        f"{site.url}/status/systems", headers={"Authorization": token}, timeout=60
    )

    assert response.status_code == status


def test_expired_token_is_refused(site) -> None:
    headers = {"Authorization": f"Bearer {site.token(lifetime=-1)}"}

    response = requests.get(f"{site.url}/status/systems", headers=headers, timeout=60)

    assert response.json() == {"exp": "token expired"}


def test_upload_goes_through_every_state_and_the_file_arrives(site, ask, finish, home) -> None:
    form = {"sourcePath": "/somewhere/big.bin", "targetPath": _HOME}
    started = ask("POST", "/storage/xfer-external/upload", data=form)
    parameters = finish(started)["data"]["msg"]["parameters"]
    content = os.urandom(100_000)

    posted = requests.post(
        parameters["url"], parameters["data"], files={"file": content}, timeout=60
    )
    while finish(started)["status"] == "111":
        pass

    task_id = started.json()["task_id"]
    assert posted.status_code == 204
    assert site.task_history(task_id) == ("100", "110", "111", "112", "113", "114")
    assert (home / "big.bin").read_bytes() == content


@pytest.mark.parametrize("field", ["key", "policy", "x-amz-date", "x-amz-signature"])
def test_form_is_refused_when_a_field_was_changed(ask, finish, field: str) -> None:
    form = {"sourcePath": "/somewhere/big.bin", "targetPath": _HOME}
    parameters = finish(ask("POST", "/storage/xfer-external/upload", data=form))["data"]["msg"][
        "parameters"
    ]
    fields = {**parameters["data"], field: parameters["data"][field][::-1]}

    posted = requests.post(parameters["url"], fields, files={"file": b"x"}, timeout=60)

    assert posted.status_code == 403


def test_link_serves_ranges_until_it_is_invalidated(site, ask, finish, home) -> None:
    content = os.urandom(5000)
    (home / "big.bin").write_bytes(content)
    form = {"sourcePath": f"{_HOME}/big.bin"}
    task = finish(ask("POST", "/storage/xfer-external/download", data=form))
    link = task["data"]["url"]
    part = requests.get(link, headers={"Range": "bytes=4000-"}, timeout=60)
    headers = {"Authorization": f"Bearer {site.token()}", "X-Task-Id": task["task_id"]}

    url = f"{site.url}/storage/xfer-external/invalidate"
    invalidated = requests.post(url, headers=headers, timeout=60)

    assert (part.status_code, part.content) == (206, content[4000:])
    assert invalidated.status_code == 201
    assert requests.get(link, timeout=60).status_code == 403
    assert requests.get(link.replace("Signature=", "Signature=0"), timeout=60).status_code == 403


@pytest.mark.parametrize("status", ["115", "118"])
def test_transfer_fails_when_asked(site, ask, finish, home, status: str) -> None:
    (home / "file").write_text("content")
    site.faults.add(Fault(status))  # type: ignore[arg-type]
    if status == "118":
        form = {"sourcePath": f"{_HOME}/file"}
        task = finish(ask("POST", "/storage/xfer-external/download", data=form))
    else:
        form = {"sourcePath": "/somewhere/new", "targetPath": _HOME}
        started = ask("POST", "/storage/xfer-external/upload", data=form)
        parameters = finish(started)["data"]["msg"]["parameters"]
        requests.post(parameters["url"], parameters["data"], files={"file": b"x"}, timeout=60)
        while (task := finish(started))["status"] == "111":
            pass

    assert task["status"] == status
    assert not (home / "new").exists()


def test_client_that_leaves_in_the_middle_is_no_error_of_the_emulator(
    site: Emulator, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = site.url.rpartition("/")[2].partition(":")
    with socket.create_connection((host, int(port))) as line:
        line.sendall(
            b"POST /staging/bucket HTTP/1.1\r\nHost: here\r\nContent-Length: 1000\r\n"
            b"Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\n"
        )
    requests.get(f"{site.url}/status/systems", timeout=60)
    site.close()
    assert "Exception in ASGI application" not in caplog.text
