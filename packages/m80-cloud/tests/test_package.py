"""Rules of the package: what it exports, what it imports, what it writes."""

import subprocess
import sys

import minus80
import pytest

HEAVY = ["boto3", "botocore", "pandas", "pyarrow", "numpy", "rich", "yaml", "urllib3"]


def test_all_is_sorted_and_true():
    assert sorted(minus80.__all__) == minus80.__all__
    assert all(hasattr(minus80, name) for name in minus80.__all__)


@pytest.mark.parametrize("module", ["minus80", "minus80.cli"])
def test_import_brings_nothing_heavy_and_touches_no_file(module, home):
    code = f"import sys, {module}; print([n for n in {HEAVY} if n in sys.modules])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout == "[]\n"
    assert list(home.iterdir()) == []


def test_no_setting_is_read_before_it_is_needed(home, monkeypatch):
    monkeypatch.setenv("CLOUD_ENDPOINT", "not a URL")
    code = "import minus80; minus80.Accession('x')"
    subprocess.run([sys.executable, "-c", code], check=True)
