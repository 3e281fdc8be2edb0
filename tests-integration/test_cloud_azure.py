"""The documents' journeys on Azure Blob storage (Azurite), through the commands."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pytest
from azure.storage.blob import ContainerClient
from luisy_test_servers import Answer, Azurite, Proxy, proxy

RUN = "luisy --module my_module.tasks FinalFile"
RAW = {"raw/file_a.csv", "raw/file_b.csv"}
MADE = {"interim/MultipliedFile.csv", "final/FinalFile.csv"}
MANY = """
import luisy


@luisy.raw
@luisy.pickle_output
class One(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        self.write(self.number)


@luisy.final
class All(luisy.WrapperTask):
    def requires(self):
        return [One(number=number) for number in range(200)]
"""


@dataclass(frozen=True, slots=True)
class Cloud:
    """A container in Azurite, behind a proxy that counts."""

    server: Azurite
    name: str
    proxy: Proxy

    @property
    def container(self) -> ContainerClient:
        return ContainerClient.from_connection_string(self.server.connection_string, self.name)

    @property
    def files(self) -> set[str]:
        """The outputs in the container, without luisy's own."""
        names = (name.partition("/")[2] for name in self.container.list_blob_names())
        return {name for name in names if not name.startswith(".")}


@pytest.fixture
def cloud(azurite, azure_container) -> Iterator[Cloud]:
    with proxy(azurite.endpoint) as running:
        yield Cloud(azurite, azure_container, running)


@pytest.fixture
def team(team, cloud):
    """A team that uses the variables of the document (and an endpoint, for it is an emulator)."""
    del team.settings["LUISY_REMOTE"]
    team.settings["LUISY_AZURE_ACCOUNT_NAME"] = cloud.server.account
    team.settings["LUISY_AZURE_CONTAINER_NAME"] = cloud.name
    team.settings["LUISY_AZURE_STORAGE_KEY"] = cloud.server.key
    team.settings["LUISY_AZURE_ENDPOINT"] = cloud.proxy.endpoint
    team.settings["LUISY_AZURE_RETRIES"] = "1"
    return team


@pytest.fixture
def shared(team):
    """The team after Anna, who has the raw files, ran everything and uploaded it."""
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert (done.code, done.computed) == (0, ["MultipliedFile", "FinalFile"]), done.text
    return team


def test_second_person_downloads_what_is_needed_and_no_more(shared, cloud):
    assert cloud.files == RAW | MADE
    cloud.container.delete_blob("my_module/final/FinalFile.csv")
    done = shared.run(f"{RUN} --working-dir ../ben --download --upload --no-ask")
    assert (done.code, done.computed) == (0, ["FinalFile"]), done.text
    assert shared.files("ben") == {"raw/file_b.csv", *MADE}
    assert cloud.files == RAW | MADE
    for name in MADE:
        assert shared.content("ben", name) == shared.content("anna", name)


def test_plain_luigi_and_read_download_as_the_document_says(shared, cloud):
    luigi = "luigi --module my_module.tasks FinalFile --download --local-scheduler"
    (shared.root / "ben").mkdir()
    done = shared.run(luigi, WORKING_DIR=str(shared.root / "ben"))
    assert (done.code, done.computed) == (0, []), done.text
    assert shared.files("ben") == {"final/FinalFile.csv"}
    (shared.code / "program.py").write_text(
        "import luisy\nfrom my_module.tasks import FinalFile\n"
        "luisy.set_working_dir('../carla')\nluisy.activate_download()\n"
        "print(len(FinalFile().read()))\n"
    )
    (shared.root / "carla").mkdir()
    done = shared.run("python program.py")
    assert done.code == 0, done.text
    assert int(done.out.split()[-1]) > 0


def test_raw_files_that_came_by_other_means_are_downloaded_and_others_are_not_trusted(team, cloud):
    team.give_raw_files("anna")
    for name in RAW:
        cloud.container.upload_blob(f"my_module/{name}", team.content("anna", name))
    cloud.container.upload_blob("my_module/interim/MultipliedFile.csv", b"date,temp\n2010-01,1\n")
    done = team.run(f"{RUN} --working-dir ../ben --download --no-ask")
    assert (done.code, done.computed) == (0, ["MultipliedFile", "FinalFile"]), done.text
    assert team.files("ben") == RAW | MADE


def test_blob_that_was_replaced_is_made_anew(shared, cloud):
    blob = cloud.container.get_blob_client("my_module/final/FinalFile.csv")
    sha256 = blob.get_blob_properties().metadata
    size = blob.get_blob_properties().size
    blob.upload_blob(b"x" * size, overwrite=True, metadata=sha256)
    done = shared.run(f"{RUN} --working-dir ../ben --download --no-ask")
    assert (done.code, done.computed) == (0, ["FinalFile"]), done.text
    assert "replaced or damaged" in done.text
    assert shared.content("ben", "final/FinalFile.csv") != b"x" * size


def test_no_op_and_upload_of_200_outputs_need_few_requests(team, cloud):
    team.write_module("many", MANY)
    line = "luisy --module my_module.many All --working-dir ../anna --no-ask"
    assert team.run(line).code == 0
    done = team.run(f"{line} --upload")
    assert done.code == 0, done.text
    assert len(cloud.files) == 200
    assert len(cloud.proxy.requests) <= 210
    for wish in ("--upload", "--download", "--download --upload"):
        cloud.proxy.requests.clear()
        done = team.run(f"{line} {wish}")
        assert done.code == 0, done.text
        assert len(cloud.proxy.requests) <= 5, wish


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"LUISY_AZURE_STORAGE_KEY": "d3Jvbmc="}, "LUISY_AZURE_STORAGE_KEY"),
        ({"LUISY_AZURE_CONTAINER_NAME": "nobody-made-it"}, "luisy remote create"),
        ({"LUISY_AZURE_ENDPOINT": "http://127.0.0.1:9/x"}, "check the network"),
        ({"LUISY_AZURE_CONTAINER_NAME": None}, "LUISY_AZURE_CONTAINER_NAME"),
    ],
    ids=["wrong key", "no container", "no network", "half-set"],
)
def test_what_is_wrong_with_the_account_is_one_sentence(team, settings, words):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask", **settings)
    assert done.code in {1, 2}
    assert words in done.complaint
    assert done.computed == []


def test_upload_in_a_storm_fails_and_the_next_one_sends_the_rest(team, cloud):
    team.give_raw_files("anna")
    cloud.proxy.rule = lambda request: (
        Answer(503) if request.method == "PUT" and "/interim/" in request.path else None
    )
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert done.code == 1
    assert "interim/MultipliedFile.csv" in done.err
    assert cloud.files == (RAW | MADE) - {"interim/MultipliedFile.csv"}
    cloud.proxy.rule = None
    cloud.proxy.requests.clear()
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert (done.code, done.computed) == (0, []), done.text
    sent = [r.path for r in cloud.proxy.requests if r.method == "PUT" and "hash" not in r.path]
    assert [path.partition("?")[0].rpartition("/")[2] for path in sent] == ["MultipliedFile.csv"]


def test_remote_commands_tell_check_and_clean(shared, cloud):
    done = shared.run("luisy remote ls")
    assert "4 outputs" in done.out
    status = "luisy remote status --module my_module.tasks FinalFile --working-dir ../ben"
    done = shared.run(status)
    assert "4 fresh" in done.out
    assert "would fetch 1 file" in done.out
    done = shared.run("luisy remote verify")
    assert (done.code, "4 of 4" in done.out) == (0, True)

    cloud.container.upload_blob("my_module/interim/stray.csv", b"1")
    cloud.container.upload_blob("my_module/raw/new.csv", b"1")
    cloud.container.upload_blob("my_module/final/FinalFile.csv", b"x", overwrite=True)
    done = shared.run("luisy remote verify --forget")
    assert (done.code, "damaged: my_module/final/FinalFile.csv" in done.out) == (1, True)
    assert shared.run("luisy remote gc --yes").out.startswith("nothing")
    done = shared.run("luisy remote gc --older-than 0 --dry-run")
    assert "interim/stray.csv" in done.out
    assert shared.run("luisy remote gc --older-than 0").code == 2
    assert shared.run("luisy remote gc --older-than 0 --yes").code == 0
    assert cloud.files == RAW | {"raw/new.csv", "interim/MultipliedFile.csv"}


def test_missing_container_is_made_by_command(team):
    done = team.run("luisy remote create", LUISY_REMOTE="az://made-by-command")
    assert (done.code, done.out.strip()) == (0, "az://made-by-command is ready")
    done = team.run("luisy remote ls", LUISY_REMOTE="az://made-by-command")
    assert (done.code, done.out.strip()) == (0, "0 outputs, 0 files, 0 B")
