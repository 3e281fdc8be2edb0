"""Runs of directory tasks in this process: what is made, what stays, what a failure leaves."""

import errno
import os
from pathlib import Path

import luisy
import pytest
from luisy.config import Config
from luisy.workspace import Workspace
from luisy_dirs import directory_output, make_directory_output
from luisy_dirs.errors import FileFailed, NameClash
from luisy_protocol.errors import ConfigurationError, InvalidKey
from luisy_protocol.temporary import is_temporary


def text_of(path):
    with open(path) as file:
        return file.read()


def write_text(content, path):
    if content == "FULL" and not is_marked("mended"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    with open(path, "w") as file:
        file.write(content)


def note(path):
    """Note a call where also other processes can."""
    with open(os.path.join(Config().working_dir, "calls"), "a") as file:
        file.write(f"{os.path.basename(path)}\n")


def is_marked(name):
    return os.path.exists(os.path.join(Config().working_dir, name))


@luisy.raw
@luisy.project_name("luisy_dirs_tests")
@make_directory_output(text_of, r"\.txt$", recursive=True)
class Letters(luisy.ExternalTask):
    def get_folder_name(self):
        return "letters"


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up")
class Upper(luisy.Task):
    def process(self, path, content):
        note(path)
        if content == "bad" and not is_marked("mended"):
            raise ValueError("bad content")
        return None if content == "none" else content.upper()


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up", on_error="skip")
class Lenient(luisy.Task):
    def process(self, path, content):
        note(path)
        if content == "bad" and not is_marked("mended"):
            raise ValueError("bad content")
        return content.upper()


@luisy.final
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Upper)
@directory_output(write=write_text, read=text_of, suffix=".twice")
class Twice(luisy.Task):
    def process(self, path, content):
        note(path)
        return content * 2


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".one")
class Several(luisy.Task):
    def process(self, path, content):
        note(path)
        for number, letter in enumerate(content):
            if letter == "!":
                raise ValueError("stopped")
            yield f"{letter}/{number}", letter


def write_no_x(content, path):
    write_text("half", path)
    if content == "x":
        raise ValueError("no x")
    write_text(content, path)


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_no_x, read=text_of, suffix=".one", on_error="skip")
class LenientSeveral(Several):
    pass


@luisy.final
@luisy.json_output()
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Upper)
class Reduced(luisy.Task):
    def run(self):
        self.write("".join(content for _, content in self.input().read()))


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up")
class Free(luisy.Task):
    def run(self):
        with self.output().staging() as folder:
            for number, content in enumerate(self.input().read()):
                (folder / f"{number}.up").write_text(content)


@luisy.raw
@luisy.json_output()
@luisy.project_name("luisy_dirs_tests")
class Table(luisy.ExternalTask):
    pass


@luisy.final
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters, Table)
@directory_output(write=write_text, read=text_of, suffix=".x")
class WithTable(luisy.Task):
    def process(self, path, content):
        note(path)
        return content + self.input()[1].read()


def calls():
    path = Path(Config().working_dir) / "calls"
    found = sorted(path.read_text().split()) if path.exists() else []
    path.unlink(missing_ok=True)
    return found


def contents(task):
    return {Path(path).name: content for path, content in task.output().read()}


def record(task):
    records = Workspace(Path(Config().working_dir)).records("luisy_dirs_tests")
    return records.read().records[task.key]


def build(task, **wishes):
    outcome = luisy.build(task, **wishes)
    return outcome, calls()


def written(path):
    """Tell which file it is and when it was last touched, except by who reads it."""
    status = path.stat()
    return status.st_ino, status.st_mtime_ns, status.st_ctime_ns


def leftovers(raw):
    project = raw.parent.parent
    return [path for path in project.rglob("*") if is_temporary(path.name)]


def test_each_input_file_becomes_a_file(raw):
    outcome, called = build(Twice())
    assert outcome.succeeded
    assert called == ["a.txt", "a.up", "b.txt", "b.up", "c.txt", "c.up"]
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}
    assert contents(Twice()) == {"a.twice": "AA", "b.twice": "BB", "c.twice": "CC"}
    assert build(Twice())[1] == []
    assert leftovers(raw) == []


def test_only_new_changed_and_deleted_files_are_touched(raw):
    build(Upper())
    kept = written(Path(Upper().get_outfile()) / "b.up")
    (raw / "a.txt").write_text("changed")
    (raw / "c.txt").unlink()
    (raw / "d.txt").write_text("new")
    _, called = build(Upper())
    assert called == ["a.txt", "d.txt"]
    assert contents(Upper()) == {"a.up": "CHANGED", "b.up": "B", "d.up": "NEW"}
    assert written(Path(Upper().get_outfile()) / "b.up") == kept
    assert leftovers(raw) == []


def test_record_lists_every_file_after_each_run(raw):
    build(Upper())
    assert set(record(Upper()).files) == {"a.up", "b.up", "c.up"}
    (raw / "a.txt").write_text("changed")
    build(Upper())
    from luisy_protocol.digest import digest_folder

    content, files = digest_folder(Path(Upper().get_outfile()))
    assert record(Upper()).files == files
    assert record(Upper()).sha256 == content.sha256


def test_content_counts_and_not_the_time(raw):
    build(Upper())
    (raw / "a.txt").write_text("a")
    os.utime(raw / "b.txt")
    assert build(Upper())[1] == []


def test_downstream_directory_makes_only_what_differs(raw):
    build(Twice())
    (raw / "a.txt").write_text("A")  # the same in capitals
    (raw / "b.txt").write_text("bb")
    assert build(Twice())[1] == ["a.txt", "b.txt", "b.up"]


@luisy.interim
@luisy.project_name("luisy_dirs_tests")
@luisy.requires(Letters)
@directory_output(write=write_text, read=text_of, suffix=".up")
class Meddled(luisy.Task):
    """While it is at work on one file, somebody writes to another."""

    def process(self, path, content):
        note(path)
        if content.startswith("meddle with "):
            (victim,) = Path(Config().working_dir).rglob(content.removeprefix("meddle with "))
            victim.write_text("meddled")
        return content.upper()


def test_input_that_changes_while_the_task_runs_is_noticed_the_next_time(raw):
    (raw / "c.txt").write_text("meddle with a.txt")
    build(Meddled())
    assert contents(Meddled())["a.up"] == "A"
    assert build(Meddled())[1] == ["a.txt"]
    assert contents(Meddled())["a.up"] == "MEDDLED"


def test_output_that_changes_while_the_task_runs_is_noticed_the_next_time(raw):
    build(Meddled())
    (raw / "c.txt").write_text("meddle with a.up")
    build(Meddled())
    assert contents(Meddled())["a.up"] == "meddled"
    outcome, called = build(Meddled())
    assert [reason.text for reason in outcome.plan.steps[-1].reasons] == ["output modified by hand"]
    assert called == ["a.txt"]
    assert contents(Meddled())["a.up"] == "A"


def lose_memory(raw):
    for path in (raw.parent.parent / ".luisy/directories").iterdir():
        path.unlink()


def test_lost_memory_is_made_from_the_records(raw):
    build(Twice())
    lose_memory(raw)
    (raw / "a.txt").write_text("changed")
    (raw / "b.txt").unlink()
    (raw / "d.txt").write_text("none")
    assert build(Twice())[1] == ["a.txt", "a.up", "d.txt"]
    assert contents(Twice()) == {"a.twice": "CHANGED" * 2, "c.twice": "CC"}


def test_memory_that_was_lost_stays_known_when_the_run_fails(raw):
    build(Upper())
    lose_memory(raw)
    (raw / "a.txt").write_text("bad")
    assert not build(Upper())[0].succeeded
    (raw / "a.txt").write_text("good")
    assert build(Upper())[1] == ["a.txt"]
    assert contents(Upper()) == {"a.up": "GOOD", "b.up": "B", "c.up": "C"}


def test_lost_memory_knows_nothing_of_what_was_skipped_or_changed_since(raw):
    (raw / "b.txt").write_text("bad")
    build(Lenient())
    lose_memory(raw)
    (raw / "a.txt").write_text("changed")
    (Path(Lenient().get_outfile()) / "c.up").write_text("by hand")
    assert build(Lenient())[1] == ["a.txt", "b.txt", "c.txt"]
    assert contents(Lenient()) == {"a.up": "CHANGED", "c.up": "C"}


def test_lost_memory_of_several_files_for_one_makes_everything_again(raw):
    build(Several())
    lose_memory(raw)
    (raw / "a.txt").write_text("x")
    assert build(Several())[1] == ["a.txt", "b.txt", "c.txt"]


def test_lost_memory_makes_everything_again_when_another_input_changed(raw):
    table = Path(Table().get_outfile())
    table.write_text('"1"')
    build(WithTable())
    lose_memory(raw)
    table.write_text('"2"')
    assert build(WithTable())[1] == ["a.txt", "b.txt", "c.txt"]
    assert contents(WithTable()) == {"a.x": "a2", "b.x": "b2", "c.x": "c2"}


def test_file_changed_by_hand_is_made_again_and_no_other(raw):
    build(Upper())
    (Path(Upper().get_outfile()) / "b.up").write_text("by hand")
    (Path(Upper().get_outfile()) / "by hand.up").write_text("by hand")
    assert build(Upper())[1] == ["b.txt"]
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}


def test_none_makes_no_file_and_is_remembered(raw):
    (raw / "b.txt").write_text("none")
    build(Upper())
    assert contents(Upper()) == {"a.up": "A", "c.up": "C"}
    (raw / "a.txt").write_text("x")
    assert build(Upper())[1] == ["a.txt"]


def test_failure_leaves_the_old_directory_and_the_next_run_goes_on(raw, capsys):
    build(Upper())
    for name, content in [("a", "aa"), ("b", "bad"), ("c", "cc")]:
        (raw / f"{name}.txt").write_text(content)
    outcome, called = build(Upper())
    assert outcome.failed == ["Upper"]
    assert called == ["a.txt", "b.txt", "c.txt"]
    said = capsys.readouterr().err
    assert "Upper.process failed on luisy_dirs_tests/raw/letters/b.txt: ValueError: bad" in said
    assert 'raise ValueError("bad content")' in said
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}
    (raw / "b.txt").write_text("bb")
    assert build(Upper())[1] == ["b.txt"]
    assert contents(Upper()) == {"a.up": "AA", "b.up": "BB", "c.up": "CC"}
    assert leftovers(raw) == []


def test_damaged_leftover_of_a_failed_run_is_made_again(raw):
    (raw / "b.txt").write_text("bad")
    build(Upper())
    (made,) = raw.parent.parent.rglob("made/a.up")
    made.write_text("damaged")
    (made.parent / "unknown.up").write_text("half")
    (raw / "b.txt").write_text("b")
    assert build(Upper())[1] == ["a.txt", "b.txt"]
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}


def test_skipped_files_are_recorded_and_tried_again(raw):
    (raw / "b.txt").write_text("bad")
    outcome, called = build(Lenient())
    assert outcome.succeeded
    assert called == ["a.txt", "b.txt", "c.txt"]
    assert contents(Lenient()) == {"a.up": "A", "c.up": "C"}
    skipped = {"luisy_dirs_tests/raw/letters/b.txt": "ValueError: bad content"}
    assert record(Lenient()).skipped == skipped
    outcome, called = build(Lenient())
    assert [reason.text for reason in outcome.plan.steps[-1].reasons] == [
        "1 skipped file is tried again"
    ]
    assert called == ["b.txt"]
    (Path(Config().working_dir) / "mended").touch()
    assert build(Lenient())[1] == ["b.txt"]
    assert contents(Lenient()) == {"a.up": "A", "b.up": "BAD", "c.up": "C"}
    assert record(Lenient()).skipped == {}
    assert build(Lenient())[1] == []


@pytest.mark.parametrize("task", [Upper, Lenient])
def test_full_disk_ends_the_run_and_is_no_reason_to_skip_a_file(task, raw, capsys):
    build(task())
    before = contents(task())
    (raw / "b.txt").write_text("full")
    outcome, _ = build(task())
    assert not outcome.succeeded
    told = capsys.readouterr().err
    path = Path(task().output().path)
    assert f"{task.__name__} failed: cannot make {path}: the disk is full" in told
    assert "Traceback" not in told
    assert contents(task()) == before
    (Path(Config().working_dir) / "mended").touch()
    assert build(task())[1] == ["b.txt"]
    assert contents(task()) == {**before, "b.up": "FULL"}


def test_file_that_is_too_large_is_skipped(raw):
    resource = pytest.importorskip("resource", reason="Windows has no limits of this kind")
    (raw / "b.txt").write_text("b" * 50_000)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40_000, hard))
    try:
        outcome, _ = build(Lenient())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert outcome.succeeded
    assert [key.rpartition("/")[2] for key in record(Lenient()).skipped] == ["b.txt"]
    assert contents(Lenient()) == {"a.up": "A", "c.up": "C"}


def test_all_files_skipped_is_a_failure(raw, capsys):
    for name in "abc":
        (raw / f"{name}.txt").write_text("bad")
    outcome, _ = build(Lenient())
    assert not outcome.succeeded
    assert "failed on every file, first on luisy_dirs_tests/raw/letters/a.txt" in (
        capsys.readouterr().err
    )


def test_one_file_may_become_several(raw):
    (raw / "b.txt").write_text("xy")
    build(Several())
    assert Several().output().names() == ["a/0.one", "c/0.one", "x/0.one", "y/1.one"]
    (raw / "b.txt").write_text("xz")
    assert build(Several())[1] == ["b.txt"]
    assert Several().output().names() == ["a/0.one", "c/0.one", "x/0.one", "z/1.one"]
    assert not (Path(Several().get_outfile()) / "y").exists()


def test_half_of_several_is_not_left(raw):
    (raw / "b.txt").write_text("xy!")
    assert not build(Several())[0].succeeded
    (raw / "b.txt").unlink()
    build(Several())
    assert Several().output().names() == ["a/0.one", "c/0.one"]


@pytest.mark.parametrize("content", ["yz!", "yx"], ids=["process fails", "write fails"])
def test_nothing_of_a_skipped_file_gets_into_the_directory(raw, content):
    (raw / "b.txt").write_text(content)
    assert build(LenientSeveral())[0].succeeded
    assert LenientSeveral().output().names() == ["a/0.one", "c/0.one"]
    assert set(record(LenientSeveral()).files) == {"a/0.one", "c/0.one"}


def test_clash_of_several_is_an_error(raw, capsys):
    (raw / "b.txt").write_text("a")
    assert not build(Several())[0].succeeded
    assert "would both become the file a/0.one" in capsys.readouterr().err
    assert not Several().output().exists()


def test_many_files_may_become_one(raw):
    build(Reduced())
    assert Reduced().output().read() == "ABC"


def test_run_may_be_ones_own(raw):
    build(Free())
    assert contents(Free()) == {"0.up": "a", "1.up": "b", "2.up": "c"}
    assert set(record(Free()).files) == {"0.up", "1.up", "2.up"}


@pytest.mark.parametrize("other", ["A.txt", "a.more.txt", "sub/a.txt"])
def test_names_that_clash_are_found_before_anything_is_made(raw, other, capsys):
    path = raw / other
    path.parent.mkdir(exist_ok=True)
    path.write_text("x")
    outcome, called = build(Upper())
    if other == "A.txt":
        assert called == []
        assert not outcome.succeeded
        said = capsys.readouterr().err
        assert "letters/A.txt and luisy_dirs_tests/raw/letters/a.txt would become" in said
    else:
        assert outcome.succeeded
        assert len(called) == 4


def test_clash_with_a_file_that_stays_is_found(raw):
    build(Upper())
    (raw / "B.txt").write_text("x")
    outcome, called = build(Upper())
    assert (outcome.succeeded, called) == (False, [])
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}


def test_other_inputs_count_for_every_file(raw):
    table = Path(Table().get_outfile())
    table.write_text('"1"')
    build(WithTable())
    assert contents(WithTable()) == {"a.x": "a1", "b.x": "b1", "c.x": "c1"}
    table.write_text('"2"')
    assert build(WithTable())[1] == ["a.txt", "b.txt", "c.txt"]
    assert contents(WithTable()) == {"a.x": "a2", "b.x": "b2", "c.x": "c2"}


@pytest.mark.parametrize("workers", [2, 3])
def test_processes_make_the_same_as_one(raw, workers):
    for number in range(40):
        (raw / f"{number:02}.txt").write_text(f"content {number}")
    outcome, called = build(Twice(), workers=workers)
    assert outcome.succeeded
    assert len(called) == 2 * 43
    assert contents(Twice())["07.twice"] == "CONTENT 7" * 2
    (raw / "07.txt").write_text("x")
    assert build(Twice(), workers=workers)[1] == ["07.txt", "07.up"]


def test_failure_in_a_process_is_told_as_here(raw, capfd):
    (raw / "b.txt").write_text("bad")
    outcome, _ = build(Upper(), workers=2)
    assert not outcome.succeeded
    said = capfd.readouterr().err
    assert "Upper.process failed on luisy_dirs_tests/raw/letters/b.txt: ValueError: bad" in said
    assert 'raise ValueError("bad content")' in said


def test_call_without_a_run_makes_the_directory_too(raw):
    Upper().run()
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}
    calls()
    (raw / "b.txt").write_text("bad")
    with pytest.raises(FileFailed, match="ValueError: bad content"):
        Upper().run()
    assert contents(Upper()) == {"a.up": "A", "b.up": "B", "c.up": "C"}
    (raw / "b.txt").write_text("x")
    calls()
    Upper().run()
    assert calls() == ["b.txt"]
    assert leftovers(raw) == []


def test_task_that_requires_no_directory_is_refused(raw):
    @luisy.interim
    @luisy.project_name("luisy_dirs_tests")
    @directory_output
    class Alone(luisy.Task):
        def process(self, path, content):
            return content

    with pytest.raises(ConfigurationError, match="requires no directory"):
        Alone().run()


def test_name_longer_than_a_file_system_allows_is_found_before_anything_is_made(raw):
    (raw / ("x" * 251 + ".txt")).write_text("x")

    @luisy.interim
    @luisy.project_name("luisy_dirs_tests")
    @luisy.requires(Letters)
    @directory_output(write=write_text, read=text_of, suffix=".longer")
    class Long(luisy.Task):
        def process(self, path, content):
            note(path)
            return content

    with pytest.raises(InvalidKey, match="255 bytes"):
        Long().run()
    assert calls() == []


def test_clash_of_a_direct_call_is_its_own_error(raw):
    (raw / "A.txt").write_text("x")
    with pytest.raises(NameClash):
        Upper().run()
