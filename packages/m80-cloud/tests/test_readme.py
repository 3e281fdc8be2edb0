"""The README's session runs as printed, and its tables are true."""

import doctest
import re
from pathlib import Path

import minus80 as m80
import pytest
from minus80.settings import load_settings

README = Path(__file__).parents[1] / "README.md"
SESSION = """
>>> import minus80 as m80
>>> x = m80.CloudData()
>>> x.list()
Nothing here yet!
>>> x.put('TestCohort', 'Cohort')
>>> x.list()
-----Cohort------
TestCohort
>>> x.get('TestCohort', 'Cohort')
"""


def run(text, name):
    test = doctest.DocTestParser().get_doctest(text, {}, name, None, 0)
    lines = []
    doctest.DocTestRunner().run(test, out=lines.append)
    assert not lines, "".join(lines)


@pytest.fixture
def elsewhere(tmp_path, monkeypatch):
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def test_session_of_the_readme_prints_what_it_says(in_cloud, elsewhere):
    blocks = re.findall(r"```pycon\n(.*?)```", README.read_text(), re.DOTALL)
    assert len(blocks) == 4
    run("\n".join(blocks), "README")


def test_session_of_the_archived_document_prints_what_it_says(in_cloud):
    m80.Cohort("TestCohort").m80.close()
    run(SESSION, "minus80-cloud")


def test_settings_of_the_readme_are_those_of_the_file():
    told = set(re.findall(r"^\| `(?:options|cloud)\.(\w+)`", README.read_text(), re.MULTILINE))
    load_settings()
    written = Path("~/.minus80.conf").expanduser().read_text()
    assert told == set(re.findall(r"^    (\w+):", written, re.MULTILINE))
