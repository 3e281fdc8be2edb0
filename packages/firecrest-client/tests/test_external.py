"""Transfers through the staging area, in every state and with every mishap."""

import hashlib
import logging
import os
from pathlib import Path

import firecrest as fc
import pytest
from firecrest import errors
from firecrest.emulator import Emulator, Fault, Settings
from firecrest.testing import FixedToken, Reply, Server
from luisy_protocol.errors import ConfigurationError, IntegrityError

HOME = "/home/f7tuser"


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    settings = Settings(root=tmp_path_factory.mktemp("site"), size_limit=100_000)
    with Emulator(settings) as server:
        yield server


@pytest.fixture
def client(site):
    return fc.v1.Firecrest(site.url, FixedToken(site.token(lifetime=3600)))


@pytest.fixture
def home(site):
    return site.machine_folder("cluster") / "home/f7tuser"


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "with space & $HOME.bin"
    path.write_bytes(os.urandom(250_000))
    return path


def start(client, source, name="up.bin"):
    return client.external_upload("cluster", Path("/anywhere") / name, HOME)


def test_upload_arrives_whatever_the_local_name(client, source, home):
    upload = start(client, source)
    moved = []
    upload.finish_upload(source, advance=moved.append)
    upload.wait(timeout=120)
    assert (home / "up.bin").read_bytes() == source.read_bytes()
    assert sum(moved) == 250_000
    assert upload.sha256 == hashlib.sha256(source.read_bytes()).hexdigest()


def test_no_command_from_the_server_is_run(client, source, site, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    upload = start(client, source)
    assert "command" in upload.object_storage_data
    upload.finish_upload(source)
    upload.wait(timeout=120)


def test_upload_is_resumed_from_its_task_id_in_every_state(client, source, home):
    task_id = start(client, source, "resumed.bin").task_id
    upload = fc.v1.ExternalUpload(client, task_id)
    with pytest.raises(ConfigurationError, match="source_path="):
        upload.finish_upload()
    fc.v1.ExternalUpload(client, task_id).finish_upload(source)
    fc.v1.ExternalUpload(client, task_id).wait(timeout=120)
    finished = fc.v1.ExternalUpload(client, task_id)
    finished.finish_upload(source)
    finished.wait()
    assert finished.status == "114"
    with pytest.raises(errors.StorageUploadException, match="past its form"):
        _ = fc.v1.ExternalUpload(client, task_id).object_storage_data


def test_failed_upload_says_so_and_may_be_waited_for_again(client, source, site):
    site.faults.add(Fault("115"))
    upload = start(client, source, "failing.bin")
    upload.finish_upload(source)
    with pytest.raises(errors.StorageUploadException, match="could not be written"):
        upload.wait(timeout=120)
    assert upload.in_progress is False


def test_failed_download_says_so(client, site, home):
    (home / "d").write_bytes(b"x")
    site.faults.add(Fault("118"))
    download = client.external_download("cluster", f"{HOME}/d")
    with pytest.raises(errors.StorageDownloadException, match="could not be staged"):
        download.wait(timeout=120)
    assert download.status == "118"
    with pytest.raises(errors.StorageDownloadException):
        download.finish_download("never")
    with pytest.raises(errors.StorageDownloadException):
        _ = download.object_storage_link


@pytest.mark.parametrize("kind", [fc.v1.ExternalUpload, fc.v1.ExternalDownload])
def test_unknown_task_is_not_found_and_no_key_error(client, kind):
    transfer = kind(client, "0" * 32)
    for look in (lambda: transfer.status, lambda: transfer.data, transfer.wait):
        with pytest.raises(errors.TaskNotFound, match="unknown to the server or expired"):
            look()


@pytest.mark.parametrize(
    ("kind", "status", "said"),
    [
        (fc.v1.ExternalUpload, "117", "is no upload: its task is 117 state"),
        (fc.v1.ExternalUpload, "200", "is no upload: its task is 200 state"),
        (fc.v1.ExternalUpload, "400", "because"),
        (fc.v1.ExternalDownload, "111", "is no download: its task is 111 state"),
        (fc.v1.ExternalDownload, "200", "is no download: its task is 200 state"),
        (fc.v1.ExternalDownload, "400", "because"),
    ],
)
def test_task_that_cannot_get_there_ends_the_wait(kind, status, said, tmp_path):
    task = {"status": status, "description": "state", "data": "because", "hash_id": "t"}
    failure = {
        fc.v1.ExternalUpload: errors.StorageUploadException,
        fc.v1.ExternalDownload: errors.StorageDownloadException,
    }
    with Server(lambda r: Reply(json={"tasks": {"t": task}})) as server:
        transfer = kind(fc.v1.Firecrest(server.url, FixedToken()), "t")
        for finish in (transfer.wait, lambda: transfer.object_storage_data):
            with pytest.raises(failure[kind], match=said):
                finish()


def test_expired_task_ends_the_wait(client, source, site):
    upload = start(client, source, "expired.bin")
    site.forget_task(upload.task_id)
    with pytest.raises(errors.TaskNotFound):
        upload.wait(timeout=120)


def test_wait_gives_up_after_its_timeout(client, source):
    upload = start(client, source, "never.bin")
    assert upload.object_storage_data  # is there from now on
    with pytest.raises(errors.PollingIterException, match="111") as caught:
        upload.wait(timeout=0.3)
    assert isinstance(caught.value, TimeoutError)
    assert caught.value.task_id == upload.task_id


def test_download_is_verified_and_leaves_one_file(client, home, tmp_path):
    (home / "d.bin").write_bytes(os.urandom(300_000))
    download = client.external_download("cluster", f"{HOME}/d.bin")
    moved = []
    download.finish_download(tmp_path / "d.bin", advance=moved.append)
    assert (tmp_path / "d.bin").read_bytes() == (home / "d.bin").read_bytes()
    assert sum(moved) == 300_000
    assert [path.name for path in tmp_path.iterdir()] == ["d.bin"]


def test_download_that_differs_from_the_machine_is_refused(client, home, tmp_path):
    (home / "e.bin").write_bytes(b"staged")
    download = client.external_download("cluster", f"{HOME}/e.bin")
    download.wait(timeout=120)
    (home / "e.bin").write_bytes(b"changed")
    with pytest.raises(IntegrityError, match="has the checksum"):
        download.finish_download(tmp_path / "e.bin")
    assert list(tmp_path.iterdir()) == []
    download.finish_download(tmp_path / "e.bin", verify=False)
    assert (tmp_path / "e.bin").read_bytes() == b"staged"


def test_token_that_has_expired_when_all_is_there_costs_nothing(client, site, home, tmp_path):
    (home / "late.bin").write_bytes(b"content")
    download = client.external_download("cluster", f"{HOME}/late.bin")
    download.wait(timeout=120)
    site.faults.add(Fault("expired", path="/utilities/checksum"))
    download.finish_download(tmp_path / "late.bin")
    assert (tmp_path / "late.bin").read_bytes() == b"content"


def test_links_and_forms_are_in_no_log_and_no_message(client, source, home, caplog, tmp_path):
    (home / "s.bin").write_bytes(b"x")
    with caplog.at_level(logging.DEBUG):
        upload = start(client, source, "secret.bin")
        upload.finish_upload(source)
        download = client.external_download("cluster", f"{HOME}/s.bin")
        download.finish_download(tmp_path / "s.bin")
    assert "ignature" in download.object_storage_link
    said = [r.getMessage() for r in caplog.records if not r.name.startswith("uvicorn")]
    assert any("staging area" in text for text in said)
    assert "ignature" not in "".join(said)
    assert "ignature" not in repr(upload) + repr(download)


# A staging area that misbehaves: a task that points to it, and the area itself.


@pytest.fixture
def staged(tmp_path):
    """Makes a download whose link leads to a server that answers as told."""
    servers = []

    def make(answer):
        area = Server(answer)
        servers.append(area.__enter__())

        def firecrest(received):
            data = {"url": f"{area.url}/file?X-Amz-Signature=s3cr3t"}
            task = {"status": "117", "description": "ready", "data": data, "hash_id": "t"}
            return Reply(json={"tasks": {"t": {**task, "task_id": "t"}}})

        server = Server(firecrest)
        servers.append(server.__enter__())
        client = fc.v1.Firecrest(server.url, FixedToken())
        return fc.v1.ExternalDownload(client, "t"), area

    yield make
    for server in servers:
        server.__exit__(None, None, None)


CONTENT = bytes(range(256)) * 4000


def ranged(received, *, cut_after=None):
    start = received.headers.get("range", "bytes=0-")[6:-1]
    rest = CONTENT[int(start) :]
    if start == "0":
        return Reply(body=rest, cut_after=cut_after)
    span = f"bytes {start}-{len(CONTENT) - 1}/{len(CONTENT)}"
    return Reply(206, body=rest, headers={"Content-Range": span}, cut_after=cut_after)


def test_cut_download_goes_on_where_it_stopped(staged, tmp_path):
    cuts = iter([300_000, 500_000])
    download, area = staged(lambda r: ranged(r, cut_after=next(cuts, None)))
    moved = []
    download.finish_download(tmp_path / "f", advance=moved.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert sum(moved) == len(CONTENT)
    starts = [int(r.headers.get("range", "bytes=0-")[6:-1]) for r in area.received]
    assert starts[0] == 0
    assert 200_000 < starts[1] <= 300_000
    assert starts[1] + 400_000 < starts[2] <= starts[1] + 500_000


def test_later_download_goes_on_where_an_earlier_one_gave_up(staged, tmp_path):
    replies = [lambda r: ranged(r, cut_after=300_000), lambda r: Reply(cut_after=0), ranged]

    def answer(received):
        return (replies.pop(0) if len(replies) > 1 else replies[0])(received)

    download, area = staged(answer)
    download.client.num_retries = 0
    with pytest.raises(errors.ServerUnreachable) as caught:
        download.finish_download(tmp_path / "f")
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None
    assert not (tmp_path / "f").exists()
    download.client.num_retries = 4
    download.finish_download(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert 200_000 < int(area.received[-1].headers["range"][6:-1]) <= 300_000
    assert [path.name for path in tmp_path.iterdir()] == ["f"]


def test_area_without_ranges_starts_over(staged, tmp_path):
    cuts = iter([300_000])
    download, _ = staged(lambda r: Reply(body=CONTENT, cut_after=next(cuts, None)))
    moved = []
    download.finish_download(tmp_path / "f", advance=moved.append)
    assert (tmp_path / "f").read_bytes() == CONTENT
    assert sum(moved) == len(CONTENT)


def test_part_that_is_whole_already_is_renamed(staged, tmp_path):
    (tmp_path / ".f.t.part").write_bytes(CONTENT)
    size = len(CONTENT)
    span = {"Content-Range": f"bytes */{size}"}
    download, _ = staged(lambda r: Reply(416, body=b"<Error/>", headers=span))
    download.finish_download(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == CONTENT


def test_area_that_is_busy_is_asked_again(staged, tmp_path):
    busy = iter([Reply(503), Reply(503)])
    download, _ = staged(lambda r: next(busy, Reply(body=b"content")))
    download.finish_download(tmp_path / "f")
    assert (tmp_path / "f").read_bytes() == b"content"


def test_expired_link_is_told_without_its_signature(staged, tmp_path):
    body = b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
    download, _ = staged(lambda r: Reply(403, body=body))
    with pytest.raises(errors.StorageDownloadException, match="Request has expired") as caught:
        download.finish_download(tmp_path / "f")
    assert "s3cr3t" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_area_that_refuses_the_form_is_told(tmp_path, source):
    refusal = b"<Error><Code>EntityTooLarge</Code><Message>Too large</Message></Error>"
    with Server(lambda r: Reply(400, body=refusal)) as area:
        form = {"parameters": {"method": "POST", "url": area.url, "data": {"key": "k"}}}
        task = {"status": "111", "description": "form", "data": {"msg": form}, "hash_id": "t"}
        with Server(lambda r: Reply(json={"tasks": {"t": task}})) as server:
            client = fc.v1.Firecrest(server.url, FixedToken())
            upload = fc.v1.ExternalUpload(client, "t", source_path=source)
            with pytest.raises(errors.StorageUploadException, match="EntityTooLarge Too large"):
                upload.finish_upload()
        assert "authorization" not in area.received[0].headers
