"""Code hashing: what a class's result depends on, found statically from source."""

from luisy.hashing.classes import hash_class
from luisy.hashing.closure import CodeHash
from luisy.hashing.files import reads_files
from luisy.hashing.instance import hash_instance
from luisy.hashing.unresolved import Unresolved

__all__ = ["CodeHash", "Unresolved", "hash_class", "hash_instance", "reads_files"]
