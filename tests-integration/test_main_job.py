"""The main job: two people, one store, one changed line. Through the commands alone."""

import pytest

RUN = "luisy --module my_module.tasks FinalFile"
RAW = {"raw/file_a.csv", "raw/file_b.csv"}
MADE = {"interim/MultipliedFile.csv", "final/FinalFile.csv"}
WITHOUT_FILE_A = {"raw/file_b.csv", *MADE}
PROGRAM = """
import luisy
from my_module.tasks import FinalFile

luisy.set_working_dir("../carla")
luisy.activate_download()
print(FinalFile().read().to_csv(index=False))
"""

OTHER = """
import luisy


@luisy.final
class Other(luisy.Task):
    def run(self):
        self.write({"answer": 42})
"""


def test_upload_shares_inputs_outputs_and_records(team):
    team.give_raw_files("anna")
    done = team.run(f"{RUN} --working-dir ../anna --upload --no-ask")
    assert (done.code, done.computed) == (0, ["MultipliedFile", "FinalFile"])
    assert team.files("anna") == team.files("store") == RAW | MADE
    for name in RAW | MADE:
        assert team.content("store", name) == team.content("anna", name)
    assert team.content("store", ".luisy.hash")


@pytest.mark.parametrize(
    "command",
    [
        f"{RUN} --working-dir ../ben --download --no-ask",
        "luigi --module my_module.tasks FinalFile --download --local-scheduler",
    ],
    ids=["luisy", "luigi"],
)
def test_download_fetches_what_is_needed_from_the_top_down(shared, command):
    (shared.store / "my_module/final/FinalFile.csv").unlink()
    (shared.root / "ben").mkdir()
    done = shared.run(command, WORKING_DIR=str(shared.root / "ben"))
    assert (done.code, done.computed) == (0, ["FinalFile"]), done.text
    assert shared.files("ben") == WITHOUT_FILE_A
    for name in WITHOUT_FILE_A:
        assert shared.content("ben", name) == shared.content("anna", name)


def test_upload_after_the_fact_sends_what_the_store_lacks(shared):
    (shared.store / "my_module/final/FinalFile.csv").unlink()
    shared.run(f"{RUN} --working-dir ../ben --download --no-ask")
    done = shared.run(f"{RUN} --working-dir ../ben --upload --no-ask")
    assert (done.code, done.computed) == (0, []), done.text
    assert shared.files("store") == RAW | MADE


def test_read_downloads_the_one_file_that_is_asked_for(shared):
    (shared.code / "look.py").write_text(PROGRAM)
    done = shared.run("python look.py")
    assert done.code == 0, done.text
    assert done.out.strip() == shared.content("anna", "final/FinalFile.csv").decode().strip()
    assert shared.files("carla") == {"final/FinalFile.csv"}


def test_dry_run_names_the_changed_function_and_does_nothing(shared):
    shared.edit("util.py", "* 1.02", "* 1.03")
    before = shared.content("anna", "final/FinalFile.csv")
    done = shared.run(f"{RUN} --working-dir ../anna --dry-run")
    assert (done.code, done.computed) == (0, [])
    for name in ("MultipliedFile", "FinalFile", "calibrate", "my_module/util.py"):
        assert name in done.text
    assert shared.content("anna", "final/FinalFile.csv") == before


def test_changed_helper_reruns_what_depends_on_it_and_no_more(shared):
    shared.edit("util.py", "* 1.02", "* 1.03")
    before = shared.content("anna", "final/FinalFile.csv")
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, ["MultipliedFile", "FinalFile"]), done.text
    assert shared.content("anna", "final/FinalFile.csv") != before
    assert shared.files("anna") == RAW | MADE
    again = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (again.code, again.computed) == (0, [])


def test_changed_helper_of_the_last_task_reruns_the_last_task(shared):
    shared.edit("util.py", ".mean()", ".median()")
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, ["FinalFile"]), done.text


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("Correct a thermometer that reads low.", "Mend it."),
        ("def calibrate", "# a comment\n\n\ndef calibrate"),
        ("(temperatures * 1.02)", "(\n        temperatures\n        * 1.02\n    )"),
    ],
    ids=["docstring", "comment", "layout"],
)
def test_changed_words_rerun_nothing(shared, old, new):
    shared.edit("util.py", old, new)
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, []), done.text


def test_changed_raw_file_reruns_what_consumed_it(shared):
    raw = shared.root / "anna/my_module/raw/file_b.csv"
    raw.write_text(raw.read_text().replace("47.8", "57.8", 1))
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, ["FinalFile"]), done.text


def test_touched_raw_file_reruns_nothing(shared):
    raw = shared.root / "anna/my_module/raw/file_b.csv"
    raw.write_bytes(raw.read_bytes())
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert (done.code, done.computed) == (0, []), done.text


def test_output_edited_by_hand_is_named_and_made_again(shared):
    good = shared.content("anna", "interim/MultipliedFile.csv")
    (shared.root / "anna/my_module/interim/MultipliedFile.csv").write_text("date,temp\n")
    done = shared.run(f"{RUN} --working-dir ../anna --no-ask")
    assert done.code == 0
    assert done.computed[0] == "MultipliedFile", done.text
    assert shared.content("anna", "interim/MultipliedFile.csv") == good


def test_two_people_with_different_tasks_lose_no_record(shared):
    """Ben's upload of one output leaves Anna's records in the store."""
    records = shared.content("store", ".luisy.hash")
    shared.write_module("more", OTHER)
    command = "luisy --module my_module.more Other --working-dir ../ben --upload --no-ask"
    done = shared.run(command)
    assert done.code == 0, done.text
    now = shared.content("store", ".luisy.hash")
    assert all(line in now for line in records.splitlines() if b"FinalFile" in line)
    assert b"Other" in now
    assert shared.run(f"{RUN} --working-dir ../carla --download --no-ask").computed == []
