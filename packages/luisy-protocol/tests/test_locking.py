"""The lock between processes."""

import os
import threading

import pytest
from luisy_protocol import NotFound, Unavailable
from luisy_protocol.locking import locked


def test_locked_when_held_elsewhere_gives_up_and_names_the_file(tmp_path):
    held, release = threading.Event(), threading.Event()

    def hold():
        with locked(tmp_path / "lock"):
            held.set()
            release.wait(timeout=120)

    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(timeout=120)
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


def test_locked_waits_until_the_other_lets_go(tmp_path):
    held, order = threading.Event(), []

    def hold():
        with locked(tmp_path / "lock"):
            held.set()
            waiting.wait(timeout=120)
            order.append("first")

    waiting = threading.Event()
    thread = threading.Thread(target=hold)
    thread.start()
    held.wait(timeout=120)
    waiting.set()
    with locked(tmp_path / "lock"):
        order.append("second")
    thread.join()
    assert order == ["first", "second"]


def test_lock_of_a_process_that_forked_is_free_when_it_lets_go(tmp_path):
    read, write = os.pipe()
    with locked(tmp_path / "lock"):
        child = os.fork()
        if child == 0:
            os.read(read, 1)
            os._exit(0)
    with locked(tmp_path / "lock", patience=0):
        os.write(write, b"x")
    assert os.waitpid(child, 0)[1] == 0
