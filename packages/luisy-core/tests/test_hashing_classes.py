# ruff: noqa: E501 - sources of small projects, as one line each
"""Where classes come from: modules, scripts, functions that make them, installed packages; and what is told of them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable, Iterator
from pathlib import Path
from types import ModuleType

import luisy
import pytest
from luisy.hashing import CodeHash, hash_class, hash_instance, reads_files
from luisy_protocol.errors import ConfigurationError

Load = Callable[..., ModuleType]


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Load]:
    """Write the files of a project into a folder on the path and import a module of it."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("LUISY_REQUIREMENTS_PATH", raising=False)
    monkeypatch.syspath_prepend(str(tmp_path))
    before = set(sys.modules)

    def run(module: str = "shop", **files: str) -> ModuleType:
        for name in set(sys.modules) - before:
            if (getattr(sys.modules[name], "__file__", None) or "").startswith(str(tmp_path)):
                del sys.modules[name]
        for name, text in files.items():
            path = tmp_path / name.replace("__", "/").replace("/init/", "__init__").replace(
                "_py", ".py"
            )
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        importlib.invalidate_caches()
        return importlib.import_module(module)

    yield run
    for name in set(sys.modules) - before:
        sys.modules.pop(name, None)


def test_parts_are_named_by_path_and_name(load: Load) -> None:
    code = hash_class(
        load(shop_py="A = 1\ndef f(): return A\nclass T:\n    def run(self): return f()\n").T
    )

    assert list(code.parts) == ["shop.py:A", "shop.py:T", "shop.py:f"]
    assert all(len(digest) == 64 for digest in [code.digest, *code.parts.values()])


def test_reached_from_tells_the_chain(load: Load) -> None:
    code = hash_class(
        load(shop_py="A = 1\ndef f(): return A\nclass T:\n    def run(self): return f()\n").T
    )

    assert code.reached_from == {
        "shop.py:T": "",
        "shop.py:f": "shop.py:T",
        "shop.py:A": "shop.py:f",
    }


def test_sources_are_as_written_without_comments_and_docstrings(load: Load) -> None:
    text = '''
        class T:
            """Doc."""

            text = "# no comment"  # a comment

            def run(self):
                """Doc."""
                return {
                    "a": 0x10,  # why
                }
    '''
    code = hash_class(load(shop_py=text).T)

    assert code.sources["shop.py:T"] == textwrap.dedent("""\
        class T:
            text = "# no comment"
            def run(self):
                return {
                    "a": 0x10,
                }
        """)
    assert dict(code.sources).keys() == code.parts.keys()


def test_digest_differs_for_classes_of_one_part(load: Load) -> None:
    module = load(shop_py="class Outer:\n    class A: pass\n    class B: pass\n")

    assert hash_class(module.Outer.A).parts == hash_class(module.Outer.B).parts
    assert hash_class(module.Outer.A).digest != hash_class(module.Outer.B).digest


def test_hash_is_kept_until_the_module_is_reloaded(load: Load, tmp_path: Path) -> None:
    module = load(shop_py="class T:\n    a = 1\n")
    first = hash_class(module.T)
    (tmp_path / "shop.py").write_text("class T:\n    a = 2\n")

    assert hash_class(module.T) is first
    assert hash_class(importlib.reload(module).T).digest != first.digest


@pytest.mark.parametrize(
    ("expression", "line"),
    [
        ("getattr(shop, self.name)", 4),
        ("exec(self.name)", 4),
        ("globals()[self.name]", 4),
        ("__import__(self.name)", 4),
    ],
)
def test_unresolved_is_listed(expression: str, line: int, load: Load) -> None:
    module = load(
        shop_py=f"import shop\nclass T:\n    def run(self):\n        return {expression}\n"
    )
    (note, *_) = hash_class(module.T).unresolved

    assert (note.file, note.line) == ("shop.py", line)
    assert note.expression
    assert "shop" in note.taken


@pytest.mark.parametrize(
    "text",
    [
        "import_module('one'), import_module('two')",
        "import_module, import_module('two')",
        "machine.import_module('two')",
        "util.spec_from_file_location('two', 'two.py')",
    ],
    ids=["two names", "used and called", "through a module", "of a submodule"],
)
def test_each_module_that_a_method_imports_by_name_is_reached(text: str, load: Load) -> None:
    body = f"import machine\nfrom importlib import util\nfrom importlib import import_module\nclass T:\n    def run(self): return {text}\n"
    module = load(
        shop_py=body,
        machine_py="from importlib import import_module\n",
        one_py="A = 1\n",
        two_py="B = 1\n",
    )

    assert "two.py:B" in hash_class(module.T).parts


def test_nothing_is_unresolved_in_plain_code(load: Load) -> None:
    text = "import os, shop\nclass T:\n    def run(self):\n        return getattr(self, self.x), vars(self), shop.T\n"

    assert hash_class(load(shop_py=text).T).unresolved == ()


def test_class_without_source_is_refused() -> None:
    space: dict[str, object] = {"__name__": "nowhere"}
    exec("class T: pass", space)

    with pytest.raises(ConfigurationError, match="the source of T cannot be found"):
        hash_class(space["T"])


def made(load: Load, call: str, body: str = "return x") -> CodeHash:
    text = f"""
        def scale(v): return v * 2
        def shift(v): return v + 2
        def make(x, f=scale):
            class T:
                y = x
                def run(self):
                    {body}
            return T
        Made = {call}
    """
    return hash_class(load(shop_py=text).Made)


def test_class_made_by_a_function_depends_on_its_arguments(load: Load) -> None:
    assert made(load, "make(1)").digest == made(load, "make( 1)").digest
    assert made(load, "make(1)").digest != made(load, "make(2)").digest
    assert made(load, "make([1, {'a': 1}])").digest != made(load, "make([1, {'a': 2}])").digest


def test_class_made_by_a_function_reaches_the_functions_it_was_given(load: Load) -> None:
    code = made(load, "make(1, shift)", "return f(1)")

    assert "shop.py:shift" in code.parts


def test_class_made_inside_of_a_function_hashes_with_it() -> None:
    class Inner:
        pass

    parts = hash_class(Inner).parts

    assert any(
        part.endswith(":test_class_made_inside_of_a_function_hashes_with_it") for part in parts
    )


def test_class_bound_to_another_name_is_found(load: Load) -> None:
    code = hash_class(load(shop_py="T = type('Other', (), {'a': 1, '__module__': 'shop'})\n").T)

    assert list(code.parts) == ["shop.py:T"]


def test_task_that_type_makes_hashes_where_it_is_bound(load: Load) -> None:
    text = "import luigi\ndef run(self): return 1\nT = type('T', (luigi.Task,), {'run': run})\n"
    task = load(shop_py=text).T

    assert task.__module__ == "abc"  # so says its metaclass
    assert list(hash_class(task).parts) == ["shop.py:T", "shop.py:run"]


def test_luisys_own_classes_have_no_code_that_counts() -> None:
    assert hash_class(luisy.ExternalTask).parts == {}


def script(folder: Path, *arguments: str, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-W", "ignore", *arguments],
        cwd=folder, capture_output=True, text=True, check=True, env={**os.environ, **environment},
    )  # fmt: skip
    return done.stdout.strip()


SCRIPT = """
import luisy
from luisy.hashing import hash_class
from helper import scale

@luisy.interim
class T(luisy.Task):
    def run(self):
        return scale(FACTOR)

FACTOR = 2

if __name__ == "__main__":
    print(hash_class(T).digest)
"""


def test_script_hashes_as_when_imported(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SCRIPT)
    (tmp_path / "helper.py").write_text("def scale(x): return x\n")
    by_path = script(tmp_path, "job.py")
    imported = script(tmp_path, "-c", "import job; print(job.hash_class(job.T).digest)")

    assert (
        by_path
        == imported
        == script(tmp_path, "-m", "job")
        == script(tmp_path.parent, str(tmp_path / "job.py"))
    )


def test_script_in_a_package_hashes_as_when_imported(tmp_path: Path) -> None:
    package = tmp_path / "pack"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "job.py").write_text(SCRIPT.replace("from helper", "from pack.helper"))
    (package / "helper.py").write_text("def scale(x): return x\n")
    by_path = script(tmp_path, "pack/job.py", PYTHONPATH=str(tmp_path))

    assert by_path == script(tmp_path, "-m", "pack.job")
    assert by_path == script(
        tmp_path, "-c", "import pack.job as j; print(j.hash_class(j.T).digest)"
    )


def test_script_changes_with_what_its_main_block_sets(tmp_path: Path) -> None:
    job = tmp_path / "job.py"
    (tmp_path / "helper.py").write_text("def scale(x): return x\n")
    digests = set()
    for value in (3, 4, 4):
        job.write_text(SCRIPT.replace('"__main__":\n', f'"__main__":\n    FACTOR = {value}\n'))
        digests.add(script(tmp_path, "job.py"))

    assert len(digests) == 2
    # It is not carried out when the script is imported: that is other code.
    assert script(tmp_path, "-c", "import job; print(job.hash_class(job.T).digest)") not in digests


def test_script_reaches_its_helpers(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text(SCRIPT)
    digests = []
    for body in ("return x", "return x  # same", "return -x"):
        (tmp_path / "helper.py").write_text(f"def scale(x): {body}\n")
        digests.append(script(tmp_path, "job.py"))

    assert digests[0] == digests[1] != digests[2]


@pytest.mark.parametrize(
    "encode",
    [
        lambda text: text.encode(),
        lambda text: text.replace("\n", "\r\n").encode(),
        lambda text: b"\xef\xbb\xbf" + text.encode(),
        lambda text: ("# -*- coding: latin-1 -*-\n" + text).encode("latin-1"),
    ],
    ids=["unix", "windows", "byte order mark", "latin-1"],
)
def test_encoding_and_newlines_do_not_count(encode: Callable[[str], bytes], tmp_path: Path) -> None:
    text = "class T:\n    a = 'ä' '''x\ny'''\nfrom luisy.hashing import hash_class\nprint(hash_class(T).digest)\n"
    (tmp_path / "plain.py").write_bytes(text.encode())
    expected = script(tmp_path, "plain.py")
    (tmp_path / "plain.py").write_bytes(encode(text))

    assert script(tmp_path, "plain.py") == expected


def test_order_of_imports_in_the_process_does_not_count(load: Load) -> None:
    files = {
        "pack____init___py": "",
        "pack__a_py": "from . import b\ndef f(): return b.g()\n",
        "pack__b_py": "from . import a\nR = {}\ndef g(): return R, a\n",
        "pack__c_py": "from .b import R\nR['c'] = 1\n",
        "pack__t_py": "from . import a, c\nclass T:\n    def run(self): return a.f()\n",
    }
    one = hash_class(load("pack.t", **files).T)
    load("pack.c", **files)
    two = hash_class(importlib.import_module("pack.t").T)

    assert "pack/c.py:R" in one.parts
    assert dict(one.parts) == dict(two.parts)


def test_deep_code_does_not_overflow(load: Load) -> None:
    long_sum = " + ".join(f"x{number % 7}" for number in range(900))
    chain = "\n".join(f"def f{number}(): return f{number + 1}()" for number in range(3000))
    text = f"{chain}\ndef f3000(*x0): return 1\nclass T:\n    def run(self, x0, x1, x2, x3, x4, x5, x6):\n        f0()\n        return {long_sum}\n"

    assert len(hash_class(load(shop_py=text).T).parts) == 3002


# --- data files


def test_declared_file_counts_by_its_content(load: Load, tmp_path: Path) -> None:
    text = """
        import luisy
        @luisy.reads_files("data/*.csv", "one.json")
        def read(): return open("one.json")
        class T:
            def run(self): return read()
    """
    (tmp_path / "data").mkdir()
    (tmp_path / "data/a.csv").write_text("1")
    (tmp_path / "one.json").write_text("{}")
    module = load(shop_py=text)
    before = hash_class(module.T)
    (tmp_path / "data/a.csv").write_text("22")
    changed = hash_class(module.T)
    (tmp_path / "data/b.csv").write_text("3")
    added = hash_class(load(shop_py=text).T)

    assert list(before.parts)[:2] == ["file:data/a.csv", "file:one.json"]
    assert before.sources["file:one.json"] == "{}"
    assert before.reached_from["file:one.json"] == "shop.py:read"
    assert len({before.digest, changed.digest, added.digest}) == 3


def test_declared_file_on_a_task_is_found_in_its_package(load: Load, tmp_path: Path) -> None:
    (tmp_path / "pack").mkdir()
    (tmp_path / "pack/data.json").write_text("{}")
    text = "from luisy import reads_files as r\nimport luisy\n@luisy.raw\n@luisy.reads_files('data.json')\nclass T(luisy.Task): pass\n"
    code = hash_class(load("pack.t", pack____init___py="", pack__t_py=text).T)

    assert "file:pack/data.json" in code.parts


def test_declared_file_that_is_missing_is_named(load: Load) -> None:
    module = load(shop_py="import luisy\n@luisy.reads_files('none.csv')\nclass T: pass\n")

    with pytest.raises(
        ConfigurationError, match=r"shop\.py, line 2: reads_files\('none\.csv'\) matches no file"
    ):
        hash_class(module.T)


def test_declared_file_must_be_a_plain_string(load: Load) -> None:
    module = load(shop_py="import luisy\nN = 'a'\n@luisy.reads_files(N)\nclass T: pass\n")

    with pytest.raises(ConfigurationError, match="takes plain strings, not N"):
        hash_class(module.T)
    with pytest.raises(TypeError, match="one or more paths"):
        reads_files()


_DECLARE = "(declare the file with luisy.reads_files)"


@pytest.mark.parametrize(
    "text",
    [
        "open(Path(__file__).parent / 'a.csv')",
        "open(shop.__file__)",
        "files('shop').joinpath('a.csv')",
        "resources.files(shop)",
        "importlib.resources.read_text('shop', 'a.csv')",
        "pkgutil.get_data('shop', 'a.csv')",
        "inspect.getfile(shop.T)",
        "exec(open('tool.py').read())",
        "exec(Path('tool.py').read_text())",
        "runpy.run_path('tool.py')",
        "subprocess.run([sys.executable, TOOL])",
        "subprocess.run('python tool.py', shell=True)",
        "os.system('sh tool.sh')",
    ],
)
@pytest.mark.parametrize("is_declared", [False, True], ids=["bare", "declared"])
def test_file_of_the_project_is_listed_unless_declared(
    text: str, is_declared: bool, load: Load, tmp_path: Path
) -> None:
    (tmp_path / "a.csv").write_text("1")
    imports = (
        "import importlib.resources, inspect, os, pkgutil, runpy, subprocess, sys, luisy, shop\n"
        "from importlib import resources\nfrom importlib.resources import files\n"
        "from pathlib import Path\nTOOL = 'tool.py'\n"
    )
    decorator = "@luisy.reads_files('a.csv')\n" if is_declared else ""
    body = (
        f"def read():\n    return {text}\n{decorator}class T:\n    def run(self): return read()\n"
    )
    module = load(shop_py=imports + body)
    notes = [note for note in hash_class(module.T).unresolved if note.taken.endswith(_DECLARE)]

    assert [(note.file, note.line) for note in notes] == ([] if is_declared else [("shop.py", 7)])


@pytest.mark.parametrize(
    "text",
    [
        "inspect.signature(shop.T)",
        "files('luigi').joinpath('a.csv')",
        "os.__file__",
        "subprocess.run(['ls', '-l'])",
        "runpy.__name__",
        "__name__",
    ],
)
def test_file_that_is_not_of_the_project_is_not_listed(text: str, load: Load) -> None:
    imports = "import inspect, os, runpy, subprocess, shop\nfrom importlib.resources import files\n"
    module = load(shop_py=f"{imports}class T:\n    def run(self): return {text}\n")

    assert hash_class(module.T).unresolved == ()


def test_path_of_the_module_is_listed_where_it_is_bound(load: Load, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("1")
    text = """
        import luisy
        HERE = __file__
        class T:
            def run(self): return HERE
        @luisy.reads_files("a.csv")
        class Declared(T):
            pass
        class Other: pass
    """
    module = load(shop_py=text)
    (note,) = hash_class(module.T).unresolved

    assert (note.line, note.expression) == (3, "__file__")
    assert hash_class(module.Declared).unresolved == ()
    assert hash_class(module.Other).unresolved == ()


# --- instances


def test_instance_depends_on_code_parameters_and_requirements() -> None:
    def digest(
        code: str = "a", parameters: dict[str, str] | None = None, *requires: tuple[str, str]
    ) -> str:
        return hash_instance(
            CodeHash(code, {}, {}, {}), parameters=parameters or {}, requires=requires
        )

    digests = [
        digest(),
        digest("b"),
        digest("a", {"n": "1"}),
        digest("a", {"n": "2"}),
        digest("a", {"n": "1", "m": "2"}),
        digest("a", {"n1": "m2"}),
        digest("a", {}, ("n", "1")),
        digest("a", {}, ("n", "1"), ("m", "2")),
        digest("a", {}, ("n", '1", "m')),
    ]

    assert len(set(digests)) == len(digests)


def test_instance_does_not_depend_on_order() -> None:
    code = CodeHash("a", {}, {}, {})
    one = hash_instance(code, parameters={"a": "1", "b": "2"}, requires=[("x", "1"), ("y", "2")])
    two = hash_instance(code, parameters={"b": "2", "a": "1"}, requires=[("y", "2"), ("x", "1")])

    assert one == two
