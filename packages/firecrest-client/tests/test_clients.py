"""One table of behaviours, for both clients, against the emulator and a server that is told."""

import asyncio
import hashlib
import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from io import BytesIO

import firecrest as fc
import httpx
import pytest
import requests
from firecrest import errors
from firecrest.emulator import Emulator, Fault, Settings
from firecrest.testing import FixedToken, Reply, Server
from luisy_protocol.errors import (
    ConfigurationError,
    IntegrityError,
    NotFound,
    NotSupported,
    Unavailable,
)

HOME = "/home/f7tuser"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    settings = Settings(
        root=tmp_path_factory.mktemp("site"), size_limit=100_000, command_timeout=2.0
    )
    with Emulator(settings) as server:
        yield server


@pytest.fixture
def home(site):
    return site.machine_folder("cluster") / "home/f7tuser"


@pytest.fixture
def call(run, site):
    def on_site(function, **attributes):
        auth = fc.ClientCredentialsAuth(site.client_id, site.client_secret, site.token_url)
        return run(site.url, auth, function, **attributes)

    return on_site


@pytest.fixture
def call_server(run):
    """Runs a function of the client against a server that answers as told."""

    def on_server(answer, function, **attributes):
        with Server(answer) as server:
            try:
                return run(server.url, FixedToken(), function, **attributes), server.received
            except Exception as error:
                error.received = server.received
                raise

    return on_server


# Faults between here and the server


@pytest.mark.parametrize("kind", ["429", "503", "cut"])
def test_passing_fault_is_survived(call, site, kind):
    site.faults.add(Fault(kind, path="/utilities/ls", times=2, retry_after=0))
    assert isinstance(call(lambda c: c.list_files("cluster", HOME)), list)


@pytest.mark.parametrize("kind", ["503", "cut"])
def test_fault_of_what_may_not_be_repeated_is_told(call, site, home, kind):
    (home / "a").write_bytes(b"x")
    site.faults.add(Fault(kind, path="/utilities/copy"))
    with pytest.raises(Unavailable):
        call(lambda c: c.copy("cluster", f"{HOME}/a", f"{HOME}/b"))


def test_expired_token_is_told(call, site):
    site.faults.add(Fault("expired", path="/utilities/ls"))
    with pytest.raises(fc.UnauthorizedException, match=r"expired.*; get a new access token"):
        call(lambda c: c.list_files("cluster", HOME))


def test_slow_server_is_a_timeout_of_ours_and_of_the_library(call_server):
    gate = threading.Event()

    def answer(received):
        gate.wait(120)
        return Reply(json={"out": []})

    def check(client):
        return client.all_systems()

    try:
        with pytest.raises(errors.ServerTimeout, match="timed out") as caught:
            call_server(answer, check, timeout=(5.0, 0.2), num_retries=0)
    finally:
        gate.set()
    assert isinstance(caught.value, TimeoutError)
    assert isinstance(caught.value, requests.Timeout | httpx.TimeoutException)


def test_refused_connection_is_an_error_of_ours_and_of_the_library(run):
    with pytest.raises(errors.ServerUnreachable, match="connection refused") as caught:
        run("http://127.0.0.1:9", FixedToken(), lambda c: c.all_systems(), num_retries=0)
    assert isinstance(caught.value, requests.ConnectionError | httpx.TransportError)
    assert caught.value.was_sent is False


def test_cut_answer_is_told_in_words(call_server):
    with pytest.raises(Unavailable, match=r": (incomplete read|remote protocol error)$"):
        call_server(
            lambda r: Reply(body=b"content", cut_after=3),
            lambda c: c.all_systems(),
            num_retries=0,
        )


def test_netrc_does_not_replace_the_token(call_server, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))

    def answer(received):
        if received.path == "/elsewhere":
            return Reply(json={"out": []})
        return Reply(302, headers={"Location": "/elsewhere"})

    _, received = call_server(answer, lambda c: c.all_systems())
    assert [r.headers["authorization"] for r in received] == ["Bearer token"] * 2


def test_token_is_kept_from_another_host_of_a_redirection(call_server):
    with Server(lambda r: Reply(json={"out": []})) as other:
        where = {"Location": f"{other.url}/elsewhere"}
        call_server(lambda r: Reply(302, headers=where), lambda c: c.all_systems())
    assert "authorization" not in other.received[0].headers


def test_redirected_upload_is_sent_whole_again(call_server, tmp_path):
    (tmp_path / "f").write_bytes(b"content")

    def answer(received):
        if received.path == "/elsewhere":
            return Reply(201, json={})
        return Reply(307, headers={"Location": "/elsewhere"})

    _, received = call_server(answer, lambda c: c.simple_upload("cluster", tmp_path / "f", "/d"))
    assert [r.form["file"] for r in received] == ["content", "content"]


def test_name_that_cannot_be_a_machine_is_refused(run):
    with pytest.raises(ConfigurationError, match="cannot be the name of a machine"):
        run("http://127.0.0.1:9", FixedToken(), lambda c: c.whoami("my cluster"))


def test_server_without_encryption_is_told_and_not_asked_again(run):
    with Server(lambda r: Reply(json={"out": []})) as server:
        url = server.url.replace("http:", "https:")
        with pytest.raises(errors.ServerUnreachable, match="tls: wrong version number") as caught:
            run(url, FixedToken(), lambda c: c.all_systems())
    assert caught.value.is_permanent


def test_piece_that_cannot_be_written_is_not_written_twice(call_server):
    class Full(BytesIO):
        written = 0

        def write(self, data):
            self.written += 1
            raise OSError("disk full")

    stream = Full()
    with pytest.raises(OSError, match="disk full"):
        call_server(
            lambda r: Reply(body=bytes(3 << 20)),
            lambda c: c.simple_download("cluster", "/f", stream),
        )
    assert stream.written == 1


def test_correlation_id_goes_with_every_request_of_its_block(call_server):
    def answer(received):
        return Reply(json={"out": []})

    with fc.correlation_id("mine") as cid:
        _, received = call_server(answer, lambda c: c.all_systems())
    assert cid == received[0].headers["x-correlation-id"] == "mine"
    _, received = call_server(answer, lambda c: c.all_systems())
    assert "x-correlation-id" not in received[0].headers


def test_exception_tells_the_ids_of_its_request(call_server):
    with fc.correlation_id("mine"), pytest.raises(fc.FirecrestException) as caught:
        call_server(lambda r: Reply(400, json={}), lambda c: c.all_systems())
    assert (caught.value.correlation_id, caught.value.request_id) == ("mine", None)
    assert fc.FirecrestException([]).correlation_id is None


def test_tasks_have_their_old_name_too(call_server):
    tasks = {"a": {"status": "200"}}
    found, _ = call_server(lambda r: Reply(json={"tasks": tasks}), lambda c: c._tasks(["a"]))
    assert found == tasks


@pytest.mark.parametrize("name", ["compress", "extract"])
def test_packing_is_refused_for_a_server_that_is_too_old(call_server, name):
    def pack(client):
        client.set_api_version("1.15.0")
        return getattr(client, name)("cluster", "/a", "/b")

    with pytest.raises(fc.NotImplementedOnAPIversion, match=f"{name} needs FirecREST 1.16"):
        call_server(lambda r: Reply(201, json={"output": ""}), pack)


def test_names_in_paths_are_quoted(call_server):
    _, received = call_server(lambda r: Reply(json={}), lambda c: c.service("a/../b?c"))
    assert received[0].path == "/status/services/a%2F..%2Fb%3Fc"


# Files


def test_small_file_round_trips(call, tmp_path):
    path = tmp_path / "s.bin"
    path.write_bytes(os.urandom(5000))
    call(lambda c: c.simple_upload("cluster", path, HOME))
    call(lambda c: c.simple_download("cluster", f"{HOME}/s.bin", str(tmp_path / "back")))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


@pytest.mark.parametrize("size", [0, 5000, 90_000, 99_900, 300_000])
def test_file_of_any_size_round_trips(call, tmp_path, size):
    path = tmp_path / "a b.bin"
    path.write_bytes(os.urandom(size))
    up, down = [], []
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    sent = call(lambda c: c.upload("cluster", path, HOME, f"any{size}", advance=up.append))
    got = call(
        lambda c: c.download("cluster", f"{HOME}/any{size}", tmp_path / "b", advance=down.append)
    )
    assert sent == got == sha256
    assert sum(up) == sum(down) == size
    assert (tmp_path / "b").read_bytes() == path.read_bytes()


def test_staged_download_that_ends_early_leaves_nothing(call, tmp_path, home):
    (home / "early.bin").write_bytes(bytes(3_000_000))

    def stop(size):
        raise RuntimeError("enough")

    with pytest.raises(RuntimeError, match="enough"):
        call(lambda c: c.download("cluster", f"{HOME}/early.bin", tmp_path / "early", advance=stop))
    assert list(tmp_path.iterdir()) == []


def test_link_that_cannot_be_invalidated_does_not_fail_the_download(
    call, site, tmp_path, home, caplog
):
    (home / "link.bin").write_bytes(bytes(200_000))
    site.faults.add(Fault("expired", path="/storage/xfer-external/invalidate"))
    call(lambda c: c.download("cluster", f"{HOME}/link.bin", tmp_path / "link.bin"))
    assert (tmp_path / "link.bin").read_bytes() == bytes(200_000)
    assert "Cannot invalidate the link" in caplog.text


def test_target_that_cannot_be_is_told_before_anything_is_staged(call_server, tmp_path):
    with pytest.raises(NotFound, match="does not exist") as caught:
        call_server(
            lambda r: Reply(), lambda c: c.download("cluster", "/f", tmp_path / "absent" / "f")
        )
    assert caught.value.received == []


@pytest.mark.parametrize("name", ["a b.bin", "a%20b.bin", "a+b#?.bin", "\u00fc,=.bin"])
def test_large_file_of_any_name_round_trips(call, tmp_path, name):
    path = tmp_path / name
    path.write_bytes(os.urandom(200_000))
    call(lambda c: c.upload("cluster", path, HOME))
    call(lambda c: c.download("cluster", f"{HOME}/{name}", tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_staged_objects_are_driven_by_either_client(call, tmp_path, home):
    path = tmp_path / "staged.bin"
    path.write_bytes(os.urandom(200_000))

    def blocking(client):
        upload = client.external_upload("cluster", path, HOME)
        upload.finish_upload()
        upload.wait(timeout=120)
        download = client.external_download("cluster", f"{HOME}/staged.bin")
        download.finish_download(tmp_path / "back")
        return upload.status, download.status, download.in_progress

    async def concurrent(client):
        upload = await client.external_upload("cluster", path, HOME)
        await upload.finish_upload()
        await upload.wait(timeout=120)
        download = await client.external_download("cluster", f"{HOME}/staged.bin")
        await download.finish_download(tmp_path / "back")
        return await upload.status, await download.status, await download.in_progress

    def both(client):
        return (blocking if isinstance(client, fc.v1.Firecrest) else concurrent)(client)

    assert call(both) == ("114", "117", False)
    assert (tmp_path / "back").read_bytes() == path.read_bytes()


def test_download_with_a_wrong_checksum_leaves_nothing(call_server, tmp_path):
    def answer(received):
        if received.path == "/utilities/checksum":
            return Reply(json={"output": "0" * 64})
        return Reply(body=b"content")

    with pytest.raises(IntegrityError, match="download it again"):
        call_server(answer, lambda c: c.simple_download("cluster", "/f", tmp_path / "f"))
    assert list(tmp_path.iterdir()) == []


def test_download_that_the_machine_cannot_checksum_is_kept(call_server, tmp_path, caplog):
    def answer(received):
        if received.path == "/utilities/checksum":
            return Reply(400, json={}, headers={"X-Timeout": "too long"})
        return Reply(body=b"content")

    with caplog.at_level(logging.INFO):
        call_server(answer, lambda c: c.simple_download("cluster", "/f", tmp_path / "f"))
    assert (tmp_path / "f").read_bytes() == b"content"
    assert "is not verified" in caplog.text


@pytest.mark.parametrize(
    ("reply", "error"),
    [
        (Reply(json={"output": {"size": 3}}), IntegrityError),
        (Reply(400, json={}, headers={"X-Not-Found": "gone"}), errors.PathNotFound),
        (Reply(json={"output": {"size": 7}}), None),
        (Reply(400, json={}, headers={"X-Permission-Denied": "no"}), None),
    ],
    ids=["cut", "not there", "whole", "not to be seen"],
)
def test_upload_that_the_machine_cannot_checksum_is_compared_by_size(
    call_server, tmp_path, reply, error
):
    def answer(received):
        if received.path == "/status/parameters":
            return Reply(json={"out": {}})
        if received.path == "/utilities/upload":
            return Reply(201, json={})
        if received.path == "/utilities/checksum":
            return Reply(400, json={}, headers={"X-Timeout": "too long"})
        return reply

    (tmp_path / "f").write_bytes(b"content")
    with pytest.raises(error) if error else nullcontext():
        call_server(answer, lambda c: c.upload("cluster", tmp_path / "f", "/d"))


def test_refused_download_writes_nothing_into_the_stream(call):
    stream = BytesIO()
    with pytest.raises(FileNotFoundError):
        call(lambda c: c.simple_download("cluster", f"{HOME}/absent", stream))
    assert stream.getvalue() == b""


def test_error_of_the_callers_own_passes_unchanged(call, tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"x")

    def stop(size):
        raise OSError("mine")

    with pytest.raises(OSError, match=r"^mine$"):
        call(lambda c: c.simple_upload("cluster", path, HOME, advance=stop))


def test_extract_tells_the_kind_by_both_names(call_server):
    _, received = call_server(
        lambda r: Reply(201, json={"output": ""}),
        lambda c: c.extract("cluster", "/a", "/b", ".tar"),
        api_version=(1, 16),
    )
    assert received[0].form["extension"] == received[0].form["type"] == ".tar"


def test_command_that_takes_too_long_is_told(call, site):
    site.faults.add(Fault("timeout", path="/utilities/compress"))
    with pytest.raises(errors.CommandTimeout):
        call(lambda c: c.compress("cluster", HOME, f"{HOME}/x.tar.gz"))


def test_command_that_takes_too_long_goes_on_as_a_job(call, site, home):
    (home / "to_pack").mkdir(exist_ok=True)
    (home / "to_pack" / "f").write_bytes(b"x")
    (home / "packed.tar.gz").unlink(missing_ok=True)
    site.faults.add(Fault("timeout", path="/utilities/compress"))
    call(
        lambda c: c.compress(
            "cluster", f"{HOME}/to_pack", f"{HOME}/packed.tar.gz", fail_on_timeout=False
        )
    )
    assert (home / "packed.tar.gz").stat().st_size > 0


def test_job_that_goes_on_and_fails_is_told(call, site):
    site.faults.add(Fault("timeout", path="/utilities/extract"))
    with pytest.raises(errors.TransferJobFailed, match="Cannot extract"):
        call(
            lambda c: c.extract(
                "cluster", f"{HOME}/absent.tar", f"{HOME}/x", fail_on_timeout=False, timeout=60
            )
        )


# Jobs


def test_job_is_submitted_and_waited_for(call):
    states = []
    job = call(lambda c: c.submit("cluster", script_str="#!/bin/bash\necho hi\n"))
    outcome = call(
        lambda c: c.wait_for_job("cluster", job["jobid"], timeout=120, progress=states.append)
    )
    assert outcome.is_success
    assert states[-1] == outcome.state == "COMPLETED"
    assert outcome.rows[0]["jobid"] == job["jobid"]
    assert len(job["firecrest_taskid"]) == 32


def test_job_that_fails_is_no_success(call):
    job = call(lambda c: c.submit("cluster", script_str="#!/bin/bash\nexit 3\n"))
    outcome = call(lambda c: c.job("cluster", job["jobid"]).wait(60))
    assert not outcome.is_success
    assert outcome.state == "FAILED"


def test_job_can_be_cancelled(call):
    job = call(lambda c: c.submit("cluster", script_str="#!/bin/bash\nsleep 100\n"))
    with pytest.raises(errors.PollingIterException):
        call(lambda c: c.wait_for_job("cluster", job["jobid"], 0.2))
    call(lambda c: c.job("cluster", job["jobid"]).cancel())
    assert call(lambda c: c.wait_for_job("cluster", job["jobid"], 60)).state == "CANCELLED"


def test_script_without_a_shebang_is_a_failed_task(call):
    with pytest.raises(errors.TaskFailed, match="Cannot submit a job on 'cluster'"):
        call(lambda c: c.submit("cluster", script_str="echo hi\n"))


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"script_str": "a", "script_remote_path": "b"},
        {"job_script": "a", "script_local_path": "b"},
        {"script_str": "a", "env_vars": {"A": "x,y"}},
    ],
    ids=["none", "two", "old and new", "comma"],
)
def test_wrong_submission_is_refused_without_a_request(call_server, arguments):
    with pytest.raises(ValueError, match=r"submit takes|comma") as caught:
        call_server(lambda r: Reply(500), lambda c: c.submit("cluster", **arguments))
    assert caught.value.received == []


@pytest.mark.parametrize("status", ["300", "301", "302"])
def test_task_that_is_gone_is_no_success(call_server, status):
    def answer(received):
        if received.path == "/tasks":
            task = {"status": status, "description": "gone", "data": "", "hash_id": "t"}
            return Reply(json={"tasks": {"t": task}})
        return Reply(json={"task_id": "t"})

    with pytest.raises(errors.TaskNotFound, match="gone"):
        call_server(answer, lambda c: c.poll("cluster"))


def test_task_that_never_ends_is_given_up(call_server):
    def answer(received):
        if received.path == "/tasks":
            task = {"status": "100", "description": "Queued", "data": "", "hash_id": "t"}
            return Reply(json={"tasks": {"t": task}})
        return Reply(json={"task_id": "t"})

    with pytest.raises(fc.PollingIterException, match="Queued") as caught:
        call_server(answer, lambda c: c.poll("cluster"), polling_sleep_times=[0, 0])
    assert caught.value.task_id == "t"
    assert len([r for r in caught.value.received if r.path == "/tasks"]) == 3
    with pytest.raises(fc.PollingIterException):
        call_server(answer, lambda c: c.poll("cluster", timeout=0.3))


# What is particular to one client


def test_threads_share_a_client(site):
    client = fc.v1.Firecrest(site.url, FixedToken(site.token()))

    def look(number):
        if number % 2:
            with pytest.raises(errors.PathNotFound) as caught:
                client.list_files("cluster", f"/absent{number}")
            assert f"absent{number}" in str(caught.value)
            return len(caught.value.responses)
        client.list_files("cluster", HOME)
        return 1

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(look, range(40))) == {1}


def test_coroutines_share_a_client(site):
    async def main():
        async with fc.v1.AsyncFirecrest(site.url, FixedToken(site.token())) as client:
            return await asyncio.gather(*(client.list_files("cluster", HOME) for _ in range(20)))

    assert len(asyncio.run(main())) == 20


def test_async_client_survives_another_loop(site):
    client = fc.v1.AsyncFirecrest(site.url, FixedToken(site.token()))
    for _ in range(2):
        assert asyncio.run(client.list_files("cluster", HOME)) is not None
    asyncio.run(client.close_session())
    assert client.is_session_closed


def test_async_session_can_be_closed_and_made_anew(site):
    async def main():
        client = fc.v1.AsyncFirecrest(site.url, FixedToken(site.token()))
        await client.all_systems()
        assert not client.is_session_closed
        await client.close_session()
        assert client.is_session_closed
        with pytest.raises(ConfigurationError, match="create_new_session"):
            await client.all_systems()
        await client.create_new_session()
        assert not client.is_session_closed
        await client.all_systems()
        await client.close_session()

    asyncio.run(main())


def test_async_token_may_come_from_a_coroutine(site):
    class Auth:
        async def get_access_token(self):
            await asyncio.sleep(0)
            return site.token()

    async def main():
        async with fc.v1.AsyncFirecrest(site.url, Auth()) as client:
            return await client.whoami()

    assert asyncio.run(main()) == "f7tuser"


def test_slow_token_does_not_hold_up_the_loop(site):
    started, go_on = threading.Event(), threading.Event()

    class Auth:
        def get_access_token(self):
            started.set()
            assert go_on.wait(120)
            return site.token()

    async def main():
        async with fc.v1.AsyncFirecrest(site.url, Auth()) as client:
            call = asyncio.create_task(client.all_systems())
            while not started.is_set():
                await asyncio.sleep(0)
            go_on.set()
            return await call

    assert asyncio.run(main())


def test_time_between_calls_is_kept(site):
    async def main():
        loop = asyncio.get_running_loop()
        async with fc.v1.AsyncFirecrest(site.url, FixedToken(site.token())) as client:
            client.time_between_calls["status"] = 0.1
            start = loop.time()
            await asyncio.gather(*(client.all_systems() for _ in range(4)))
            return loop.time() - start

    assert asyncio.run(main()) >= 0.3


def test_part_of_the_other_client_is_refused(site):
    client = fc.v1.AsyncFirecrest(site.url, FixedToken())
    with pytest.raises(ConfigurationError, match="needs the synchronous client"):
        _ = fc.v1.ExternalUpload(client, "t").status


def test_logging_can_be_switched_off(call, caplog):
    with caplog.at_level(logging.DEBUG, logger="firecrest"):
        call(lambda c: c.all_systems(), disable_client_logging=True)
        assert [r for r in caplog.records if r.name == "firecrest" and "systems" in r.msg] == []
        call(lambda c: c.all_systems())
        assert [r for r in caplog.records if r.name == "firecrest" and "systems" in r.msg]


def test_v2_says_that_it_is_not_here():
    assert not hasattr(fc, "v2")
    with pytest.raises(NotSupported, match="FirecREST v1 only"):
        _ = fc.v2
    with pytest.raises(NotSupported, match="FirecREST v1 only"):
        from firecrest import v2  # noqa: F401
