"""The lock between processes."""

import threading

import pytest
from luisy_protocol import NotFound, Unavailable
from luisy_protocol.locking import locked


def test_locked_when_held_elsewhere_gives_up_and_names_the_file(tmp_path):
    held, release = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "lock"):
            held.set()
            release.wait(timeout=30)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(timeout=30)
    try:
        with pytest.raises(Unavailable, match="lock"), locked(tmp_path / "lock", patience=0.01):
            pass
    finally:
        release.set()
        thread.join()
    with locked(tmp_path / "lock", patience=0.01):
        pass


def test_locked_when_the_folder_is_absent_raises_not_found(tmp_path):
    with pytest.raises(NotFound), locked(tmp_path / "absent" / "lock"):
        pass
