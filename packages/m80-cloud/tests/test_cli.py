"""The command, as a user types it."""

import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from minus80.cli import cli


@pytest.fixture
def run():
    return lambda *words, **more: CliRunner().invoke(cli, words, **more)


def test_list_here_in_both_forms(run, dataset):
    assert run("list").stdout == "-----Files------\nsmall\n"
    assert json.loads(run("list", "--json").stdout) == {"Files": ["small"]}
    assert run("list", "--dtype", "Other").stdout == "Nothing here yet!\n"
    assert run("list", "--name", "small", "--dtype", "Files").stdout == "-----Files------\nsmall\n"


def test_delete_here_asks_first(run, dataset):
    assert run("delete", "small", "Files", input="n\n").exit_code == 1
    assert dataset.exists()
    assert run("delete", "small", "Files", input="y\n").exit_code == 0
    assert not dataset.exists()
    gone = run("delete", "small", "Files", "--yes")
    assert (gone.exit_code, gone.stderr.count("\n")) == (1, 1)


def test_a_whole_session(run, in_cloud, dataset):
    assert run("cloud", "list").stdout == "Nothing here yet!\n"
    assert run("cloud", "put", "small", "Files", "--tag", "first").output == ""
    (dataset / "b.txt").write_text("changed")
    assert run("cloud", "put", "small", "Files").exit_code == 0
    assert json.loads(run("cloud", "list", "--json").stdout) == {"Files": ["small"]}
    lines = run("cloud", "history", "small", "Files").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["1", "2"]
    assert lines[0].endswith("[first]")
    assert run("cloud", "tag", "small", "Files", "second").exit_code == 0
    found = json.loads(run("cloud", "history", "small", "Files", "--json").stdout)
    assert [version["tags"] for version in found] == [["first"], ["second"]]
    assert run("cloud", "get", "small", "Files", "--tag", "first").exit_code == 0
    assert (dataset / "b.txt").read_text() == "second"
    assert run("cloud", "verify").stdout == "4 contents read, 0 problems\n"
    assert run("cloud", "remove", "small", "Files", input="n\n").exit_code == 1
    assert run("cloud", "remove", "small", "Files", "-y").exit_code == 0
    assert json.loads(run("cloud", "gc", "--json").stdout)["objects"] == 6
    assert run("cloud", "list").stdout == "Nothing here yet!\n"


def test_raw_files(run, in_cloud, tmp_path):
    (tmp_path / "r.txt").write_text("raw")
    assert run("cloud", "put", str(tmp_path / "r.txt"), "text", "--raw").exit_code == 0
    assert json.loads(run("cloud", "list", "--raw", "--json").stdout) == {"text": ["r.txt"]}
    out = str(tmp_path / "out.txt")
    assert run("cloud", "get", "r.txt", "text", "--raw", "-o", out).exit_code == 0
    assert Path(out).read_text() == "raw"
    assert run("cloud", "nuke", "--yes").exit_code == 0
    assert json.loads(run("cloud", "list", "--raw", "--json").stdout) == {}


def test_verify_with_problems_fails(run, in_cloud, dataset, s3_server):
    run("cloud", "put", "small", "Files")
    client = s3_server.client()
    item = client.list_objects_v2(Bucket=in_cloud, Prefix="minus80/blobs/")["Contents"][0]
    client.put_object(Bucket=in_cloud, Key=item["Key"], Body=b"x")
    found = run("cloud", "verify", "--json")
    assert found.exit_code == 1
    assert len(json.loads(found.stdout)["problems"]) == 1


@pytest.mark.parametrize(
    "words",
    [
        ("cloud", "get", "nothing", "Files"),
        ("cloud", "put", "../x", "Files"),
        ("cloud", "history", "nothing", "Files"),
        ("cloud", "verify", "nothing"),
    ],
    ids=" ".join,
)
def test_a_mistake_is_one_line_and_no_traceback(run, in_cloud, words):
    found = run(*words)
    assert found.exit_code == 1
    assert found.stdout == ""
    assert found.stderr.startswith("Error: ")
    assert found.stderr.count("\n") == 1


@pytest.mark.parametrize("words", [("remove", "small", "Files"), ("nuke",)], ids=" ".join)
def test_question_that_nobody_can_answer_says_what_to_do(run, in_cloud, dataset, words):
    run("cloud", "put", "small", "Files")
    found = run("cloud", *words, input="")
    assert found.exit_code == 1
    assert found.stderr.endswith("Error: nothing was done; without a terminal, say --yes\n")
    assert json.loads(run("cloud", "list", "--json").stdout) == {"Files": ["small"]}


def test_misuse_is_code_2(run):
    assert run("cloud", "get", "nothing").exit_code == 2


def test_notes_go_to_stderr(run, in_cloud, dataset):
    run("cloud", "put", "small", "Files")
    (dataset / "a.txt").write_text("precious")
    command = [sys.executable, "-m", "minus80", "cloud", "get", "small", "Files"]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert found.stdout == ""
    assert "had changes that were never put (a.txt); they are kept in" in found.stderr


def test_settings_are_made_by_the_first_command(run, home):
    assert not (home / ".minus80.conf").exists()
    run("list")
    assert stat.S_IMODE((home / ".minus80.conf").stat().st_mode) == 0o600


def test_completion_is_offered():
    command = Path(sys.executable).with_name("minus80")
    env = {**os.environ, "_MINUS80_COMPLETE": "bash_source"}
    found = subprocess.run([command], env=env, capture_output=True, text=True, check=False)
    assert "complete" in found.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
@pytest.mark.parametrize("word", ["--help", "list"])
def test_stdout_that_has_no_room_is_told_in_a_sentence(word, dataset):
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-m", "minus80", word],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr.startswith("Error: cannot write the output of this command: the disk is")
    assert (done.stderr.count("\n"), done.returncode) == (1, 1)
