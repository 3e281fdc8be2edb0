"""Pipelines of directories: one task for all files, and one task for each."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import luisy
from luisy.decorators import make_directory_output


def read_bytes(path: str) -> bytes:
    """Read a file."""
    with open(path, "rb") as file:  # noqa: PTH123 - the fastest way
        return file.read()


def write_bytes(content: bytes, path: str) -> None:
    """Write a file."""
    with open(path, "wb") as file:  # noqa: PTH123
        file.write(content)


def digest(content: bytes) -> bytes:
    """Hash as often as the environment says, and return as much as there was."""
    for _ in range(int(os.environ.get("LUISY_BENCH_ROUNDS", "0"))):
        content = hashlib.sha256(content).digest() * (len(content) // 32)
    return content


@luisy.raw
@luisy.project_name("bench")
@make_directory_output(read_bytes)
class Files(luisy.ExternalTask):
    """The directory of files."""

    def get_folder_name(self) -> str:
        """Return its name."""
        return "files"


@luisy.interim
@luisy.project_name("bench")
@luisy.requires(Files)
@luisy.directory_output(write=write_bytes, read=read_bytes, suffix=".sha")
class Digests(luisy.Task):
    """A directory of as many files."""

    def process(self, path: str, content: bytes) -> bytes:  # noqa: ARG002 - the contract's
        """Make the content of one."""
        return digest(content)


@luisy.interim
@luisy.pickle_output
@luisy.project_name("bench")
class One(luisy.Task):
    """One file by a task of its own."""

    number = luisy.IntParameter()

    def run(self) -> None:
        """Read, hash, write."""
        folder = Path(self.get_outdir()).parent / "raw" / "files"
        self.write(digest(read_bytes(str(folder / f"{self.number:06}.dat"))))


@luisy.project_name("bench")
class All(luisy.WrapperTask):
    """As many tasks as there are files."""

    count = luisy.IntParameter()

    def requires(self) -> list[Any]:
        """Return them."""
        return [One(number=number) for number in range(self.count)]
