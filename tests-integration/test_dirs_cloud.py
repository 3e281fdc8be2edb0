"""A directory and a store: only what changed travels, and what arrives is the same."""

import pytest

PIPELINE = """
from pathlib import Path

import luisy
from luisy.decorators import make_directory_output


def read_text(path):
    return Path(path).read_text()


def write_text(content, path):
    Path(path).write_text(content)


@luisy.raw
@make_directory_output(read_text)
class Texts(luisy.ExternalTask):
    def get_folder_name(self):
        return "texts"


@luisy.final
@luisy.requires(Texts)
@luisy.directory_output(write=write_text, read=read_text, suffix=".up")
class Upper(luisy.Task):
    def process(self, path, content):
        print(f"[computing {Path(path).stem}]")
        return content.upper()
"""
RUN = "luisy --module my_module.texts Upper"
COUNT = 30


@pytest.fixture(params=["file", "azure"])
def team(request, team):
    """A team with a directory of its own, and a store of each kind."""
    team.write_module("texts", PIPELINE)
    if request.param == "azure":
        server = request.getfixturevalue("azurite")
        del team.settings["LUISY_REMOTE"]
        team.settings["LUISY_AZURE_ACCOUNT_NAME"] = server.account
        team.settings["LUISY_AZURE_CONTAINER_NAME"] = request.getfixturevalue("azure_container")
        team.settings["LUISY_AZURE_STORAGE_KEY"] = server.key
        team.settings["LUISY_AZURE_ENDPOINT"] = server.endpoint
    raw = team.root / "anna/my_module/raw/texts"
    raw.mkdir(parents=True)
    for number in range(COUNT):
        (raw / f"{number:02}.txt").write_text(f"text {number}")
    return team


def sent(done):
    """The number of files that a run says it will upload."""
    line = next(line for line in done.text.splitlines() if line.startswith("Uploading:"))
    return int(line.split()[1].replace(",", ""))


def test_only_changed_files_travel(team):
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert done.code == 0, done.text
    assert sent(done) == 2 * COUNT
    raw = team.root / "anna/my_module/raw/texts"
    (raw / "03.txt").write_text("changed")
    (raw / "04.txt").unlink()
    (raw / "new.txt").write_text("new")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert (done.code, sorted(done.computed)) == (0, ["03", "new"]), done.text
    assert sent(done) == 4
    done = team.run(f"{RUN} --working-dir ../ben --download --no-ask")
    assert (done.code, done.computed) == (0, []), done.text
    theirs = {path.name: path.read_text() for path in (team.root / "ben").rglob("*.up")}
    ours = {path.name: path.read_text() for path in (team.root / "anna").rglob("*.up")}
    assert theirs == ours
    assert len(theirs) == COUNT
    assert (theirs["03.up"], theirs["new.up"]) == ("CHANGED", "NEW")
    assert "04.up" not in theirs


def test_directory_that_arrived_is_remade_only_where_an_input_changes(team):
    assert team.run(f"{RUN} --working-dir ../anna --upload --no-ask").code == 0
    for task in ("Texts", "Upper"):
        download = f"luisy --module my_module.texts {task} --working-dir ../ben --download --no-ask"
        assert team.run(download).code == 0
    raw = team.root / "ben/my_module/raw/texts"
    (raw / "03.txt").write_text("changed")
    (raw / "04.txt").unlink()
    done = team.run(f"{RUN} --working-dir ../ben --no-ask")
    assert (done.code, done.computed) == (0, ["03"]), done.text
    theirs = {path.stem: path.read_text() for path in (team.root / "ben").rglob("*.up")}
    wanted = {path.stem: path.read_text().upper() for path in raw.iterdir()}
    assert theirs == wanted
