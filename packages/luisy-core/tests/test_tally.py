"""How far a forked process is, seen from the one that forked it."""

import multiprocessing

from luisy.tally import Tally


def test_text_is_the_name_until_the_task_tells():
    tally = Tally(["A", "B(day=1)"])
    assert tally.text("B(day=1)") == "B(day=1)"
    tally.note("B(day=1)", 12, 34000)
    assert tally.text("B(day=1)") == "B(day=1) 12/34,000"
    assert tally.text("A") == "A"


def test_unknown_task_is_passed_over():
    tally = Tally([])
    tally.note("A", 1, 2)
    assert tally.text("A") == "A"


def test_forked_process_tells_the_one_that_forked_it():
    tally = Tally(["A"])
    child = multiprocessing.get_context("fork").Process(target=tally.note, args=("A", 3, 4))
    child.start()
    child.join()
    assert tally.text("A") == "A 3/4"
