"""The hash of a task instance, from values only.

It covers the digest of the code of its class, its significant parameters and the hash of each
instance that it requires, by the key of that instance's output. The encoding is JSON with sorted
members, which no two different inputs share; the requirements are sorted, for their order is of
no meaning. The form is versioned: a new one makes every output outdated.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from luisy.hashing.closure import CodeHash

_HEAD = b"luisy instance 1\n"
_encode = json.JSONEncoder().encode


def hash_instance(
    code: CodeHash, *, parameters: Mapping[str, str], requires: Sequence[tuple[str, str]]
) -> str:
    """Hash one task instance.

    Args:
        code: The hash of its class's code.
        parameters: Its significant parameters, serialised, by name.
        requires: The key of the output of each required instance, and that instance's hash.

    Returns:
        64 hexadecimal digits.
    """
    text = _encode([code.digest, sorted(parameters.items()), sorted(requires)])
    return hashlib.sha256(_HEAD + text.encode("ascii")).hexdigest()
