"""Luisy tasks whose output is a directory of many files."""

from luisy_dirs.decorators import directory_output, make_directory_output
from luisy_dirs.errors import FileFailed, NameClash
from luisy_dirs.files import Files
from luisy_dirs.targets import DirectoryTarget, SourceTarget

__all__ = [
    "DirectoryTarget",
    "FileFailed",
    "Files",
    "NameClash",
    "SourceTarget",
    "directory_output",
    "make_directory_output",
]
