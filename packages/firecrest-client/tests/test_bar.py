"""When the bar of a file is shown."""

from firecrest.cli.bar import Bar


def shown(capsys):
    return capsys.readouterr().err.splitlines()


def test_bar_is_not_shown_before_bytes_move(capsys):
    with Bar("upload x", 10):
        pass
    assert shown(capsys) == []


def test_bar_ends_with_the_last_byte(capsys):
    with Bar("upload x", 10) as bar:
        bar.advance(4)
        assert len(shown(capsys)) == 1
        bar.advance(6)
        assert shown(capsys)[0].startswith("upload x: 1 of 1 file, 10 B")
    assert shown(capsys) == []


def test_file_that_starts_over_counts_once(capsys):
    with Bar("upload x", 10) as bar:
        bar.advance(4)
        bar.advance(-4)
        bar.advance(10)
    assert "1 of 1 file, 10 B" in shown(capsys)[-1]


def test_interrupted_file_is_not_done(capsys):
    bar = Bar("upload x", 10)
    bar.advance(4)
    bar.__exit__(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert "0 of 1 file" in shown(capsys)[-1]
