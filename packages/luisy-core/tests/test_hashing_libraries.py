# ruff: noqa: E501 - one row, one line
"""Which version of a library enters a hash: the line of the requirements file, else what is installed."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import luisy
import pytest
from luisy.hashing import CodeHash, hash_class
from luisy.hashing.libraries import read_requirements
from luisy_protocol.errors import ConfigurationError

Hash = Callable[..., CodeHash]


@pytest.fixture
def hash_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hash]:
    """Hash a task that uses some imports, with distributions installed in a folder of their own."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("LUISY_REQUIREMENTS_PATH", raising=False)
    site = tmp_path / "lib/site-packages"
    for name, version, files in [
        ("fakelib", "1.2", ["fakelib/__init__.py"]),
        ("Fake_Imaging", "3.0", ["PILLE/__init__.py", "PILLE/deep.py"]),
        ("fake.single", "4", ["fakesingle.py"]),
        ("fakespace-one", "5", ["fakespace/one/__init__.py"]),
        ("fakespace-two", "6", ["fakespace/two/__init__.py"]),
    ]:
        install(site, name, version, files)
    monkeypatch.syspath_prepend(str(site))
    monkeypatch.syspath_prepend(str(tmp_path / "src"))
    before = set(sys.modules)

    def run(imports: str, use: str, requirements: str | None = None) -> CodeHash:
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]
        importlib.invalidate_caches()
        source = tmp_path / "src/libuser.py"
        source.parent.mkdir(exist_ok=True)
        source.write_text(f"{imports}\nclass T:\n    def run(self):\n        {use}\n")
        path = tmp_path / "requirements.txt"
        if requirements is not None:
            path.write_text(requirements)
        luisy.Config().set_param(
            "requirements_path", str(path) if requirements is not None else None
        )
        return hash_class(importlib.import_module("libuser").T)

    yield run
    luisy.Config().set_param("requirements_path", None)
    for name in set(sys.modules) - before:
        sys.modules.pop(name, None)


def install(site: Path, name: str, version: str, files: list[str]) -> None:
    for file in files:
        path = site / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("def f(): pass\n")
    info = site / f"{name}-{version}.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    (info / "RECORD").write_text(
        "".join(f"{file},,\n" for file in [*files, f"{info.name}/METADATA"])
    )


def libraries(code: CodeHash) -> dict[str, str]:
    return {part: value for part, value in code.parts.items() if part.startswith("library:")}


@pytest.mark.parametrize(
    ("imports", "use", "expected"),
    [
        ("import fakelib", "fakelib.f()", {"library:fakelib": "1.2"}),
        ("import fakelib as f", "f.f()", {"library:fakelib": "1.2"}),
        ("from fakelib import f", "f()", {"library:fakelib": "1.2"}),
        ("", "import fakelib", {"library:fakelib": "1.2"}),
        ("import PILLE.deep", "PILLE.deep.f()", {"library:fake-imaging": "3.0"}),
        ("import fakesingle", "fakesingle.f()", {"library:fake-single": "4"}),
        ("from fakespace import one", "one.f()", {"library:fakespace-one": "5"}),
        ("import fakespace.two", "fakespace.two.f()", {"library:fakespace-two": "6"}),
        ("from fakespace.two import f", "f()", {"library:fakespace-two": "6"}),
        ("from fakelib import *", "f()", {"library:fakelib": "1.2"}),
        ("import fakelib, fakesingle", "fakesingle.f()", {"library:fake-single": "4"}),
        (
            "try:\n    import absent\nexcept ImportError:\n    absent = None",
            "absent",
            {"library:absent": "not installed"},
        ),
        ("import fakelib\nx = fakelib.f()", "x", {"library:fakelib": "1.2"}),
        ("import json, os.path, sys", "json, os, sys", {}),
        ("import luisy, luisy_protocol, luigi", "luisy.raw, luisy_protocol, luigi.Task", {}),
        ("import importlib", "importlib.import_module('fakelib').f()", {"library:fakelib": "1.2"}),
    ],
)
def test_library_counts_by_its_installed_version(
    imports: str, use: str, expected: dict[str, str], hash_of: Hash
) -> None:
    assert libraries(hash_of(imports, use)) == expected


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("fakelib==9.1", "9.1"),
        ("FakeLib == 9.1  # pinned", "9.1"),
        ("fakelib===9.1", "9.1"),
        ("fakelib==9.*", "==9.*"),
        ("fakelib>=9, <10", "<10,>=9"),
        ("fakelib<10,>=9", "<10,>=9"),
        ("fakelib~=9.1", "~=9.1"),
        ("fakelib[b, a]==9.1", "9.1 [a,b]"),
        ("fakelib==9.1; python_version  < '4'", "9.1 ; python_version < '4'"),
        ("fakelib==9.1 \\\n    --hash=sha256:0123 \\\n    --hash=sha256:4567", "9.1"),
        ("fakelib @ https://example.org/a,b.zip", "@https://example.org/a,b.zip"),
        ("fakelib", "1.2"),
        ("other==3", "1.2"),
        ("# fakelib==9", "1.2"),
        ("--index-url https://example.org\nfakelib==9.1", "9.1"),
        ("fakelib==1; python_version<'3.12'\nfakelib==2; python_version>='3.12'", "1 ; python_version<'3.12' or 2 ; python_version>='3.12'"),
    ],
)  # fmt: skip
def test_requirements_line_decides(line: str, expected: str, hash_of: Hash) -> None:
    code = hash_of("import fakelib", "fakelib.f()", line)

    assert libraries(code) == {"library:fakelib": expected}
    assert code.sources["library:fakelib"] == f"fakelib {expected}\n"


def test_hash_changes_with_the_version_and_only_with_that_of_a_used_library(hash_of: Hash) -> None:
    digests = [
        hash_of("import fakelib", "fakelib.f()", lines).digest
        for lines in ("fakelib==1.2\nnumpy==1", "fakelib==1.2\nnumpy==2", "fakelib==1.3\nnumpy==2")
    ]

    assert digests[0] == digests[1] != digests[2]
    assert digests[0] == hash_of("import fakelib", "fakelib.f()").digest


def test_hash_changes_when_another_version_is_installed(hash_of: Hash, tmp_path: Path) -> None:
    before = hash_of("import fakelib", "fakelib.f()")
    site = tmp_path / "lib/site-packages"
    (site / "fakelib-1.2.dist-info").rename(site / "fakelib-1.3.dist-info")
    metadata = site / "fakelib-1.3.dist-info/METADATA"
    metadata.write_text(metadata.read_text().replace("1.2", "1.3"))
    after = hash_of("import fakelib", "fakelib.f()", "")

    assert libraries(before) == {"library:fakelib": "1.2"}
    assert libraries(after) == {"library:fakelib": "1.3"}


def test_included_files_are_read(tmp_path: Path) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "all.txt").write_text("-r more/a.txt\n--constraint more/b.txt\nc==3\n")
    (tmp_path / "more/a.txt").write_text("a==1\n-r ../all.txt\n")
    (tmp_path / "more/b.txt").write_text("b==2\n")

    assert read_requirements(tmp_path / "all.txt") == {"a": "1", "b": "2", "c": "3"}


def test_missing_requirements_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"the requirements file .*none\.txt cannot be read"
    ):
        read_requirements(tmp_path / "none.txt")
