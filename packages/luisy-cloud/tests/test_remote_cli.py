"""`luisy remote` on a terminal, and without one."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
from azure.storage.blob import ContainerClient
from luisy_test_servers.terminal import converse

LUISY = Path(sys.executable).with_name("luisy")


@pytest.fixture
def missing(azurite, azure_url) -> ContainerClient:
    """A container that is not there; the way in is in the environment."""
    return ContainerClient.from_connection_string(azurite.connection_string, f"new-{uuid4().hex}")


def on_a_terminal(
    *words: str, keys: bytes, meanwhile: Callable[[], object] = lambda: None
) -> tuple[int, str]:
    """Run ``luisy remote`` on a terminal of its own, and answer its question."""
    command = [str(LUISY), "remote", *words]
    return converse(command, keys, question=b"[y/N]", meanwhile=meanwhile)


def listed(container: ContainerClient, keys: bytes) -> tuple[int, str]:
    return on_a_terminal("ls", "--remote", f"az://{container.container_name}", keys=keys)


def test_missing_container_is_made_when_the_person_agrees(missing):
    code, printed = listed(missing, b"y\r")
    assert code == 0, printed
    assert "there is no such container" in printed
    assert "0 outputs" in printed
    assert missing.exists()


@pytest.mark.parametrize("keys", [b"n\r", b"\r", b"\x03", b"\x04"], ids=["n", "Enter", "^C", "^D"])
def test_missing_container_is_not_made_when_the_person_does_not_agree(missing, keys):
    code, printed = listed(missing, keys)
    assert code == 1, printed
    assert "Traceback" not in printed
    assert not missing.exists()


def test_missing_container_is_an_error_where_nobody_can_be_asked(missing):
    done = subprocess.run(
        [LUISY, "remote", "ls", "--remote", f"az://{missing.container_name}"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "`luisy remote create` makes it" in done.stderr
    assert not missing.exists()


@pytest.fixture
def orphans(tmp_path) -> Path:
    """A folder that is a store with two files that nobody claims."""
    folder = tmp_path / "store/p/interim"
    folder.mkdir(parents=True)
    (folder / "a").write_bytes(b"1")
    (folder / "b").write_bytes(b"1")
    return folder


def collect_garbage(orphans: Path, **options) -> tuple[int, str]:
    store = orphans.parent.parent.as_uri()
    return on_a_terminal("gc", "--older-than", "0", "--remote", store, **options)


def test_gc_leaves_what_was_replaced_while_its_question_was_open(orphans):
    code, printed = collect_garbage(
        orphans, keys=b"y\r", meanwhile=lambda: (orphans / "a").write_bytes(b"22")
    )
    assert (code, "removed 1" in printed) == (0, True), printed
    assert [path.name for path in orphans.iterdir()] == ["a"]


@pytest.mark.parametrize("keys", [b"n\r", b"\x03"], ids=["n", "^C"])
def test_gc_removes_nothing_when_the_person_does_not_agree(orphans, keys):
    code, printed = collect_garbage(orphans, keys=keys)
    assert (code, "Nothing was removed." in printed) == (0, True), printed
    assert len(list(orphans.iterdir())) == 2


def test_gc_asks_nobody_where_there_is_no_terminal(orphans):
    store = orphans.parent.parent.as_uri()
    done = subprocess.run(
        [LUISY, "remote", "gc", "--older-than", "0", "--remote", store],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert "--yes" in done.stderr
    assert len(list(orphans.iterdir())) == 2


def test_gc_of_a_module_without_a_task_asks_for_the_task(orphans):
    done = subprocess.run(
        [LUISY, "remote", "gc", "--yes", "--older-than", "0", "--module", "json"],
        env={**os.environ, "LUISY_REMOTE": orphans.parent.parent.as_uri()},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "no task is given" in done.stderr) == (2, True), done.stderr
    assert len(list(orphans.iterdir())) == 2
