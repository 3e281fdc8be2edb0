"""Where luigi's log goes when a program calls `luisy.build`."""

import errno
import io
import logging
import subprocess
import sys
from pathlib import Path

import luigi
import luisy
import pytest
from luisy.config import Config
from luisy.luigi_log import log_of_luigi
from luisy.workspace import Workspace

PROGRAM = """
import sys
import luigi
import luisy


@luisy.final
class Fine(luisy.Task):
    def run(self):
        self.write(1)


@luisy.final
class Failing(luisy.Task):
    def run(self):
        raise RuntimeError("the reason")


luisy.set_working_dir(sys.argv[1])
print(luisy.build(Fine()).ran, luisy.build(Failing()).failed)
"""


class Noted(luisy.Task):
    number = luisy.IntParameter()

    def run(self):
        logging.getLogger("luigi-interface").info("from run")
        self.write(1)


@pytest.fixture
def folder(luisy_working_dir):
    return Path(luisy_working_dir)


def logs(folder):
    return "".join(path.read_text() for path in folder.glob("*/.luisy/logs/*.log"))


def test_build_is_quiet_but_for_why_a_task_failed(tmp_path):
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, program, tmp_path / "data"],
        cwd=tmp_path,
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    assert done.stdout == "['Fine'] ['Failing']\n"
    assert done.stderr.startswith("Failing failed:\nTraceback")
    assert done.stderr.count("RuntimeError: the reason") == 1
    assert "INFO" not in done.stderr
    assert "running   Fine()" in logs(tmp_path / "data")


def test_program_with_logging_of_its_own_gets_the_messages(folder, caplog):
    caplog.set_level(logging.INFO)
    luisy.build(Noted(number=1))
    assert "from run" in caplog.messages
    assert "from run" in logs(folder)


def test_loggers_are_as_before_afterwards(folder):
    logger = logging.getLogger("luigi-interface")
    before = (logger.level, logger.propagate, list(logger.handlers))
    luisy.build(Noted(number=2))
    assert (logger.level, logger.propagate, list(logger.handlers)) == before


def test_logger_that_a_program_has_disabled_stays_disabled(folder):
    logger = logging.getLogger("luigi-interface")
    logger.disabled = True
    try:
        luisy.build(Noted(number=4))
        assert logger.disabled
    finally:
        logger.disabled = False
    assert "from run" not in logs(folder)


def test_configuration_of_luigi_says_where_its_log_goes(folder):
    config = luigi.configuration.get_config()
    path = folder / "logging.conf"
    path.write_text(CONFIGURED.format(log=folder / "mine.log"))
    config.set("core", "logging_conf_file", str(path))
    try:
        outcome = luisy.build(Noted(number=3))
    finally:
        config.remove_option("core", "logging_conf_file")
    assert outcome.log == ""
    assert logs(Path(Config().working_dir)) == ""


CONFIGURED = """
[loggers]
keys=root,luigi

[logger_root]
handlers=

[logger_luigi]
qualname=luigi-interface
level=INFO
handlers=file

[handlers]
keys=file

[handler_file]
class=FileHandler
args=("{log}",)

[formatters]
keys=
"""


def test_log_has_a_line_for_the_start_and_one_for_the_end_of_a_task(folder):
    luisy.build(Noted(number=77))
    told = [line for line in logs(folder).splitlines() if " Worker " in line]
    lines = [line for line in told if line.endswith("Noted(number=77)")]
    assert len(lines) == 2
    assert " running " in lines[0]
    assert " done " in lines[1]


def log_three(folder):
    """Log three messages; return what the person is told."""
    told = []
    with log_of_luigi(Workspace(folder), Noted(number=5), warn=told.append):
        for _ in range(3):
            logging.getLogger("luigi-interface").info("a message")
    return told


def test_log_that_finds_no_room_is_told_of_once_and_stops_nothing(folder, largest_file, capsys):
    with largest_file(60):
        told = log_three(folder)
    (path,) = folder.glob("*/.luisy/logs/*.log")
    (text,) = told
    assert text.startswith(f"luigi's log is incomplete: cannot write {path}: the file is larger")
    assert capsys.readouterr() == ("", "")
    assert path.read_text().count("a message") == 1


def test_log_that_cannot_be_opened_is_told_of_once_and_stops_nothing(folder, capsys):
    place = Workspace(folder).private(Noted(number=5).project_name) / "logs"
    place.parent.mkdir(parents=True)
    place.write_text("not a folder")
    (text,) = log_three(folder)
    assert text.startswith(f"luigi's log is incomplete: cannot write {place}")
    assert capsys.readouterr() == ("", "")


def test_old_log_that_cannot_be_removed_stops_nothing(folder):
    place = Workspace(folder).private(Noted(number=5).project_name) / "logs"
    for number in range(30):
        (place / f"2020010{number:02}.log").mkdir(parents=True)
    assert log_three(folder) == []
    assert "a message" in max(place.glob("*.log")).read_text()


class Unclosable(io.StringIO):
    """A file on a drive that tells when it is closed that there was no room."""

    def close(self):
        raise OSError(errno.EDQUOT, "quota")


def test_log_that_finds_no_room_when_it_is_closed_is_told_of(folder):
    told = []
    with log_of_luigi(Workspace(folder), Noted(number=5), warn=told.append):
        handler = logging.getLogger("luigi-interface").handlers[-1]
        handler.stream = Unclosable()
    (text,) = told
    assert text.endswith("the disk is full; free some space and try again")


def test_log_goes_on_where_there_is_room_again(folder, largest_file):
    told = []
    with log_of_luigi(Workspace(folder), Noted(number=5), warn=told.append):
        logger = logging.getLogger("luigi-interface")
        with largest_file(0):
            logger.info("lost")
        logger.info("kept")
    assert len(told) == 1
    assert logs(folder).endswith("INFO kept\n")
    assert "lost" not in logs(folder)


def test_log_with_room_is_not_told_of(folder):
    assert log_three(folder) == []


def test_message_that_cannot_be_formatted_is_told_by_logging(folder, capsys):
    told = []
    with log_of_luigi(Workspace(folder), Noted(number=5), warn=told.append):
        logging.getLogger("luigi-interface").info("%d", "a word")
        logging.getLogger("luigi-interface").info("a message")
    assert "a word" in capsys.readouterr().err
    assert told == []
    assert "a message" in logs(folder)


def test_build_whose_log_has_no_room_runs(folder, largest_file, capsys):
    with largest_file(1_000):
        outcome = luisy.build(Noted(number=6), ask=False)
    assert outcome.ran == ["Noted(number=6)"]
    assert "Logging error" not in capsys.readouterr().err
