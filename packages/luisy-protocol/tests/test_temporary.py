"""Temporary names: hidden, whole or gone, and swept when their process is dead."""

import os

import pytest
from luisy_protocol import NotSupported
from luisy_protocol.temporary import (
    is_temporary,
    remove_leftovers,
    replacing,
    staging_beside,
    temporary_beside,
)


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_temporary_beside_is_in_the_same_folder_and_never_twice(tmp_path):
    names = {temporary_beside(tmp_path / "a") for _ in range(100)}
    assert len(names) == 100
    assert {path.parent for path in names} == {tmp_path}
    assert all(is_temporary(path.name) for path in names)


def test_temporary_beside_a_long_name_is_short(tmp_path):
    temporary_beside(tmp_path / ("x" * 255)).touch()


@pytest.mark.parametrize("name", ["a", ".luisy.hash", ".luisy-x.part", "a.part", ".luisy-.part"])
def test_other_names_are_not_temporary(name):
    assert not is_temporary(name)


def test_replacing_when_the_block_ends_well_renames(tmp_path):
    with replacing(tmp_path / "a") as new:
        new.write_text("new")
        assert not (tmp_path / "a").exists()
    assert names(tmp_path) == ["a"]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_replacing_when_the_block_raises_leaves_the_old(tmp_path, error):
    (tmp_path / "a").write_text("old")
    with pytest.raises(error), replacing(tmp_path / "a") as new:  # noqa: PT012
        new.write_text("new")
        raise error
    assert names(tmp_path) == ["a"]
    assert (tmp_path / "a").read_text() == "old"


def test_replacing_a_folder_is_not_supported(tmp_path):
    (tmp_path / "a").mkdir()
    with pytest.raises(NotSupported), replacing(tmp_path / "a") as new:
        new.write_text("new")
    assert names(tmp_path) == ["a"]


def test_remove_leftovers_keeps_what_another_host_writes_now(tmp_path):
    theirs, old = (f".luisy-00000000-1-{n}{n * 15}.part" for n in "12")
    (tmp_path / theirs).touch()
    (tmp_path / old).touch()
    (tmp_path / "other").touch()
    os.utime(tmp_path / old, (0, 0))
    remove_leftovers(tmp_path)
    assert names(tmp_path) == [theirs, "other"]


def test_remove_leftovers_of_no_folder_is_fine(tmp_path):
    remove_leftovers(tmp_path / "absent")


def test_staging_beside_is_always_the_same_and_survives_a_sweep(tmp_path):
    staging = staging_beside(tmp_path / "out")
    assert staging == staging_beside(tmp_path / "out") != staging_beside(tmp_path / "other")
    assert is_temporary(staging.name)
    staging.mkdir()
    (staging / "made").touch()
    os.utime(staging, (0, 0))
    remove_leftovers(tmp_path)
    assert names(staging) == ["made"]
