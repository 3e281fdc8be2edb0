"""Progress: a bar on a terminal, two lines elsewhere."""

import io

import pytest
from luisy_protocol import PlainProgress, TerminalProgress, TransferProgress, terminal_progress
from luisy_protocol.terminal import files_text, size_text
from rich.console import Console


def run(progress: TransferProgress):
    progress.begin("Downloading", files=2, size=3000)
    for key in ("p/a", "p/b"):
        progress.advance(2000)
        progress.advance(-500)
        progress.done(key)
    progress.end()


def test_plain_progress_writes_a_line_at_each_end():
    stream = io.StringIO()
    run(PlainProgress(stream))
    begin, end = stream.getvalue().splitlines()
    assert begin == "Downloading: 2 files, 3.0 kB"
    assert end.startswith("Downloading: 2 of 2 files, 3.0 kB in ")


def test_plain_progress_when_used_again_starts_from_nothing():
    stream = io.StringIO()
    progress = PlainProgress(stream)
    run(progress)
    run(progress)
    assert stream.getvalue().count("2 of 2 files, 3.0 kB in ") == 2


def test_terminal_progress_draws_files_and_bytes():
    console = Console(file=io.StringIO(), force_terminal=True, width=120)
    run(TerminalProgress(console))
    shown = console.file.getvalue()
    assert "Downloading" in shown
    assert "2/2 files" in shown
    assert "3.0/3.0 kB" in shown


def test_terminal_progress_outside_of_a_batch_does_nothing():
    progress = TerminalProgress(Console(file=io.StringIO(), force_terminal=True))
    progress.advance(1)
    progress.done("p/a")
    progress.end()


def test_terminal_progress_without_a_terminal_is_plain(capsys):
    run(terminal_progress())
    shown = capsys.readouterr()
    assert shown.out == ""
    assert len(shown.err.splitlines()) == 2


@pytest.mark.parametrize(
    ("size", "text"),
    [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (999_960, "1.0 MB"), (2 * 10**9, "2.0 GB"),
     (5 * 10**15, "5,000.0 TB")],
)  # fmt: skip
def test_size_text_uses_the_unit_that_reads_best(size, text):
    assert size_text(size) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 files"), (1, "1 file"), (2000, "2,000 files")])
def test_files_text_knows_the_plural(count, text):
    assert files_text(count) == text
