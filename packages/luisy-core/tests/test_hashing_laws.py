"""Laws: the hash ignores layout, comments and what is not reached, but no change of meaning."""

from __future__ import annotations

import ast
import importlib
import itertools
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from luisy.hashing import CodeHash, hash_class
from luisy.hashing.canonical import canonical_bytes

NAMES = st.sampled_from(["alpha", "beta", "gamma", "delta", "len", "__scale__"])
CONSTANTS = st.one_of(
    st.integers(-5, 2**70),
    st.text(max_size=5),
    st.binary(max_size=3),
    st.floats(allow_nan=False, allow_infinity=False),
    st.booleans(),
    st.none(),
)
FORMS = st.sampled_from(
    [
        "return {0}({1!r})",
        "return [{0}(x) for x in ({1!r},)]",
        "y = {1!r}\nreturn lambda z: {0}(z, y)",
        "try:\n    return {0}\nexcept ValueError as {0}x:\n    return {1!r}",
        "match {1!r}:\n    case [a, b]:\n        return {0}(a)",
        "if (n := {1!r}):\n    return {0}(n)",
        "def inner():\n    nonlocal y\n    y = {0}\n    return y\ny = {1!r}\nreturn inner()",
        "import json as {0}y\nreturn {0}({0}y, {1!r})",
    ]
)


@dataclass(frozen=True)
class Function:
    name: str
    called: str
    constant: object
    form: str
    default: object

    def source(self) -> str:
        body = self.form.format(self.called, self.constant).replace("\n", "\n    ")
        return f"def {self.name}(x={self.default!r}, *args):\n    {body}\n"


FUNCTIONS = st.lists(
    st.builds(Function, NAMES, NAMES, CONSTANTS, FORMS, CONSTANTS),
    min_size=1,
    max_size=5,
    unique_by=lambda function: function.name,
)
TASK = "class T:\n    z = 1\n\n    def run(self):\n        return {0}()\n"

counter = itertools.count()
pytestmark = pytest.mark.filterwarnings("ignore::SyntaxWarning")
law = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def hash_of(folder: Path, parts: list[str]) -> CodeHash:
    """Write a module of some definitions, import it, and hash its class."""
    place = folder / str(next(counter))
    place.mkdir()
    (place / "lawful.py").write_text("\n".join(parts), encoding="utf-8")
    sys.modules.pop("lawful", None)
    sys.path.insert(0, str(place))
    try:
        importlib.invalidate_caches()
        return hash_class(importlib.import_module("lawful").T)
    finally:
        sys.path.remove(str(place))
        sys.modules.pop("lawful", None)


def reached(functions: list[Function]) -> set[str]:
    table = {function.name: function.called for function in functions}
    name, found = functions[0].name, set()
    while name in table and name not in found:
        found.add(name)
        name = table[name]
    return found


def modules(functions: list[Function]) -> list[str]:
    return [*(function.source() for function in functions), TASK.format(functions[0].name)]


def laid_out(source: str, draw: st.DataObject) -> str:
    """Write code in another layout, with comments, blank lines and docstrings."""
    if draw.draw(st.booleans()):
        source = ast.unparse(ast.parse(source)) + "\n"
    lines = []
    for number, line in enumerate(source.splitlines()):
        lines.append(line + draw.draw(st.sampled_from(["", "  # why", "   "])))
        if number == 0 and draw.draw(st.booleans()):
            indent = "    "
            lines.append(f'{indent}"""Doc: {draw.draw(st.sampled_from(["one", "two"]))}."""')
        lines += draw.draw(st.sampled_from([[], [""], ["", "# note", ""]]))
    return "\n".join(lines) + "\n"


@law
@given(FUNCTIONS, st.data())
def test_layout_comments_and_order_do_not_count(
    tmp_path: Path, functions: list[Function], data: st.DataObject
) -> None:
    plain = modules(functions)
    other = data.draw(st.permutations([laid_out(source, data) for source in plain]))

    assert dict(hash_of(tmp_path, plain).parts) == dict(hash_of(tmp_path, other).parts)


@law
@given(FUNCTIONS, st.data())
def test_parts_are_what_is_reached_and_each_change_counts_where_it_is(
    tmp_path: Path, functions: list[Function], data: st.DataObject
) -> None:
    changed = data.draw(st.sampled_from(functions))
    field = data.draw(st.sampled_from(["constant", "default"]))
    value = data.draw(CONSTANTS.filter(lambda item: repr(item) != repr(getattr(changed, field))))
    after = [
        Function(**{**vars(function), field: value}) if function is changed else function
        for function in functions
    ]
    one, two = hash_of(tmp_path, modules(functions)), hash_of(tmp_path, modules(after))
    differing = {part for part in one.parts if one.parts[part] != two.parts[part]}
    labels = {f"lawful.py:{name}" for name in reached(functions)} | {"lawful.py:T"}

    assert set(one.parts) == labels
    assert differing == labels & {f"lawful.py:{changed.name}"}
    assert (one.digest != two.digest) is bool(differing)


@law
@given(CONSTANTS, CONSTANTS)
def test_canonical_form_of_constants_tells_them_apart(one: object, two: object) -> None:
    forms = [canonical_bytes(ast.parse(f"x = {value!r}").body) for value in (one, two)]

    assert (forms[0] == forms[1]) is (repr(one) == repr(two))


@law
@given(st.text(max_size=8), st.text(max_size=8), st.integers(0, 8))
def test_canonical_form_joins_strings(one: str, two: str, cut: int) -> None:
    text = one + two
    joined = f"x = {text!r}"
    apart = f"x = {text[:cut]!r} {text[cut:]!r}"

    assert canonical_bytes(ast.parse(joined).body) == canonical_bytes(ast.parse(apart).body)
