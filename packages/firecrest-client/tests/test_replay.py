"""One table of calls, for both clients, against the recorded answers of a real server."""

import json
from io import BytesIO
from pathlib import Path

import firecrest as fc
import pytest
from firecrest import errors
from firecrest.testing import FixedToken, Replay, Reply, Server

RECORDINGS = Path(__file__).parent / "data" / "firecrest-v1-exchanges.jsonl"
E2E = "/home/f7tuser/e2e"


@pytest.fixture
def server():
    with Server(Replay(RECORDINGS)) as server:
        yield server


@pytest.fixture
def call(run, server):
    """Runs a function of the client, with each client."""

    def with_server(function):
        auth = FixedToken()
        return run(server.url + "/", auth, function, polling_sleep_times=[0] * 5)

    return with_server


def recorded(call: str, *, last: bool = True) -> dict:
    exchanges = [json.loads(line) for line in RECORDINGS.read_text().splitlines()]
    bodies = [e["resp_body"] for e in exchanges if e["call"] == call]
    return json.loads(bodies[-1 if last else 0])


def task_data(call: str):
    (task,) = recorded(call)["tasks"].values()
    return task["data"]


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        pytest.param(
            lambda c: c.all_systems(), lambda: recorded("all_systems")["out"], id="all_systems"
        ),
        pytest.param(
            lambda c: c.system("cluster"),
            lambda: {
                "description": "System ready",
                "status": "available",
                "system": "cluster",
            },
            id="system",
        ),
        pytest.param(
            lambda c: c.all_services(), lambda: recorded("all_services")["out"], id="all_services"
        ),
        pytest.param(lambda c: c.service("storage"), lambda: recorded("service"), id="service"),
        pytest.param(
            lambda c: c.parameters(), lambda: recorded("parameters")["out"], id="parameters"
        ),
        pytest.param(
            lambda c: c.filesystems(), lambda: recorded("filesystems")["out"], id="filesystems"
        ),
        pytest.param(
            lambda c: c.filesystems("cluster"),
            lambda: {"cluster": recorded("filesystems1")["out"]},
            id="filesystems of one",
        ),
        pytest.param(lambda c: c.mkdir("cluster", E2E), lambda: E2E, id="mkdir"),
        pytest.param(
            lambda c: c.mkdir("cluster", f"{E2E}/a/b/c", p=True),
            lambda: f"{E2E}/a/b/c",
            id="mkdir -p",
        ),
        pytest.param(lambda c: c.whoami("cluster"), lambda: "f7tuser", id="whoami"),
        pytest.param(
            lambda c: c.groups("cluster"), lambda: recorded("groups")["output"], id="groups"
        ),
        pytest.param(
            lambda c: c.simple_upload("cluster", BytesIO(b"hello\nworld\n"), E2E, "small.txt"),
            lambda: None,
            id="simple_upload",
        ),
        pytest.param(
            lambda c: c.list_files("cluster", E2E),
            lambda: recorded("list")["output"],
            id="list_files",
        ),
        pytest.param(
            lambda c: c.list_files("cluster", E2E, show_hidden=True, recursive=True),
            lambda: recorded("list rec")["output"],
            id="list_files recursive",
        ),
        pytest.param(
            lambda c: c.stat("cluster", f"{E2E}/small.txt"),
            lambda: recorded("stat")["output"],
            id="stat",
        ),
        pytest.param(
            lambda c: c.file_type("cluster", f"{E2E}/small.txt"),
            lambda: "ASCII text",
            id="file_type",
        ),
        pytest.param(
            lambda c: c.checksum("cluster", f"{E2E}/small.txt"),
            lambda: "4a1e67f2fe1d1cc7b31d0ca2ec441da4778203a036a77da10344c85e24ff0f92",
            id="checksum",
        ),
        pytest.param(
            lambda c: c.head("cluster", f"{E2E}/small.txt", lines=1), lambda: "hello\n", id="head"
        ),
        pytest.param(
            lambda c: c.tail("cluster", f"{E2E}/small.txt", bytes=3), lambda: "ld\n", id="tail"
        ),
        pytest.param(
            lambda c: c.view("cluster", f"{E2E}/small.txt"), lambda: "hello\nworld\n", id="view"
        ),
        pytest.param(
            lambda c: c.chmod("cluster", f"{E2E}/small.txt", "640"), lambda: None, id="chmod"
        ),
        pytest.param(
            lambda c: c.chown("cluster", f"{E2E}/small.txt", group="f7tgroup"),
            lambda: None,
            id="chown",
        ),
        pytest.param(
            lambda c: c.copy("cluster", f"{E2E}/small.txt", f"{E2E}/copy.txt"),
            lambda: f"{E2E}/copy.txt",
            id="copy",
        ),
        pytest.param(
            lambda c: c.mv("cluster", f"{E2E}/copy.txt", f"{E2E}/moved.txt"),
            lambda: f"{E2E}/moved.txt",
            id="mv",
        ),
        pytest.param(
            lambda c: c.symlink("cluster", f"{E2E}/small.txt", f"{E2E}/link"),
            lambda: f"{E2E}/small.txt",
            id="symlink",
        ),
        pytest.param(
            lambda c: c.simple_delete("cluster", f"{E2E}/moved.txt"),
            lambda: None,
            id="simple_delete",
        ),
        pytest.param(
            lambda c: c.compress("cluster", f"{E2E}/a", f"{E2E}/a.tar.gz"),
            lambda: f"{E2E}/a.tar.gz",
            id="compress",
        ),
        pytest.param(
            lambda c: c.extract("cluster", f"{E2E}/a.tar.gz", f"{E2E}/a/b"),
            lambda: f"{E2E}/a/b",
            id="extract",
        ),
        pytest.param(
            lambda c: c.submit("cluster", script_remote_path=f"{E2E}/job.sh"),
            lambda: (
                task_data("submit remote")
                | {"firecrest_taskid": "c97e1a089beb9b20c4b916f7acb52669"}
            ),
            id="submit remote",
        ),
        pytest.param(
            lambda c: c.submit("cluster", f"{E2E}/job.sh", local_file=False),
            lambda: (
                task_data("submit remote")
                | {"firecrest_taskid": "c97e1a089beb9b20c4b916f7acb52669"}
            ),
            id="submit remote, old spelling",
        ),
        pytest.param(
            lambda c: c.submit("cluster", script_str="#!/bin/bash\n#SBATCH --time=1\nhostname\n"),
            lambda: (
                task_data("submit str") | {"firecrest_taskid": "b0c9020002acd2ff31076da0a2fd81f9"}
            ),
            id="submit str",
        ),
        pytest.param(
            lambda c: c.poll_active("cluster"),
            lambda: list(task_data("poll_active").values()),
            id="poll_active",
        ),
        pytest.param(
            lambda c: c.poll_active("cluster", ["69"]),
            lambda: list(task_data("poll_active[id]").values()),
            id="poll_active with an id",
        ),
        pytest.param(
            lambda c: c.poll("cluster", ["69"]), lambda: task_data("queue"), id="poll with ids"
        ),
        pytest.param(
            lambda c: c.poll("cluster", 69), lambda: task_data("queue"), id="poll with one id"
        ),
        pytest.param(lambda c: c.poll("cluster", ["999999"]), list, id="poll of no job"),
        pytest.param(
            lambda c: c.cancel("cluster", 69), lambda: "scancel: Terminating job 69", id="cancel"
        ),
        pytest.param(lambda c: c.nodes("cluster"), lambda: task_data("nodes"), id="nodes"),
        pytest.param(
            lambda c: c.partitions("cluster"), lambda: task_data("partitions"), id="partitions"
        ),
        pytest.param(lambda c: c.reservations("cluster"), list, id="reservations"),
        pytest.param(
            lambda c: c.submit_move_job("cluster", f"{E2E}/small.txt", f"{E2E}/moved_by_job.txt"),
            lambda: task_data("submit_move_job") | {"system": "cluster"},
            id="submit_move_job",
        ),
        pytest.param(
            lambda c: c.submit_copy_job("cluster", f"{E2E}/job.sh", f"{E2E}/job2.sh"),
            lambda: task_data("submit_copy_job") | {"system": "cluster"},
            id="submit_copy_job",
        ),
        pytest.param(
            lambda c: c.submit_rsync_job("cluster", f"{E2E}/a/", f"{E2E}/a_rsync"),
            lambda: task_data("submit_rsync_job") | {"system": "cluster"},
            id="submit_rsync_job",
        ),
        pytest.param(
            lambda c: c.submit_compress_job("cluster", f"{E2E}/a", f"{E2E}/b.tar.gz"),
            lambda: task_data("submit_compress_job") | {"system": "cluster"},
            id="submit_compress_job",
        ),
        pytest.param(
            lambda c: c.submit_extract_job("cluster", f"{E2E}/b.tar.gz", f"{E2E}/a"),
            lambda: task_data("submit_extract_job") | {"system": "cluster"},
            id="submit_extract_job",
        ),
        pytest.param(
            lambda c: c.submit_delete_job("cluster", f"{E2E}/job2.sh"),
            lambda: task_data("submit_delete_job") | {"system": "cluster"},
            id="submit_delete_job",
        ),
        pytest.param(
            lambda c: c.tasks(["014a054fdd48f5741b44167b962637ea"]),
            lambda: recorded("dn.object_storage_data", last=False)["tasks"],
            id="tasks",
        ),
    ],
)
def test_answer_is_what_the_real_server_said(call, function, expected):
    assert call(function) == expected()


@pytest.mark.parametrize(
    ("function", "kind", "words"),
    [
        pytest.param(
            lambda c: c.list_files("cluster", "/nope"),
            errors.PathNotFound,
            "Cannot list '/nope' on 'cluster': path is an invalid path; "
            "ls: cannot access '/nope': No such file or directory (HTTP 400, X-Invalid-Path)",
            id="no such path",
        ),
        pytest.param(
            lambda c: c.list_files("cluster", "/home/f7tother"),
            errors.PermissionDenied,
            "User does not have permissions to access path",
            id="no permission",
        ),
        pytest.param(
            lambda c: c.list_files("nomachine", "/"),
            errors.MachineDoesNotExist,
            "Machine does not exist",
            id="no such machine",
        ),
        pytest.param(
            lambda c: c.list_files("cluster2", "/"),
            errors.HeaderException,
            "Connection refused",
            id="machine down",
        ),
        pytest.param(
            lambda c: c.simple_download("cluster", f"{E2E}/big.bin", BytesIO()),
            errors.SizeLimitExceeded,
            "use external_upload or external_download",
            id="download too big",
        ),
        pytest.param(
            lambda c: c.simple_upload("cluster", BytesIO(b"x"), E2E, "big.bin"),
            errors.SizeLimitExceeded,
            "The file is over 5242880 bytes",
            id="upload too big",
        ),
        pytest.param(
            lambda c: c.poll_active("cluster", ["999999"]),
            errors.TaskFailed,
            "Invalid job id specified",
            id="queue forgot the job",
        ),
        pytest.param(
            lambda c: c.cancel("cluster", "999999"),
            errors.TaskFailed,
            "Invalid job id specified",
            id="cancel of no job",
        ),
    ],
)
def test_refusal_is_the_mapped_exception_with_one_sentence(call, function, kind, words):
    with pytest.raises(kind) as caught:
        call(function)
    assert type(caught.value) is kind
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert isinstance(caught.value, fc.FirecrestException)
    assert caught.value.responses[-1].status_code in (200, 400, 413)


def test_download_is_the_recorded_file_when_done(call, tmp_path):
    call(lambda c: c.simple_download("cluster", f"{E2E}/small.txt", tmp_path / "small.txt"))
    assert (tmp_path / "small.txt").read_bytes() == b"hello\nworld\n"
    assert [path.name for path in tmp_path.iterdir()] == ["small.txt"]


def test_submit_sends_the_script_and_the_variables(call, tmp_path, server):
    script = tmp_path / "job.sh"
    exchange = next(
        e
        for e in map(json.loads, RECORDINGS.read_text().splitlines())
        if e["call"] == "submit local"
    )
    text = exchange["req_body"].split("\r\n\r\n")[-1].rsplit("\r\n--", 1)[0]
    script.write_bytes(text.encode())
    job = call(lambda c: c.submit("cluster", script_local_path=script, env_vars={"FOO": "bar"}))
    assert job["jobid"] == "69"
    assert server.received[0].filename == "job.sh"


def test_every_request_carries_the_token_and_machine_ones_the_machine(call, server):
    call(lambda c: c.list_files("cluster", E2E))
    call(lambda c: c.all_systems())
    listing, systems = server.received
    assert listing.headers["authorization"] == "Bearer token"
    assert listing.machine == "cluster"
    assert systems.headers["authorization"] == "Bearer token"
    assert "x-machine-name" not in systems.headers


def test_version_is_asked_once(server):
    client = fc.v1.Firecrest(server.url, FixedToken())
    client.polling_sleep_times = [0] * 5
    client.nodes("cluster")
    client.partitions("cluster")
    assert [r.path for r in server.received].count("/status/parameters") == 1


def test_upload_of_the_recording_ends_on_the_machine(tmp_path):
    form = {}

    def staging(received):
        form.update(received.form)
        return Reply(204)

    with Server(staging) as store:
        replay = Replay(RECORDINGS, moved={"http://127.0.0.1:19000": store.url})
        with Server(replay) as server:
            client = fc.v1.Firecrest(server.url, FixedToken())
            upload = client.external_upload("cluster", "/tmp/tmpbxic30x7/big.bin", E2E)
            (tmp_path / "big.bin").write_bytes(b"content")
            upload.finish_upload(tmp_path / "big.bin")
            states = []
            upload.wait(progress=lambda task: states.append(task["status"]))
    assert form["file"] == "content"
    assert form["x-amz-signature"]
    assert states == ["111", "113", "114"]
    assert upload.status == "114"
    assert upload.in_progress is False


def test_download_of_the_recording_fetches_the_link(tmp_path):
    with Server(lambda received: Reply(body=b"staged")) as store:
        replay = Replay(RECORDINGS, moved={"http://127.0.0.1:19000": store.url})
        with Server(replay) as server:
            client = fc.v1.Firecrest(server.url, FixedToken())
            download = client.external_download("cluster", f"{E2E}/big.bin")
            download.finish_download(tmp_path / "big.bin", verify=False)
            assert download.status == "117"
            assert download.object_storage_link.startswith(store.url)
            download.invalidate_object_storage_link()
    assert (tmp_path / "big.bin").read_bytes() == b"staged"
    assert "authorization" not in store.received[0].headers
