"""The package as a whole: what it exports and registers, and what importing it pulls in."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import entry_points

import luisy_cloud
import pytest


def test_all_is_sorted_and_true():
    assert luisy_cloud.__all__ == sorted(luisy_cloud.__all__)
    assert all(hasattr(luisy_cloud, name) for name in luisy_cloud.__all__)


@pytest.mark.parametrize(
    ("group", "name"),
    [("luisy.stores", "az"), ("luisy.sync", "default"), ("luisy.commands", "remote")],
)
def test_entry_point_loads(group, name):
    (point,) = entry_points(group=group, name=name)
    assert callable(point.load())


@pytest.mark.parametrize(
    "module", ["luisy_cloud", "luisy_cloud.azure_store", "luisy_cloud.remote_cli"]
)
def test_import_pulls_in_no_sdk_and_no_pandas(module):
    code = (
        f"import sys, {module}; heavy = {{'azure.storage', 'requests', 'pandas', 'luigi'}}\n"
        "sys.exit(str(heavy & sys.modules.keys()) if heavy & sys.modules.keys() else 0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
