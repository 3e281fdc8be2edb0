# ruff: noqa: E501 - the project is as it is
"""The same code has the same hash on every Python, everywhere: golden values, asserted on what is installed."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import luisy.hashing
import luisy_protocol
import pytest
from luisy.hashing import CodeHash, hash_instance

# The packages are imported without their __init__, for that needs libraries which an interpreter may lack.
PROGRAM = """
import json, sys, types
sys.dont_write_bytecode = True
for name, folder in zip(("luisy", "luisy_protocol"), sys.argv[1:]):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__path__ = [folder]
from luisy.hashing import hash_class
import golden.tasks
code = hash_class(golden.tasks.Everything)
print(json.dumps({"digest": code.digest, "parts": dict(code.parts)}))
"""

PROJECT = {
    "golden/__init__.py": "from .shapes import area as surface\n",
    "golden/data.csv": "a,b\n1,2\n",
    "golden/shapes.py": '''
"""Shapes."""
import math
from dataclasses import dataclass
from enum import Enum

PI: float = math.pi
LIMITS = {"small": 1, "large": 1_000}
LIMITS["huge"] = 10 ** 6
SCALES = [scale * 0.5 for scale in range(3)]
TEXT = "a\\tb \\u00e4\\u20ac\\U0001F600" 'c' r"\\d" """x
y"""
RAW = b"\\x00\\xff"
COMPLEX, BIG, TINY = 1j, 2 ** 70 + 0xFFFFFFFFFFFFFFFFFFFFFFFF, 1e-320


class Colour(Enum):
    RED = 1
    BLUE = "blue"


@dataclass(frozen=True)
class Point:
    """A point."""

    x: float
    y: "float" = 0.0

    def norm(self) -> float:
        # Pythagoras
        return math.hypot(self.x, self.y)


def area(radius, /, *, factor=LIMITS["small"]):
    """Area."""
    try:
        return PI * radius ** 2 * factor
    except (TypeError, ValueError) as error:
        raise RuntimeError(f"no area of {radius!r:>{10 + 2}} {{}} {error=} {f'{PI:.2f}'}" "end") from error
    finally:
        pass
''',
    "golden/tasks.py": '''
from __future__ import annotations

import asyncio, json
from functools import wraps
from typing import TYPE_CHECKING

import golden
from golden import shapes as s
from . import surface
from .shapes import *

if TYPE_CHECKING:
    from typing import Any

reads = json
REGISTRY = {}


def register(name, *, twice=False):
    def keep(function):
        REGISTRY[name] = function
        return function
    return keep


@register("match")
def classify(command: Any, **options) -> str | None:
    match command:
        case [Point(x=0, y=y), *rest] if rest:
            return y
        case {"kind": "a" | "b" as kind, **others}:
            return kind, others
        case -1 | 2.5 | None | True:
            return "constant"
        case _:
            return None


async def gather(items):
    async with items as stream:
        async for item in stream:
            yield await item
    print([x async for x in stream if x])


def varied(*args, key=lambda a, *b, c=3, **d: (a, b, c, d), **options):
    global counter
    counter = 1
    total: int = 0
    while (line := next(iter(args), None)) and total < 3:
        total += len(line) if not line else -1
        if total == 2: continue
        elif total is not None: break
    else:
        del total
    with open("x") as a, open("y") as b:
        assert a, "message"
    *first, last = args[1:2:3], args[..., 0]
    def inner():
        nonlocal last
        last = {**options, "a": {1, 2, *first}}
        return (yield from inner())
    try:
        raise ValueError
    except* ValueError as group:
        print(group @ group, ~1, 5 // 2, 1 if args else 2, not args, args and first or last)
    return f"{args!s}" f"{key:{'>'}{10}}" f"plain", last


class Base:
    limit = 3

    def __init_subclass__(cls, **options):
        cls.options = options


class Everything(Base, extra=1):
    """All kinds of syntax."""

    field: int = 1
    colours = [colour for colour in Colour]

    class Inner:
        value = COMPLEX

    @property
    def size(self) -> int:
        return surface(self.limit, factor=BIG)

    @staticmethod
    def compute(x: np.ndarray):
        import numpy as np
        return np.mean(x) + golden.surface(TINY) + s.SCALES[0]

    def run(self):
        import os.path as osp, math
        print(TEXT, RAW, LIMITS, osp.sep, varied, gather, REGISTRY["match"])
        return getattr(s, "area")(1), sum(x for x in range(3)), self.run
''',
}

DIGEST = "a32880da94917cef96950cd2fcfbe258292c2b40393bce59fe06b336cf7d5132"


def interpreters() -> list[str]:
    """Find every supported Python: on PATH, and of pyenv."""
    names = [f"python3.{minor}" for minor in range(11, 20)]
    found = [path for name in names if (path := shutil.which(name))]
    root = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    found += [
        str(path)
        for path in root.glob("versions/3.*/bin/python")
        if int(path.parts[-3].split(".")[1]) >= 11
    ]
    versions = {}
    for path in [sys.executable, *found]:
        command = [
            path,
            "-c",
            "import sys; print(sys.version_info[:2] >= (3, 11), *sys.version_info[:3])",
        ]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        words = done.stdout.split()
        if words and words[0] == "True":
            versions.setdefault(".".join(words[1:]), path)
    return [versions[version] for version in sorted(versions)]


def hash_with(python: str, folder: Path, *, seed: str = "0") -> dict[str, object]:
    for name, text in PROJECT.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    requirements = folder / "requirements.txt"
    requirements.write_text("numpy==1.2.3\n")
    own = Path(luisy.hashing.__file__).parents[1]
    protocol = Path(luisy_protocol.__file__).parent
    done = subprocess.run(
        [python, "-c", PROGRAM, str(own), str(protocol)],
        env={"PYTHONPATH": str(folder), "PYTHONHASHSEED": seed,
             "LUISY_REQUIREMENTS_PATH": str(requirements), "PATH": os.environ["PATH"]},
        capture_output=True, text=True, check=False, cwd=folder,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    "python", interpreters(), ids=lambda path: path.replace(str(Path.home()), "~")
)
def test_hash_is_golden_on_every_python(python: str, tmp_path: Path) -> None:
    result = hash_with(python, tmp_path / "other")

    assert result["parts"] == hash_with(sys.executable, tmp_path / "own")["parts"]
    assert result["digest"] == DIGEST


def test_hash_is_the_same_for_every_hash_seed_and_place(tmp_path: Path) -> None:
    results = [hash_with(sys.executable, tmp_path / seed, seed=seed) for seed in ("1", "2", "77")]

    assert results[0] == results[1] == results[2]


def test_hash_instance_is_golden() -> None:
    code = CodeHash("c" * 64, {}, {}, {})
    digest = hash_instance(
        code, parameters={"b": "2", "a": "ä"}, requires=[("p/raw/y", "2"), ("p/raw/x", "1")]
    )

    assert digest == "152e3df71a94a68e9731355ed1b58434d63847db547758b804427647087e6f62"
