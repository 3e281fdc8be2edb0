"""Several processes and many outputs on one container: nothing is lost, and requests are few."""

from __future__ import annotations

import http.client
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from luisy_cloud import StoreSynchroniser
from luisy_cloud.azure_store import open_azure_store
from luisy_protocol.digest import digest_bytes, digest_file
from luisy_protocol.errors import Conflict
from luisy_protocol.progress import Silent
from luisy_protocol.record import Record
from luisy_protocol.store_records import StoreRecords

PROCESSES = 8
EACH = 5


def share(url: str, folder: str, number: int) -> None:
    """Upload outputs of one project, as one of several people."""
    working_dir = Path(folder)
    records = []
    for count in range(EACH):
        path = working_dir / f"p/final/{number}-{count}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{number} {count}")
        content = digest_file(path)
        key = path.relative_to(working_dir).as_posix()
        records.append(Record(key, "a" * 64, content.sha256, content.size))
    synchroniser = StoreSynchroniser(open_azure_store(url), working_dir)
    synchroniser.look(["p"])
    for record in records:
        synchroniser.upload([record], progress=Silent(), stored=lambda _: None)


def test_processes_that_upload_at_once_all_find_their_records(azure_url, tmp_path):
    script = (
        "import sys; from importlib.util import module_from_spec, spec_from_file_location as find\n"
        f"spec = find('teams', {__file__!r}); teams = module_from_spec(spec)\n"
        "spec.loader.exec_module(teams)\n"
        "teams.share(sys.argv[1], sys.argv[2], int(sys.argv[3]))\n"
    )
    running = [
        subprocess.Popen(
            [sys.executable, "-c", script, azure_url, str(tmp_path / str(number)), str(number)]
        )
        for number in range(PROCESSES)
    ]
    assert [process.wait() for process in running] == [0] * PROCESSES
    store = open_azure_store(azure_url)
    found = StoreSynchroniser(store, tmp_path / "mine").look(["p"])
    assert set(found) == {
        f"p/final/{number}-{count}" for number in range(PROCESSES) for count in range(EACH)
    }
    assert all(output.record and output.is_complete for output in found.values())


@pytest.fixture
def counted(azure_proxy, azure_container, azurite, monkeypatch):
    monkeypatch.setenv("LUISY_AZURE_ACCOUNT_NAME", azurite.account)
    monkeypatch.setenv("LUISY_AZURE_STORAGE_KEY", azurite.key)
    monkeypatch.setenv("LUISY_AZURE_ENDPOINT", azure_proxy.endpoint)
    return open_azure_store(f"az://{azure_container}")


def made(working_dir: Path, count: int) -> list[Record]:
    (working_dir / "p/final").mkdir(parents=True)
    records = []
    for number in range(count):
        path = working_dir / f"p/final/{number:05}"
        path.write_text(str(number))
        content = digest_file(path)
        records.append(Record(f"p/final/{number:05}", "a" * 64, content.sha256, content.size))
    return records


def test_upload_of_200_outputs_needs_at_most_210_requests_and_a_second_one_5(
    counted, azure_proxy, tmp_path
):
    records = made(tmp_path, 200)
    synchroniser = StoreSynchroniser(counted, tmp_path)
    synchroniser.look(["p"])
    synchroniser.upload(records, progress=Silent(), stored=lambda _: None)
    assert len(azure_proxy.requests) <= 210
    azure_proxy.requests.clear()
    again = StoreSynchroniser(counted, tmp_path)
    again.look(["p"])
    assert again.to_send(records) == (0, 0)
    again.upload(records, progress=Silent(), stored=lambda _: None)
    assert len(azure_proxy.requests) <= 5


def test_look_at_10000_outputs_needs_at_most_5_requests(
    counted, azure_proxy, azurite, azure_container, tmp_path
):
    write_blobs(azurite, azure_container, [f"p/final/{n:05}" for n in range(10_000)])
    one = digest_bytes(b"1")
    records = [Record(f"p/final/{n:05}", "a" * 64, one.sha256, 1) for n in range(10_000)]
    StoreRecords(counted, "p").merge(records)
    azure_proxy.requests.clear()
    synchroniser = StoreSynchroniser(counted, tmp_path)
    found = synchroniser.look(["p"])
    assert len(found) == 10_000
    assert all(output.is_complete for output in found.values())
    synchroniser.upload(records, progress=Silent(), stored=lambda _: None)
    assert len(azure_proxy.requests) <= 5


def write_blobs(azurite, container: str, names: list[str]) -> None:
    """Write many small blobs as fast as a connection for each thread and signed URLs allow."""
    from azure.storage.blob import ContainerSasPermissions, generate_container_sas

    token = generate_container_sas(
        azurite.account,
        container,
        account_key=azurite.key,
        permission=ContainerSasPermissions(write=True),
        expiry=datetime.now(UTC) + timedelta(hours=1),
    )
    target = urlsplit(azurite.endpoint)

    def write(some: list[str]) -> None:
        connection = http.client.HTTPConnection(target.hostname, target.port)
        for name in some:
            path = f"{target.path}/{container}/{name}?{token}"
            connection.request("PUT", path, b"1", {"x-ms-blob-type": "BlockBlob"})
            answer = connection.getresponse()
            assert answer.status == 201, answer.read()
            answer.read()
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(write, [names[start::4] for start in range(4)]))


def test_large_records_are_read_and_written_with_one_request_each(counted, azure_proxy):
    content = b"x" * 10_000_000
    written = counted.write("p/.luisy.hash", content, if_absent=True)
    assert counted.read("p/.luisy.hash")[0] == content
    with pytest.raises(Conflict):
        counted.write("p/.luisy.hash", content, if_match=written.etag + "0")
    assert [request.method for request in azure_proxy.requests] == ["PUT", "GET", "PUT"]
