import os
import signal
import threading

import pytest
from luisy.interruptions import Held


@pytest.fixture
def handled():
    """The signals that a handler was called for."""
    seen = []
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda number, _: seen.append(number)) for number in numbers]
    yield seen
    for number, handler in zip(numbers, before, strict=True):
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interruption_is_handled_at_the_end_of_the_block(handled, number):
    with Held():
        signal.raise_signal(number)
        assert handled == []
    assert handled == [number]
    signal.raise_signal(number)
    assert handled == [number, number]


def test_interruption_that_another_thread_gets_is_held_too(handled):
    with Held():
        thread = threading.Thread(target=signal.raise_signal, args=(signal.SIGINT,))
        thread.start()
        thread.join()
        assert handled == []
    assert handled == [signal.SIGINT]


def interrupted(done, failing):
    with Held():
        signal.raise_signal(signal.SIGINT)
        done.append(True)
        if failing:
            raise RuntimeError


def test_interruption_is_handled_after_a_failure_in_the_block(handled):
    with pytest.raises(RuntimeError):
        interrupted([], failing=True)
    assert handled == [signal.SIGINT]


def test_ctrl_c_in_the_block_interrupts_after_it():
    done = []
    with pytest.raises(KeyboardInterrupt):
        interrupted(done, failing=False)
    assert done


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no process can be forked here")
def test_forked_process_lets_them_through_itself(handled):
    held = Held()
    with held:
        if not (child := os.fork()):
            signal.raise_signal(signal.SIGTERM)
            before = list(handled)
            held.let_through()
            os._exit(0 if (before, handled) == ([], [signal.SIGTERM]) else 1)
    assert os.waitpid(child, 0)[1] == 0
    assert handled == []


def test_nothing_is_held_in_another_thread_where_no_handler_runs(handled):
    def hold():
        with Held():
            signal.raise_signal(signal.SIGINT)

    thread = threading.Thread(target=hold)
    thread.start()
    thread.join()
    assert handled == [signal.SIGINT]
