"""The default file name of an output: the task's family and its significant parameters.

The plain form is that of luisy 1.4: ``Family_a=1_b=some_text``, parameters sorted by name, a list's
elements joined by ``_``. It is kept wherever it is safe, so that files are found under the names
that they have. It is not safe when two different values would share a name, or when a file system
could not hold it. Then the value is shortened to a readable form and gets ``-`` and 16 digits of
the SHA-256 of its serialised form. That happens to

- text with a separator, white space, ``= : * ? " < > |`` or a control character,
- text that Unicode would write in another way, too (its NFC form differs),
- text with a capital letter, which Windows and macOS do not tell from the small one,
- text that ends in a dot, or that looks as if it had such digits already,
- the text ``None`` where no value is written in the same way,
- dictionaries, nested lists, and lists with an element that joining would hide.

A whole name of more than 220 bytes is cut and gets the digits of the whole. A name that Windows
keeps for a device (``Con``, ``nul.x``) gets them, too. An external output was named by a person,
who knows nothing of digits: it always has the plain form.

Known limit: values are told apart by what luigi's parameters serialise, as luigi's own task ids
are.
"""

from __future__ import annotations

import datetime
import hashlib
import numbers
import re
import unicodedata
from collections.abc import Iterable
from enum import Enum

import luigi
from luigi.date_interval import Custom, Date, DateInterval, Month, Week, Year

MAX_BYTES = 220
_DIGITS = 16
_UNSAFE = re.compile(r'[\s<>:"/\\|?*=\x00-\x1f\x7f-\x9f]')
_MARKED = re.compile(rf"-[0-9a-f]{{{_DIGITS}}}$")
_NUMBER = re.compile(r"[-+]?(\d[\d_]*\.?\d*(e[-+]?\d+)?|\.\d+|inf|nan)", re.IGNORECASE)
_DEVICE = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
_WORDS = {"true": "True", "false": "False", "none": "None"}
_SCALARS = (numbers.Number, datetime.date, datetime.time, datetime.timedelta, Enum, type(None))

Named = Iterable[tuple[str, luigi.Parameter[object], object]]


def file_name(family: str, parameters: Named, *, nested: bool = False) -> str:
    """Return the file name, without ending, for a task of `family` with these parameters.

    Args:
        family: The task family.
        parameters: The name, the parameter and the value of each, sorted by name.
        nested: Whether a parameter may be left out whose name is the end of another one's, so that
            ``_`` in a text could hide where the next name begins.
    """
    parts = [family]
    for name, parameter, value in parameters:
        parts.append(f"_{name}={_value(parameter, value, nested=nested)}")
    name = "".join(parts)
    if len(name.encode()) > MAX_BYTES:
        return f"{_cut(name, 200)}-{_digits(name)}"
    if _DEVICE.fullmatch(name):
        device, dot, rest = name.partition(".")
        return f"{device}-{_digits(name)}{dot}{rest}"
    return name


def plain_file_name(family: str, parameters: Named) -> str:
    """Return the file name that luisy 1.4 gave, however unsafe."""
    return family + "".join(f"_{name}={plain(value)}" for name, _, value in parameters)


def plain(value: object) -> str:
    """Return a value as luisy 1.4 wrote it in file names."""
    if isinstance(value, Iterable) and not isinstance(value, str):
        return "_".join(plain(element) for element in value)
    return str(value).replace(" ", "_").replace("/", "_")


def _value(parameter: luigi.Parameter[object], value: object, *, nested: bool) -> str:
    if type(value) is int:  # most are, and the general way is a long one
        return str(value)
    shown = plain(value)
    if _is_ordinary(parameter, value) and not (nested and "_" in shown):
        return shown
    serialised = parameter.serialize(value)
    readable = re.sub(r"[^\w.,+-]+", "_", unicodedata.normalize("NFC", shown))
    return f"{_cut(readable, 40).strip('._')}-{_digits(serialised)}"


def _is_ordinary(parameter: luigi.Parameter[object], value: object) -> bool:
    if isinstance(value, str):
        return _is_ordinary_text(value) and (value != "None" or not _hides_none(parameter))
    if isinstance(value, DateInterval):
        return not _looks_like_another(value)
    if isinstance(value, tuple | list):
        return all(_is_ordinary_element(element) for element in value)
    if isinstance(value, _SCALARS):
        return not _UNSAFE.search(str(value))
    return not isinstance(value, Iterable) and _is_ordinary_text(str(value))


def _is_ordinary_text(text: str) -> bool:
    if text.casefold() in _WORDS:
        return text == _WORDS[text.casefold()]
    return (
        text.casefold() == text
        and text.isprintable()
        and unicodedata.is_normalized("NFC", text)
        and not text.endswith(".")
        and not _UNSAFE.search(text)
        and not _MARKED.search(text)
    )


def _is_ordinary_element(element: object) -> bool:
    if isinstance(element, _SCALARS):
        return not _UNSAFE.search(str(element))
    return (
        isinstance(element, str)
        and element != ""
        and "_" not in element
        and element.casefold() not in _WORDS
        and not _NUMBER.fullmatch(element)
        and _is_ordinary_text(element)
    )


def _hides_none(parameter: luigi.Parameter[object]) -> bool:
    """Tell whether the parameter tells no value from the text ``None``."""
    try:
        return bool(parameter.serialize(None) != "None")
    except (TypeError, ValueError, AttributeError):
        return False


def _looks_like_another(interval: DateInterval) -> bool:
    """Tell whether the days of a custom interval are those of a day, a week, a month or a year."""
    if not isinstance(interval, Custom):
        return False
    day = interval.date_a
    named = [Date.from_date(day), Week.from_date(day), Month.from_date(day), Year.from_date(day)]
    return any(interval.dates() == other.dates() for other in named)


def _cut(text: str, size: int) -> str:
    return text.encode(errors="ignore")[:size].decode(errors="ignore")


def _digits(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:_DIGITS]
