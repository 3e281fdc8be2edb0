from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import luisy
import pytest
from luisy.testing import create_testing_config
from luisy_cloud.remote_state import remote_states


@luisy.raw
@luisy.csv_output()
class Notes(luisy.ExternalTask):
    def get_file_name(self):
        return "notes"


@luisy.final
@luisy.requires(Notes)
class Length(luisy.Task):
    def run(self):
        self.write(len(self.input().open().read()))


class Report(luisy.WrapperTask):
    def requires(self):
        return [Length()]


@pytest.fixture
def remote(tmp_path: Path) -> Iterator[str]:
    """A store with the outputs of `Report`, which were made in the folder ``anna``."""
    (tmp_path / "store").mkdir()
    url = (tmp_path / "store").as_uri()
    enter(tmp_path / "anna")
    notes = tmp_path / "anna" / Notes().key
    notes.parent.mkdir(parents=True)
    notes.write_text("a,b\n1,2\n")
    assert luisy.build(Report(), remote=url, upload=True).succeeded
    yield url
    luisy.Config().reset()


def enter(working_dir: Path) -> None:
    working_dir.mkdir(exist_ok=True)
    create_testing_config(working_dir)


def states(remote: str, working_dir: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    enter(working_dir)
    found = remote_states(Report(), remote, working_dir)
    return {state.key.rpartition("/")[2]: (state.state, state.wanted_by) for state in found}


def test_what_a_wrapper_stands_for_is_wanted_by_whoever_asks_for_it(remote, tmp_path):
    found = states(remote, tmp_path / "ben")
    assert found == {"notes.csv": ("fresh", ()), "Length.pkl": ("fresh", ("you",))}
    assert states(remote, tmp_path / "anna")["Length.pkl"] == ("fresh", ())


def test_what_was_made_of_a_raw_file_that_was_replaced_is_outdated(remote, tmp_path):
    (tmp_path / "store" / Notes().key).write_text("longer than before\n")
    found = states(remote, tmp_path / "ben")
    assert found == {"notes.csv": ("fresh", ("Length",)), "Length.pkl": ("outdated", ())}
    luisy.build(Report(), remote=remote, download=True)
    assert Length().read() == len("longer than before\n")
