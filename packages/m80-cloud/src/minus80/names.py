"""The names of datasets: ``<dtype>.<name>``, the same on disk and in the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterable
from difflib import get_close_matches

from luisy_protocol.errors import ConfigurationError

MAX_BYTES = 200
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_SURROGATE = re.compile(r"[\ud800-\udfff]")
_DTYPE = re.compile(r"[^\W\d]\w*")


def slug_of(name: str, dtype: str) -> str:
    """Return ``<dtype>.<name>`` for a valid name and dtype.

    Raises:
        ConfigurationError: If one of them is not valid.
    """
    return f"{valid_dtype(dtype)}.{valid_name(name)}"


def split_slug(slug: str) -> tuple[str, str] | None:
    """Return the dtype and the name in a slug, or None if it is not one."""
    dtype, dot, name = slug.partition(".")
    try:
        return (valid_dtype(dtype), valid_name(name)) if dot else None
    except ConfigurationError:
        return None


def valid_name(name: str, *, what: str = "dataset name") -> str:
    """Return `name` if a dataset, a tag or a raw file may have it.

    Raises:
        ConfigurationError: If it may not; the message says why.
    """
    reason = _reason_against(name)
    if reason:
        raise ConfigurationError(f"{name!r} cannot be a {what}: {reason}")
    return name


def valid_dtype(dtype: str) -> str:
    """Return `dtype` if it reads like the name of a class.

    Raises:
        ConfigurationError: If it does not.
    """
    reason = _reason_against(dtype)
    if not reason and not _DTYPE.fullmatch(dtype):
        reason = "it must be letters, digits and '_', such as Cohort or fastq"
    if reason:
        raise ConfigurationError(f"{dtype!r} cannot be a dtype: {reason}")
    return dtype


def suggestion(wanted: str, known: Iterable[str]) -> str:
    """Return the nearest known names as the end of a sentence, or nothing if none is near."""
    by_lower = {name.lower(): name for name in sorted(known)}
    near = get_close_matches(wanted.lower(), by_lower, n=3, cutoff=0.6)
    near = near or [name for name in by_lower if name.endswith(f" {wanted.lower()}")]
    return f"; did you mean {' or '.join(by_lower[name] for name in near)}?" if near else ""


def nearest(slug: str, known: Iterable[str]) -> str:
    """Return the datasets that may have been meant as the end of a sentence, or nothing."""
    dtype, _, name = slug.partition(".")
    pairs = {pair for other in known if (pair := split_slug(other))}
    if (name, dtype) in pairs:
        return f"; did you mean the {name} '{dtype}'? The name comes first, then the dtype"
    near = suggestion(name, (other for kind, other in pairs if kind == dtype))
    return near or suggestion(name, (f"{kind} {other}" for kind, other in pairs if other == name))


def _reason_against(name: object) -> str:
    if not isinstance(name, str):
        return f"it is {type(name).__name__}, not text"
    reasons = {
        "it is empty": not name.strip(),
        "it has a slash": "/" in name or "\\" in name,
        "it has '..'": ".." in name,
        "it is '.'": name == ".",
        "it has a control character": _CONTROL.search(name),
        "it is not valid Unicode text": _SURROGATE.search(name),
        f"it is longer than {MAX_BYTES} bytes": len(name.encode(errors="replace")) > MAX_BYTES,
    }
    return next((reason for reason, applies in reasons.items() if applies), "")
