"""What a person reads, on a pipe."""

import pytest
from luisy.pipeline import Kind
from luisy.plan import Cause, Plan, Reason, Step, Verdict
from luisy.show import Outcome
from luisy.terminal import Terminal, write_failure, write_plan
from luisy_protocol.errors import ConfigurationError, IntegrityError


def step(name, verdict, *reasons, size=0):
    found = tuple(Reason(Cause.CODE, text) for text in reasons)
    return Step(name, f"p/final/{name}", Kind.OUTPUT, verdict, found, (), files=1, size=size)


PLAN = Plan(
    (
        step("Kept", Verdict.KEEP),
        step("Unneeded", Verdict.UNNEEDED),
        step("Fetched", Verdict.DOWNLOAD, size=1500),
        step("Run", Verdict.RUN, "code changed: f in m.py", "pandas 2.2.3 -> 3.0.1"),
    ),
    ("p/final/Run",),
)


def test_plan_names_what_is_done_and_why(capsys):
    write_plan(PLAN, upload=None)
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "download   Fetched  p/final/Fetched (1.5 kB)",
        "run        Run  p/final/Run",
        "             code changed: f in m.py",
        "             pandas 2.2.3 -> 3.0.1",
        "Plan: 1 to run, 1 file to download (1.5 kB), 1 kept, 1 to upload afterwards",
    ]


def test_verbose_plan_names_all(capsys):
    write_plan(PLAN, upload=(2, 2000), is_verbose=True)
    out = capsys.readouterr().out
    assert "keep       Kept" in out
    assert "not needed Unneeded" in out
    assert "2 files to upload (2.0 kB)" in out


def test_long_plan_is_cut(capsys):
    write_plan(Plan(tuple(step(f"T{number}", Verdict.RUN) for number in range(50))), upload=None)
    out = capsys.readouterr().out
    assert "and 10 more (--verbose shows all)" in out
    assert "T39" in out
    assert "T40" not in out


def test_many_reasons_are_cut(capsys):
    plan = Plan((step("Run", Verdict.RUN, *(f"upstream runs: T{n}" for n in range(50))),))
    write_plan(plan, upload=None)
    out = capsys.readouterr().out
    assert "upstream runs: T4\n" in out
    assert "upstream runs: T5\n" not in out
    assert "and 45 more reasons" in out
    write_plan(plan, upload=None, is_verbose=True)
    assert "upstream runs: T49\n" in capsys.readouterr().out


def test_plan_has_its_notes_even_without_work(capsys):
    write_plan(Plan((), notes=("no record is kept of P",)), upload=None)
    assert capsys.readouterr().out.splitlines() == [
        "note       no record is kept of P",
        "Nothing to do: everything is up to date.",
    ]


def test_plan_without_work_says_so(capsys):
    write_plan(Plan((step("Kept", Verdict.KEEP),)), upload=None)
    assert capsys.readouterr().out == "Nothing to do: everything is up to date.\n"


def test_nobody_to_ask_is_an_error():
    with pytest.raises(ConfigurationError, match="--no-ask"):
        Terminal().approve()


def test_summary_names_what_failed_and_what_waits_for_it(capsys):
    outcome = Outcome(PLAN, ran=["A"], failed=["B"], not_run={"C": "B"}, log="/x.log", seconds=2)
    Terminal().summary(outcome)
    out, err = capsys.readouterr()
    assert out == "1 ran, 1 kept, 1 failed, 1 not run in 2.0 s\n"
    assert err.splitlines() == ["failed: B", "not run: C (needs B)", "luigi's log: /x.log"]


def test_quiet_summary_names_only_what_failed(capsys):
    Terminal(is_quiet=True).summary(Outcome(PLAN, failed=["B"]))
    assert capsys.readouterr() == ("", "failed: B\n")


def test_failure_has_a_traceback_and_our_own_error_a_sentence(capsys):
    try:
        _ = {}["missing"]
    except KeyError as error:
        write_failure("Task()", error)
    err = capsys.readouterr().err
    assert "Traceback" in err
    assert "KeyError: 'missing'" in err
    write_failure("Task", IntegrityError("wrong bytes"))
    assert capsys.readouterr().err == "'Task' failed: wrong bytes\n"
