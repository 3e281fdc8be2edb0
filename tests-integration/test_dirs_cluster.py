"""One directory over a cluster: Dask's own scheduler and workers, in processes of this machine."""

import os
import site

import pytest

distributed = pytest.importorskip("distributed")

PIPELINE = """
import os
from pathlib import Path

import luisy
from distributed import Client
from luisy.decorators import make_directory_output


def read_text(path):
    return Path(path).read_text()


def write_text(content, path):
    Path(path).write_text(content)


def cluster():
    return Client(os.environ["CLUSTER"]).get_executor()


@luisy.raw
@make_directory_output(read_text)
class Texts(luisy.ExternalTask):
    def get_folder_name(self):
        return "texts"


@luisy.final
@luisy.requires(Texts)
@luisy.directory_output(write=write_text, read=read_text, suffix=".up", executor=cluster)
class Upper(luisy.Task):
    def process(self, path, content):
        if content == "bad":
            raise ValueError("bad content")
        return f"{os.getpid()} {content.upper()}"
"""
RUN = "luisy --module my_module.texts Upper --working-dir ../anna --no-ask"


@pytest.fixture
def cluster(team):
    """A scheduler and two workers, which find the team's code."""
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=None
        ) as running,
        distributed.Client(running) as client,
    ):
        client.run(site.addsitedir, str(team.code))
        team.settings["CLUSTER"] = running.scheduler_address
        yield client


def test_a_cluster_makes_a_directory(team, cluster):
    team.write_module("texts", PIPELINE)
    raw = team.root / "anna/my_module/raw/texts"
    raw.mkdir(parents=True)
    for number in range(60):
        (raw / f"{number:02}.txt").write_text(f"text {number}")
    done = team.run(RUN)
    assert done.code == 0, done.text
    made = team.root / "anna/my_module/final/Upper"
    words = {path.stem: path.read_text().split(" ", 1) for path in made.iterdir()}
    assert {name: said for name, (_, said) in words.items()} == {
        f"{number:02}": f"TEXT {number}" for number in range(60)
    }
    assert {int(pid) for pid, _ in words.values()} == set(cluster.run(os.getpid).values())
    (raw / "07.txt").write_text("changed")
    assert team.run(RUN).code == 0
    assert (made / "07.up").read_text().endswith("CHANGED")
    (raw / "08.txt").write_text("bad")
    done = team.run(RUN)
    assert done.code == 1
    assert "Upper.process failed on my_module/raw/texts/08.txt: ValueError: bad" in done.text
    assert (made / "08.up").read_text().endswith("TEXT 8")
