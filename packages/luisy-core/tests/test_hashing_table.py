# ruff: noqa: E501 - one row, one line
"""What changes the hash of a task, and what does not: for the task itself and for one downstream."""

from __future__ import annotations

import importlib
import itertools
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import SimpleNamespace

import pytest
from luisy.hashing import hash_class, hash_instance

BASE = {
    "proj/__init__.py": "",
    "proj/util.py": """
        def scale(x):
            return x * 2

        def unused(x):
            return x
        """,
    "proj/tasks.py": """
        {imports}
        import luigi
        import luigi.util

        {module}

        {decorators}
        class T({bases}):
        {attributes}
            def run(self):
        {run}

        @luigi.util.requires(T)
        class Down(luigi.Task):
            def run(self):
                return 1
        """,
}
Files = Mapping[str, str]


def dedent(text: str) -> str:
    lines = text.lstrip("\n").splitlines()
    margin = len(lines[0]) - len(lines[0].lstrip()) if lines else 0
    return "\n".join(line[margin:] for line in lines) + "\n"


def indent(text: str, by: int) -> str:
    return "\n".join(" " * by + line for line in text.splitlines())


def tasks(
    imports: str = "",
    module: str = "",
    run: str = "pass",
    *,
    decorators: str = "",
    bases: str = "luigi.Task",
    attributes: str = "",
) -> str:
    """Fill the template of the module of tasks."""
    return dedent(BASE["proj/tasks.py"]).format(
        imports=imports, module=module, run=indent(run, 8), decorators=decorators, bases=bases,
        attributes=indent(attributes, 4),
    )  # fmt: skip


@pytest.fixture
def hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Callable[[Files], SimpleNamespace]]:
    """Write a project into a new folder, import it, and hash its two tasks."""
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    monkeypatch.delenv("LUISY_REQUIREMENTS_PATH", raising=False)
    counter = itertools.count()

    def run(files: Files, *, module: str = "proj.tasks", cls: str = "T") -> SimpleNamespace:
        folder = tmp_path / str(next(counter))
        for name, text in {
            "proj/__init__.py": BASE["proj/__init__.py"],
            "proj/util.py": dedent(BASE["proj/util.py"]),
            **files,
        }.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        forget(folder.parent)
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            loaded = importlib.import_module(module)
            task, down = getattr(loaded, cls), getattr(loaded, "Down", None)
            own = hash_class(task)
            instance = hash_instance(own, parameters={}, requires=[])
            result = SimpleNamespace(code=own, instance=instance, down=None)
            if down is not None:
                result.down_code = hash_class(down)
                result.down = hash_instance(
                    result.down_code, parameters={}, requires=[("t", instance)]
                )
        return result

    yield run
    forget(tmp_path)


def forget(folder: Path) -> None:
    for name, module in list(sys.modules.items()):
        if (getattr(module, "__file__", None) or "").startswith(str(folder)):
            del sys.modules[name]
    importlib.invalidate_caches()


def in_tasks(old: str, new: str, **parts: str) -> tuple[Files, Files]:
    before = tasks(**parts)
    assert old in before
    return {"proj/tasks.py": before}, {"proj/tasks.py": before.replace(old, new)}


def in_file(
    path: str, old: str, new: str, others: Files | None = None, **parts: str
) -> tuple[Files, Files]:
    """Change one file of a project."""
    texts = {
        "proj/util.py": dedent(BASE["proj/util.py"]),
        **(others or {}),
        "proj/tasks.py": tasks(**parts),
    }
    assert old in texts[path]
    return texts, {**texts, path: texts[path].replace(old, new)}


def in_util(
    old: str = "x * 2", new: str = "x * 3", others: Files | None = None, **parts: str
) -> tuple[Files, Files]:
    return in_file("proj/util.py", old, new, others, **parts)


DOWN = "@luigi.util.requires(T)\nclass Down(luigi.Task):\n    def run(self): return 1\n"


def in_project(old: str, new: str, /, **texts: str) -> tuple[Files, Files]:
    """Change one place of a project that is given by its modules; ``init`` is the package's."""
    before = {
        f"proj/{'__init__' if name == 'init' else name}.py": text.replace(
            "class T:", "class T(luigi.Task):"
        )
        for name, text in texts.items()
    }
    before["proj/tasks.py"] = f"import luigi, luigi.util\n{before['proj/tasks.py']}{DOWN}"
    assert sum(text.count(old) for text in before.values()) == 1
    return before, {name: text.replace(old, new) for name, text in before.items()}


def runs(value: str) -> str:
    """Write a task whose result is the value of an expression."""
    return f"class T:\n    def run(self): return {value}\n"


HELPER = "def f(x):\n    return x + 1"
CHANGES = {
    "body of run": in_tasks("pass", "print(1)"),
    "helper in the same module": in_tasks("x + 1", "x + 2", module=HELPER, run="f(1)"),
    "helper of a helper": in_tasks("x + 1", "x + 2", module=HELPER + "\ndef g(x): return f(x)", run="g(1)"),
    "import pkg.util as u": in_util(imports="import proj.util as u", run="u.scale(1)"),
    "import pkg.util": in_util(imports="import proj.util", run="proj.util.scale(1)"),
    "import pkg as p, submodule": in_util(imports="import proj as p, proj.util", run="p.util.scale(1)"),
    "from . import util": in_util(imports="from . import util", run="util.scale(1)"),
    "from .util import f as g": in_util(imports="from .util import scale as g", run="g(1)"),
    "from pkg import util": in_util(imports="from proj import util", run="util.scale(1)"),
    "re-export": in_util(others={"proj/__init__.py": "from .util import scale\n"}, imports="from proj import scale", run="scale(1)"),
    "re-export under another name": in_util(others={"proj/__init__.py": "from .util import scale as big\n"}, imports="import proj", run="proj.big(1)"),
    "star import": in_util(imports="from .util import *", run="scale(1)"),
    "star import of a re-export": in_util(others={"proj/all.py": "from .util import *\n"}, imports="from .all import *", run="scale(1)"),
    "a module that its package stars": in_util(others={"proj/__init__.py": "from .tasks import *\n"}, imports="from proj import util", run="util.scale(1)"),
    "a name that only __getattr__ has, of a package that stars": in_file("proj/__init__.py", "return 11", "return 12", {"proj/__init__.py": "def __getattr__(name):\n    if name == 'magic':\n        return 11\n    raise AttributeError(name)\nfrom .tasks import *\n"}, imports="from proj import magic", run="magic"),
    "star import with __all__": in_util(others={"proj/all.py": "from .util import scale, unused\n__all__ = ['scale']\n"}, imports="from .all import *", run="scale(1)"),
    "star of star cycle": in_util(others={"proj/a.py": "from .b import *\n", "proj/b.py": "from .a import *\nfrom .util import *\n"}, imports="from .a import *", run="scale(1)"),
    "import in a function": in_util(run="from proj.util import scale\nscale(1)"),
    "relative import in a function": in_util(run="from . import util as u\nu.scale(1)"),
    "import in an outer function": in_util(module="def f():\n    from .util import scale\n    def g():\n        return scale(1)\n    return g", run="f()"),
    "import in try": in_util(imports="try:\n    from .util import scale\nexcept ImportError:\n    scale = None", run="scale(1)"),
    "the fallback of try": in_tasks("scale = None", "scale = 5", imports="try:\n    from .util import scale\nexcept ImportError:\n    scale = None", run="scale(1)"),
    "import under if": in_util(imports="import sys\nif sys.maxsize > 5:\n    from .util import scale\nelse:\n    from .util import unused as scale", run="scale(1)"),
    "condition of an import": in_tasks("> 5", "< 5", imports="import sys\nif sys.maxsize > 5:\n    from .util import scale\nelse:\n    from .util import unused as scale", run="scale(1)"),
    "definition under if": in_tasks("A = 1", "A = 3", module="import sys\nif sys.maxsize:\n    A = 1\nelse:\n    A = 2", run="A"),
    "definition under else": in_tasks("A = 2", "A = 3", module="import sys\nif sys.maxsize:\n    A = 1\nelse:\n    A = 2", run="A"),
    "constant": in_tasks("A = 1", "A = 2", module="A = 1", run="print(A)"),
    "constant's type": in_tasks("A = 1", "A = 1.0", module="A = 1", run="print(A)"),
    "text instead of bytes": in_tasks("A = 'a'", "A = b'a'", module="A = 'a'", run="print(A)"),
    "annotated constant": in_tasks("int = 1", "int = 2", module="A: int = 1", run="print(A)"),
    "unpacked constant": in_tasks("(2, 3)", "(2, 4)", module="A, (B, *C) = 1, (2, 3)", run="print(C)"),
    "chained assignment": in_tasks("B = 1", "B = 2", module="A = B = 1", run="print(A)"),
    "comprehension": in_tasks("range(3)", "range(4)", module="A = [i for i in range(3)]", run="print(A)"),
    "constant of a comprehension": in_tasks("N = 3", "N = 4", module="N = 3\nA = [i for i in range(N)]", run="print(A)"),
    "built by a call": in_tasks("x + 1", "x + 2", module=HELPER + "\nA = f(1)", run="print(A)"),
    "dict of functions": in_tasks("x + 1", "x + 2", module=HELPER + "\nA = {'f': f}", run="A['f'](1)"),
    "reassigned": in_tasks("A = 2", "A = 3", module="A = 1\nA = 2", run="print(A)"),
    "augmented assignment": in_tasks("A += 2", "A += 3", module="A = 1\nA += 2", run="print(A)"),
    "deleted": in_tasks("del A", "", module="A = 1\ndel A", run="print(A)"),
    "loop target": in_tasks("range(3)", "range(4)", module="for i in range(3):\n    pass", run="print(i)"),
    "filled in a loop": in_tasks("i * 2", "i * 3", module="A = []\nfor i in range(3):\n    A.append(i * 2)", run="print(A)"),
    "with": in_tasks("open('a')", "open('b')", module="if False:\n    with open('a') as h:\n        A = h.read()\nelse:\n    A = ''", run="print(A)"),
    "walrus at the top": in_tasks(":= 5", ":= 6", module="if (n := 5) > 3:\n    A = n", run="print(n)"),
    "match capture at the top": in_tasks("(1, 2)", "(1, 3)", module="match (1, 2):\n    case (a, b):\n        A = a", run="print(b)"),
    "item set": in_tasks("= 5", "= 6", module="A = {}\nA['x'] = 5", run="print(A)"),
    "nested item set": in_tasks("= 5", "= 6", module="A = {'y': {}}\nA['y']['x'] = 5", run="print(A)"),
    "attribute set": in_tasks("= 5", "= 6", module=HELPER + "\nf.limit = 5", run="f.limit"),
    "appended": in_tasks("append(5)", "append(6)", module="A = []\nA.append(5)", run="print(A)"),
    "changed by a function that is called": in_tasks("A = 5", "A = 6", module="A = 1\ndef setup():\n    global A\n    A = 5\nsetup()", run="print(A)"),
    "whether the function is called": in_tasks("\nsetup()", "", module="A = 1\ndef setup():\n    global A\n    A = 5\nsetup()", run="print(A)"),
    "handed to a function": in_tasks("add(A, 5)", "add(A, 6)", module="A = []\ndef add(to, x):\n    to.append(x)\nadd(A, 5)", run="print(A)"),
    "registered in a dict": in_tasks("x + 1", "x + 2", module=HELPER + "\nA = {}\nA['f'] = f", run="A['f'](1)"),
    "registered by a decorator": in_tasks(
        "x + 1", "x + 2", run="R['f'](1)",
        module="R = {}\ndef register(name):\n    def keep(g):\n        R[name] = g\n        return g\n    return keep\n\n@register('f')\n" + HELPER,
    ),
    "registered by a plain decorator": in_tasks(
        "x + 1", "x + 2", run="R[0](1)",
        module="R = []\ndef register(g):\n    R.append(g)\n    return g\n\n@register\n" + HELPER,
    ),
    "registered in another module": in_file(
        "proj/plugins.py", "x + 1", "x + 2",
        {"proj/registry.py": "R = {}\ndef register(name):\n    def keep(g):\n        R[name] = g\n        return g\n    return keep\n",
         "proj/plugins.py": "from . import registry\n@registry.register('f')\ndef f(x):\n    return x + 1\n"},
        imports="from . import plugins\nfrom .registry import R", run="R['f'](1)",
    ),
    "registered by a call in another module": in_file(
        "proj/plugins.py", "x + 1", "x + 2",
        {"proj/registry.py": "R = {}\ndef register(name, g):\n    R[name] = g\n",
         "proj/plugins.py": "from .registry import register\ndef f(x):\n    return x + 1\nregister('f', f)\n"},
        imports="import proj.plugins\nfrom .registry import R", run="R['f'](1)",
    ),
    "registered with an object": in_tasks(
        "x + 1", "x + 2", run="app.all['f'](1)",
        module="class App:\n    def __init__(self): self.all = {}\n    def register(self, name):\n        def keep(g):\n            self.all[name] = g\n            return g\n        return keep\napp = App()\n\n@app.register('f')\n" + HELPER,
    ),
    "registered in modules found by name": in_file(
        "proj/plugins/one.py", "x + 1", "x + 2",
        {"proj/registry.py": "R = {}\ndef register(g):\n    R[g.__name__] = g\n    return g\n",
         "proj/plugins/__init__.py": "import importlib, pkgutil\nfor m in pkgutil.iter_modules(__path__):\n    importlib.import_module(__name__ + '.' + m.name)\n",
         "proj/plugins/one.py": "from ..registry import register\n@register\ndef f(x):\n    return x + 1\n"},
        imports="from . import plugins\nfrom .registry import R", run="R['f'](1)",
    ),
    "set in another module": in_file(
        "proj/setup.py", "= 5", "= 6",
        {"proj/conf.py": "LIMIT = 1\n", "proj/setup.py": "from . import conf\nconf.LIMIT = 5\n"},
        imports="from . import conf, setup", run="conf.LIMIT",
    ),
    "a plug-in class": in_tasks(
        "return 11", "return 12", run="Base.all[0]().go()",
        module="class Base:\n    all = []\n    def __init_subclass__(cls):\n        cls.all.append(cls)\nclass One(Base):\n    def go(self): return 11",
    ),
    "a subclass": in_tasks(
        "return 11", "return 12", run="Base.__subclasses__()[0]().go()",
        module="class Base: pass\nclass One(Base):\n    def go(self): return 11",
    ),
    "a class registered by a metaclass": in_tasks(
        "return 11", "return 12", run="Meta.all['One']().go()",
        module="class Meta(type):\n    all = {}\n    def __init__(cls, name, bases, space):\n        Meta.all[name] = cls\nclass Base(metaclass=Meta): pass\nclass One(Base):\n    def go(self): return 11",
    ),
    "single dispatch": in_tasks(
        "x + 1", "x + 2", run="go(1)",
        module="import functools\n@functools.singledispatch\ndef go(x): raise TypeError\n@go.register\ndef _(x: int):\n    return x + 1",
    ),
    "single dispatch on another type": in_tasks(
        "x: int", "x: str", run="go(1)",
        module="import functools\n@functools.singledispatch\ndef go(x): raise TypeError\n@go.register\ndef _(x: int):\n    return x + 1",
    ),
    "base class": in_tasks("x = 1", "x = 2", module="class B(luigi.Task):\n    x = 1", bases="B"),
    "base class in another module": in_file("proj/b.py", "x = 1", "x = 2", {"proj/b.py": "import luigi\nclass B(luigi.Task):\n    x = 1\n"}, imports="from . import b", bases="b.B"),
    "mixin": in_tasks("return 1 #m", "return 2", module="class M:\n    def f(self): return 1 #m", bases="M, luigi.Task"),
    "computed base class": in_tasks("x = 1", "x = 2", module="class B(luigi.Task):\n    x = 1\nclass C(luigi.Task):\n    x = 3\ndef pick(n): return globals()[n]", bases="pick('B')"),
    "metaclass": in_tasks("z = 1", "z = 2", module="from luigi.task_register import Register\nclass Meta(Register):\n    z = 1", bases="luigi.Task, metaclass=Meta"),
    "class keyword": in_tasks("k=1", "k=2", module="class B:\n    def __init_subclass__(cls, k=0): pass", bases="luigi.Task, B, k=1"),
    "__init_subclass__": in_tasks("cls.z = 1", "cls.z = 2", module="class B:\n    def __init_subclass__(cls): cls.z = 1", bases="luigi.Task, B"),
    "decorator": in_tasks("c.z = 1", "c.z = 2", module="def d(c):\n    c.z = 1\n    return c", decorators="@d"),
    "decorator's argument": in_tasks("@d(1)", "@d(2)", module="def d(n):\n    return lambda c: c", decorators="@d(1)"),
    "constant in a decorator's argument": in_tasks("N = 1", "N = 2", module="N = 1\ndef d(n):\n    return lambda c: c", decorators="@d(N)"),
    "decorator of a method": in_tasks("z = 1", "z = 2", module="def d(g):\n    z = 1\n    return g", attributes="@d\ndef g(self): pass"),
    "default argument": in_tasks("x=1", "x=2", module="def f(x=1): return x", run="f()"),
    "constant as default": in_tasks("N = 1", "N = 2", module="N = 1\ndef f(*, x=N): return x", run="f()"),
    "parameter's default": in_tasks("default=1", "default=2", attributes="n = luigi.IntParameter(default=1)"),
    "class attribute": in_tasks("z = 1", "z = 2", attributes="z = 1"),
    "attribute from a constant of the same name": in_tasks("z = 1", "z = 2", module="z = 1", attributes="z = z"),
    "nested class": in_tasks("z = 1", "z = 2", attributes="class Meta:\n    z = 1"),
    "property": in_tasks("return 'a'", "return 'b'", attributes="@property\ndef z(self): return 'a'"),
    "dataclass field": in_tasks("x: int = 1", "x: int = 2", module="import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int = 1", run="C()"),
    "dataclass field without a value": in_tasks("x: int\n", "x: int\n    y: int\n", module="import dataclasses\n@dataclasses.dataclass\nclass C:\n    x: int\n", run="C(1)"),
    "enum member": in_tasks("A = 1", "A = 2", module="import enum\nclass C(enum.Enum):\n    A = 1", run="C.A"),
    "closure": in_tasks("return x * 2", "return x * 3", module="def f():\n    def g(x):\n        return x * 2\n    return g", run="f()"),
    "lambda": in_tasks("x * 2", "x * 3", module="f = lambda x: x * 2", run="f(1)"),
    "constant in a lambda": in_tasks("N = 2", "N = 3", module="N = 2\nf = lambda x: x * N", run="f(1)"),
    "generator": in_tasks("yield 1", "yield 2", module="def f():\n    yield 1", run="list(f())"),
    "constant in a generator": in_tasks("N = 1", "N = 2", module="N = 1\ndef f(): return (i + N for i in ())", run="f()"),
    "async function": in_tasks("return 1 #a", "return 2", module="async def f():\n    return 1 #a", run="f()"),
    "async comprehension": in_tasks("N = 1", "N = 2", module="N = 1\nasync def f(xs):\n    return [x + N async for x in xs]", run="f(1)"),
    "match": in_tasks("case 1", "case 2", module="def f(x):\n    match x:\n        case 1: return 5", run="f(1)"),
    "class in a match": in_tasks("z = 1", "z = 2", module="class C:\n    z = 1\ndef f(x):\n    match x:\n        case C(): return 5", run="f(1)"),
    "walrus": in_tasks("y := x", "y := -x", module="def f(x):\n    return (y := x) + y", run="f(1)"),
    "method of a helper class": in_tasks("return 1 #h", "return 2", module="class H:\n    def go(self): return 1 #h", run="H().go()"),
    "method of a helper object": in_tasks("return 1 #h", "return 2", module="class H:\n    def go(self): return 1 #h\nh = H()", run="h.go()"),
    "helper in an attribute": in_tasks("return 1 #h", "return 2", module="class H:\n    def go(self): return 1 #h", attributes="helper = H()", run="self.helper.go()"),
    "static method of another task": in_tasks("return 1 #h", "return 2", module="class H(luigi.Task):\n    @staticmethod\n    def go(): return 1 #h", run="H.go()"),
    "a task that run yields": in_tasks("return 1 #h", "return 2", module="class H(luigi.Task):\n    def run(self): return 1 #h", run="yield H()"),
    "what a task requires that run yields": in_tasks("return 1 #h", "return 2", module="class G(luigi.Task):\n    def run(self): return 1 #h\nclass H(luigi.Task):\n    def requires(self): return G()", run="yield H()"),
    "function as an argument": in_tasks("x + 1", "x + 2", module=HELPER, run="list(map(f, ()))"),
    "mutual recursion": in_tasks("n - 1", "n - 2", module="def a(n): return b(n)\ndef b(n): return a(n - 1)", run="a(1)"),
    "modules that import each other": in_file("proj/b.py", "n - 1", "n - 2", {"proj/a.py": "from . import b\ndef a(n): return b.b(n)\n", "proj/b.py": "from . import a\ndef b(n): return a.a(n - 1)\n"}, imports="from .a import a", run="a(1)"),
    "a builtin's name": in_tasks("x + 1", "x + 2", module="def sum(x):\n    return x + 1", run="sum(1)"),
    "a builtin is shadowed": in_tasks("def len(", "def length(", module="def len(x):\n    return x", run="len([])"),
    "a dunder name": in_tasks("__scale__ = 1", "__scale__ = 2", module="__scale__ = 1", run="print(__scale__)"),
    "a name that an attribute shares": in_tasks("x + 1", "x + 2", module=HELPER, attributes="f = 5", run="f(1)"),
    "a name that another function binds": in_tasks("x + 1", "x + 2", module=HELPER + "\ndef g():\n    f = 2\n    return f", run="g()\nf(1)"),
    "a comprehension's name outside": in_tasks("x = 1", "x = 2", module="x = 1", run="[x for x in ()]\nprint(x)"),
    "first iterable of a comprehension": in_tasks("x = ()", "x = (1,)", module="x = ()", run="[x for x in x]"),
    "global": in_tasks("A = 1", "A = 2", module="A = 1\ndef f():\n    global A\n    A = A + 3", run="f()"),
    "nonlocal": in_tasks("a = 1", "a = 2", module="def f():\n    a = 1\n    def g():\n        nonlocal a\n        a += 1\n    return g", run="f()"),
    "import means another function": in_tasks("floor as r", "ceil as r", imports="from math import floor as r", run="r(1.5)"),
    "import means another helper": in_tasks("scale as r, unused as s", "unused as r, scale as s", imports="from .util import scale as r, unused as s", run="r(1), s(1)"),
    "import means another library": in_tasks("import json as m", "import pickle as m", imports="import json as m", run="m.dumps(1)"),
    "a helper that is named like a method of a list": in_util(
        "x * 2", "x * 3", {"proj/util.py": "def update(x):\n    return x * 2\n"}, imports="from . import util", run="util.update(1)"
    ),
    "an item of an object in another module": in_file(
        "proj/reg.py", "x + 1", "x + 2", {"proj/reg.py": "def f(x):\n    return x + 1\nR = {'f': f}\n"}, imports="from . import reg", run="reg.R['f'](1)"
    ),
    "a method overridden in a function": in_tasks("x + 1", "x + 2", module=HELPER, run="def f2(): return f\nf2()"),
    "a partial": in_tasks("x + 1", "x + 2", module=HELPER + "\nimport functools\ng = functools.partial(f, 2)", run="g()"),
    "a named tuple's fields": in_tasks("'a b'", "'b a'", module="from collections import namedtuple\nP = namedtuple('P', 'a b')", run="P(1, 2)"),
    "a method that is replaced at the top": in_tasks("x + 1", "x + 2", module=HELPER + "\nclass A:\n    def g(self): pass\nA.g = f", run="A().g()"),
    "a method that another module replaces": in_file(
        "proj/patch.py", "x + 1", "x + 2", {"proj/a.py": "class A:\n    def g(self): pass\n", "proj/patch.py": "from . import a\ndef f(x):\n    return x + 1\na.A.g = f\n"},
        imports="from . import a, patch", run="a.A().g()",
    ),
    "setattr in another module": in_file("proj/setup.py", "5", "6", {"proj/conf.py": "LIMIT = 1\n", "proj/setup.py": "from . import conf\nsetattr(conf, 'LIMIT', 5)\n"}, imports="from . import conf, setup", run="conf.LIMIT"),
    "updated in another module": in_file("proj/setup.py", "5", "6", {"proj/conf.py": "D = {}\n", "proj/setup.py": "from .conf import D\nD.update(a=5)\n"}, imports="from . import conf, setup", run="conf.D"),
    "a base's method by super": in_tasks("return 1 #b", "return 2", module="class A(luigi.Task):\n    def f(self): return 1 #b\nclass B(A): pass", bases="B", attributes="def g(self): return super().f()"),
    "a generic base": in_tasks("return 1 #b", "return 2", module="from typing import Generic, TypeVar\nV = TypeVar('V')\nclass A(Generic[V]):\n    def f(self): return 1 #b", bases="luigi.Task, A[int]"),
    "a docstring that is read": in_tasks("'one'", "'two'", module="def f():\n    'one'\n    return f.__doc__", run="f.__doc__"),
    "sys.modules": in_util(imports="import sys, proj.util", run="sys.modules['proj.util'].scale(1)"),
    "sys.modules of a computed name": in_util(imports="import sys, proj.util", run="sys.modules[self.task_id].scale(1)"),
    "import_module of a constant": in_util(imports="import importlib\nNAME = 'proj.util'", run="importlib.import_module(NAME).scale(1)"),
    "getattr with a plain name": in_util(imports="from . import util", run="getattr(util, 'scale')(1)"),
    "getattr with a computed name": in_util(imports="from . import util", run="getattr(util, self.task_id)(1)"),
    "a module as a value": in_util(imports="from . import util", run="print(util)"),
    "globals()": in_tasks("x + 1", "x + 2", module=HELPER, run="globals()['f'](1)"),
    "exec": in_tasks("x + 1", "x + 2", module=HELPER, run="exec(self.task_id)"),
    "eval": in_tasks("x + 1", "x + 2", module=HELPER, run="eval('f' + '(1)')"),
    "import_module of a plain name": in_util(imports="import importlib", run="importlib.import_module('proj.util').scale(1)"),
    "import_module of a relative name": in_util(imports="from importlib import import_module", run="import_module('.util', __package__).scale(1)"),
    "import_module of a computed name": in_util(imports="import importlib", run="importlib.import_module(self.task_id).scale(1)"),
    "__import__ of a computed name": in_util(run="__import__(self.task_id).scale(1)"),
    "module's __getattr__": in_file("proj/lazy.py", "return 11", "return 12", {"proj/lazy.py": "def __getattr__(name):\n    return make\ndef make():\n    return 11\n"}, imports="from . import lazy", run="lazy.thing()"),
    "a computed __all__": in_util(others={"proj/all.py": "from .util import *\n__all__ = []\n__all__ += ['scale']\n"}, imports="from .all import *", run="scale(1)"),
    "a sibling package": in_file("other/__init__.py", "x + 1", "x + 2", {"other/__init__.py": "def f(x):\n    return x + 1\n"}, imports="import other", run="other.f(1)"),
    "a namespace package": in_file("space/mod.py", "x + 1", "x + 2", {"space/mod.py": "def f(x):\n    return x + 1\n"}, imports="from space.mod import f", run="f(1)"),
    "another package's task in run": in_file("other/__init__.py", "x = 1", "x = 2", {"other/__init__.py": "import luigi\nclass O(luigi.Task):\n    x = 1\n"}, imports="import other", run="yield other.O()"),
    "f-string": in_tasks("{x:>3}", "{x:>4}", module="def f(x): return f'a{x:>3}'", run="f(1)"),
    "constant in an f-string's format": in_tasks("N = 3", "N = 4", module="N = 3\ndef f(x): return f'{x:{N}}'", run="f(1)"),
    "annotation that a decorator reads": in_tasks("x: int", "x: str", module="def d(g): return g\n@d\ndef f(x: int): return x", run="f(1)"),
    "string content": in_tasks("'a  b'", "'a b'", run="print('a  b')"),
    "the seed of a library": in_tasks("seed(1)", "seed(2)", imports="import random\nrandom.seed(1)", run="random.random()"),
    "argument of the layer's decorator": in_tasks("sep=','", "sep=';'", imports="import luisy", decorators="@luisy.interim\n@luisy.csv_output(sep=',')", bases="luisy.Task"),
    # --- when something is bound, changed and read
    "a constant is read before it is changed": in_project("B = list(A)\nA.append(2)", "A.append(2)\nB = list(A)", tasks="A = [1]\nB = list(A)\nA.append(2)\n" + runs("B")),
    "a constant is read before it is bound again": in_project("B = A + 1\nA = 5", "A = 5\nB = A + 1", tasks="A = 1\nB = A + 1\nA = 5\n" + runs("B")),
    "a function is taken before it is defined again": in_project("g = f\ndef f(): return 2", "def f(): return 2\ng = f", tasks="def f(): return 1\ng = f\ndef f(): return 2\n" + runs("g()")),
    "a default is taken before its constant is bound again": in_project("def f(x=N): return x\nN = 2", "N = 2\ndef f(x=N): return x", tasks="N = 1\ndef f(x=N): return x\nN = 2\n" + runs("f()")),
    "a class reads a constant that changes": in_project("class C: z = N\nN = 2", "N = 2\nclass C: z = N", tasks="N = 1\nclass C: z = N\nN = 2\n" + runs("C.z")),
    "an import after a definition": in_project("def f(): return 1\nfrom .util import scale as f", "from .util import scale as f\ndef f(): return 1", tasks="def f(): return 1\nfrom .util import scale as f\n" + runs("f")),
    "the last of two imports": in_project("from .a import f\nfrom .b import f", "from .b import f\nfrom .a import f", a="def f(): return 1\n", b="def f(): return 2\n", tasks="from .a import f\nfrom .b import f\n" + runs("f()")),
    "the last of two imports in a function": in_project("from .a import f; from .b import f", "from .b import f; from .a import f", a="def f(): return 1\n", b="def f(): return 2\n", tasks="def g():\n    from .a import f; from .b import f\n    return f()\n" + runs("g()")),
    "a star import after a definition": in_project("return 7", "return 8", a="def f(): return 7\n", tasks="def f(): return 1\nfrom .a import *\n" + runs("f()")),
    # --- what a module does to itself
    "globals() binds a name": in_project("= 2", "= 3", tasks="globals()['A'] = 2\n" + runs("A")),
    "globals() binds a name again": in_project("= 2", "= 3", tasks="A = 1\nglobals()['A'] = 2\n" + runs("A")),
    "globals() binds computed names": in_project("('A', 2)", "('A', 3)", a="for n, v in [('A', 2)]:\n    globals()[n] = v\n", tasks="from .a import *\n" + runs("A")),
    "globals() is updated": in_project("A=2", "A=3", tasks="A = 1\nglobals().update(A=2)\n" + runs("A")),
    "globals() in a function that is called": in_project("= 2", "= 3", tasks="A = 1\ndef setup():\n    globals()['A'] = 2\nsetup()\n" + runs("A")),
    "exec binds a name": in_project("A = 2", "A = 3", tasks="exec('A = 2')\n" + runs("A")),
    "setattr of the own module": in_project("2)", "3)", tasks="import sys\nA = 1\nsetattr(sys.modules[__name__], 'A', 2)\n" + runs("A")),
    "a name that is bound only by a function": in_project("= 5", "= 6", tasks="def setup():\n    global A\n    A = 5\nsetup()\n" + runs("A")),
    "the module's docstring": in_project("'one'", "'two'", u="'one'\ndef f(): return __doc__\n", tasks="from . import u\n" + runs("u.f()")),
    # --- what is changed in passing
    "popped by an assignment": in_project("pop(0)", "pop(1)", tasks="L = [1, 2, 3]\nx = L.pop(0)\n" + runs("L")),
    "set by default in an assignment": in_project("'a', 1", "'a', 2", tasks="D = {}\nx = D.setdefault('a', 1)\n" + runs("D")),
    "appended in a condition": in_project("append(1)", "append(2)", tasks="L = []\nif L.append(1) is None: pass\n" + runs("L")),
    "appended in an assertion": in_project("append(1)", "append(2)", tasks="L = []\nassert not L.append(1)\n" + runs("L")),
    "given to a function that changes it": in_project("L, 1", "L, 2", tasks="L = []\ndef add(to, x):\n    to.append(x)\n    return 1\nn = add(L, 1)\n" + runs("L")),
    "given to a function in another module": in_project("L, 1", "L, 2", a="L = []\n", b="from .a import L\ndef add(to, x):\n    to.append(x)\nadd(L, 1)\n", tasks="from .a import L\nfrom . import b\n" + runs("L")),
    "changed under another name": in_project("append(1)", "append(2)", tasks="L = []\nM = L\nM.append(1)\n" + runs("L")),
    "an imported list is extended": in_project("[1]", "[2]", a="L = []\n", b="from .a import L\nL += [1]\n", tasks="from . import a, b\n" + runs("a.L")),
    "what a function returned is changed": in_project("append(1)", "append(2)", tasks="L = []\ndef get(): return L\nget().append(1)\n" + runs("get()")),
    "what a library returned is changed": in_project("= 5", "= 6", tasks="import decimal\ndecimal.getcontext().prec = 5\n" + runs("decimal.Decimal(1) / 3")),
    "a library is set up in another module": in_project("seed(1)", "seed(2)", a="import random\nrandom.seed(1)\n", tasks="from . import a\nimport random\n" + runs("random.random()")),
    "the environment is set in the package": in_project("'1'", "'2'", init="import os\nos.environ['RED'] = '1'\n", tasks="from os import environ\n" + runs("environ['RED']")),
    "a library's function is replaced elsewhere": in_project(": 1", ": 2", a="import colorsys\ncolorsys.rgb_to_yiq = lambda *a: 1\n", tasks="from . import a\nimport colorsys\n" + runs("colorsys.rgb_to_yiq(1)")),
    "the task is changed in another module": in_project("= 5", "= 6", a="from .tasks import T\nT.k = 5\n", tasks=runs("self.k") + "from . import a\n"),
    "a class body changes a list": in_project("append(1)", "append(2)", tasks="L = []\nclass C:\n    L.append(1)\n" + runs("L")),
    "__set_name__": in_project("foo = D()", "bar = D()", tasks="R = {}\nclass D:\n    def __set_name__(self, owner, name): R[name] = 1\nclass C:\n    foo = D()\n" + runs("R")),
    # --- registers and plug-ins
    "registered by an object that is called": in_project("return 11", "return 12", tasks="class Reg:\n    def __init__(self): self.d = {}\n    def __call__(self, f):\n        self.d['f'] = f\n        return f\nreg = Reg()\n@reg\ndef f(): return 11\n" + runs("reg.d['f']()")),
    "registered by a method of a method": in_project("return 11", "return 12", tasks="class Reg:\n    def __init__(self): self.d = {}\n    def put(self, f): self.d['f'] = f\n    def named(self, n):\n        def keep(f):\n            self.put(f)\n            return f\n        return keep\nreg = Reg()\n@reg.named('f')\ndef f(): return 11\n" + runs("reg.d['f']()")),
    "registered by a static method": in_project("return 11", "return 12", tasks="class Reg:\n    d = {}\n    @staticmethod\n    def put(f):\n        Reg.d['f'] = f\n        return f\n@Reg.put\ndef f(): return 11\n" + runs("Reg.d['f']()")),
    "registered by another name of a decorator": in_project("return 11", "return 12", tasks="R = {}\ndef put(f):\n    R['f'] = f\n    return f\nreg = put\n@reg\ndef f(): return 11\n" + runs("R['f']()")),
    "set up by a method in an assignment": in_project("setup(x=4)", "setup(x=5)", a="class O:\n    def setup(self, **k):\n        for n, v in k.items(): setattr(self, n, v)\no = O()\n", b="from .a import o\nw = o.setup(x=4)\n", tasks="from . import a, b\n" + runs("a.o.x")),
    "a plug-in of a plug-in": in_project("return 11", "return 12", a="class Base:\n    all = {}\n    def __init_subclass__(cls): cls.all[cls.__name__] = cls\n", b="from .a import Base\nclass Mid(Base): pass\nclass One(Mid):\n    def go(self): return 11\n", tasks="from . import a, b\n" + runs("a.Base.all['One']().go()")),
    "a subclass of a subclass": in_project("return 11", "return 12", tasks="class Base: pass\nclass Mid(Base): pass\nclass One(Mid):\n    def go(self): return 11\ndef every(c):\n    for s in c.__subclasses__():\n        yield s\n        yield from every(s)\n" + runs("list(every(Base))[1]().go()")),
    "a subclass that the class itself asks for": in_project("return 11", "return 12", a="class Base:\n    @classmethod\n    def pick(cls): return cls.__subclasses__()[0]\n", b="from .a import Base\nclass One(Base):\n    def go(self): return 11\n", tasks="from . import a, b\n" + runs("a.Base.pick()().go()")),
    # --- where names lead
    "a module that its package imports": in_project("return 11", "return 12", init="from . import u\n", u="def f(): return 11\n", tasks="from . import u\n" + runs("u.f()")),
    "a module's __dict__": in_project("return 11", "return 12", u="def f(): return 11\n", tasks="from . import u\n" + runs("u.__dict__['f']()")),
    "pkgutil.resolve_name": in_project("return 11", "return 12", u="def f(): return 11\n", tasks="import pkgutil\n" + runs("pkgutil.resolve_name('proj.u:f')()")),
    "runpy": in_project("A = 11", "A = 12", u="A = 11\n", tasks="import runpy\n" + runs("runpy.run_module('proj.u')['A']")),
    "spec_from_file_location": in_project("A = 11", "A = 12", u="A = 11\n", tasks="import importlib.util\n" + runs("importlib.util.spec_from_file_location('u', self.path)")),
    "a private name that __all__ is given": in_project("return 11", "return 12", a="__all__ = []\ndef export(f):\n    __all__.append(f.__name__)\n    return f\n@export\ndef _f(): return 11\n", tasks="from .a import *\n" + runs("_f()")),
    "a quoted annotation of a field": in_project("z = 1", "z = 2", tasks="class X: z = 1\nclass C:\n    x: 'list[X]'\n" + runs("C")),
}  # fmt: skip


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_hash_changes_when(
    change: tuple[Files, Files], hashes: Callable[[Files], SimpleNamespace]
) -> None:
    before, after = (hashes(files) for files in change)

    assert before.instance != after.instance
    assert before.down != after.down
    assert before.down_code.digest == after.down_code.digest


COMMENTED = 'def f(x):\n    """Doc."""\n    # why\n\n    return (x\n            + "a")\n'
NO_CHANGES = {
    "comment": in_tasks("# why", "# because", module=COMMENTED, run="f(1)"),
    "docstring": in_tasks('"""Doc."""', '"""Other."""', module=COMMENTED, run="f(1)"),
    "no docstring": in_tasks('    """Doc."""\n', "", module=COMMENTED, run="f(1)"),
    "docstring of a class": in_tasks("z = 1", "'''Doc.'''\n    z = 1", attributes="z = 1"),
    "docstring of a module": in_file("proj/util.py", "def scale", '"""Doc."""\ndef scale', imports="from . import util", run="util.scale(1)"),
    "only a docstring": in_tasks("        pass\n", '        """Doc."""\n'),
    "blank lines": in_tasks("\n\n    return", "\n\n\n    return", module=COMMENTED, run="f(1)"),
    "formatting": in_tasks('(x\n            + "a")', 'x+"a"', module=COMMENTED, run="f(1)"),
    "quotes": in_tasks('"a"', "'a'", module=COMMENTED, run="f(1)"),
    "quotes of a docstring": in_tasks('"""Doc."""', "'Doc.'", module=COMMENTED, run="f(1)"),
    "the same number": in_tasks("1000", "1_000", module="A = 1000", run="A"),
    "joined strings": in_tasks("'ab'", "'a' 'b'", module="A = 'ab'", run="A"),
    "f-string without a replacement": in_tasks("'ab'", "f'ab'", module="A = 'ab'", run="A"),
    "import order": in_tasks("import json\nimport math", "import math\nimport json", imports="import json\nimport math", run="json, math"),
    "import order in a function": in_tasks("import json\n        import math", "import math\n        import json", run="import json\nimport math\njson, math"),
    "imports as one statement": in_tasks("import json\nimport math", "import math, json", imports="import json\nimport math", run="json, math"),
    "import style of a helper": in_tasks("from .util import scale", "from proj.util import scale", imports="from .util import scale", run="scale(1)"),
    "import past a re-export": (
        {"proj/__init__.py": "from .util import scale\n", "proj/tasks.py": tasks("from proj import scale", run="scale(1)")},
        {"proj/__init__.py": "from .util import scale\n", "proj/tasks.py": tasks("from proj.util import scale", run="scale(1)")},
    ),
    "unused import": in_tasks("import json", "import json, math", imports="import json", run="json"),
    "moved function": in_tasks(HELPER + "\nB = 1", "B = 1\n" + HELPER, module=HELPER + "\nB = 1", run="f(B)"),
    "moved task": in_tasks("import luigi.util", "import luigi.util\n\n\nZ = 5\n\n"),
    "renamed file of an unused helper": (
        {"proj/old.py": "def h(): pass\n", "proj/tasks.py": tasks("from . import old")},
        {"proj/new.py": "def h(): pass\n", "proj/tasks.py": tasks("from . import new")},
    ),
    "unused function": in_util("return x\n", "return x + 5\n", imports="from .util import scale", run="scale(1)"),
    "unused function, by module": in_util("return x\n", "return x + 5\n", imports="import proj.util as u", run="u.scale(1)"),
    "unused function, by a module that its package stars": in_util("return x\n", "return x + 5\n", others={"proj/__init__.py": "from .tasks import *\n"}, imports="from proj import util", run="util.scale(1)"),
    "unused function, by star": in_util("return x\n", "return x + 5\n", imports="from .util import *", run="scale(1)"),
    "unused constant": in_tasks("B = 1", "B = 2", module="A = 1\nB = 1", run="A"),
    "unused branch": in_tasks("B = 1", "B = 2", module="import sys\nif sys.maxsize:\n    A = 1\n    B = 1", run="A"),
    "unused definition beside a fallback": in_tasks("x + 1", "x + 2", module="try:\n    A = 1\n    def f(x): return x + 1\nexcept ValueError:\n    A = 2", run="A"),
    "new function": in_util("def unused", "def newer(): pass\n\ndef unused", imports="from . import util", run="util.scale(1)"),
    "another task": in_tasks("z = 1", "z = 2", module="class Other(luigi.Task):\n    z = 1"),
    "downstream task": in_tasks("return 1", "return 1 ", attributes="z = 1"),
    "local name like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, run="f = 1\nprint(f)"),
    "parameter like a helper's": in_tasks("x + 1", "x + 2", module=HELPER + "\ndef g(f): return f", run="g(1)"),
    "attribute like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, run="self.f = 1"),
    "keyword like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, run="dict(f=1)"),
    "method like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, attributes="def f(self): return 1", run="self.f()"),
    "comprehension's name like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, run="[f for f in ()]"),
    "exception's name like a helper's": in_tasks("x + 1", "x + 2", module=HELPER, run="try:\n    pass\nexcept ValueError as f:\n    print(f)"),
    "type-checking import": in_tasks("pass\n", "pass\n    from .util import scale\n", imports="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    pass\n", run="print(1)"),
    "what is imported for type checking": in_util(imports="from __future__ import annotations\nimport typing\nif typing.TYPE_CHECKING:\n    from .util import scale", module="def f(x: scale) -> scale:\n    y: scale = x\n    return y", run="f(1)"),
    "annotation of a plain function": in_tasks("(x)", "(x: int) -> int", module="def f(x): return x", run="f(1)"),
    "annotation of a local name": in_tasks("y = 1", "y: int = 1", run="y = 1"),
    "annotation of a constant": in_tasks("A = 1", "A: int = 1", module="A = 1", run="A"),
    "future import": in_tasks("Z = 1", "", imports="", module="Z = 1"),
    "a function decorated like a used one": in_tasks(
        "x + 1", "x + 2", run="g(1)",
        module="CACHE = {}\ndef cached(fn):\n    def inner(x):\n        CACHE[x] = fn(x)\n        return CACHE[x]\n    return inner\n@cached\ndef f(x): return x + 1\n@cached\ndef g(x): return x",
    ),
    "a task registered like this one": in_tasks(
        "z = 1", "z = 2", module="ALL = {}\ndef register(c):\n    ALL[c.__name__] = c\n    return c\n@register\nclass Other(luigi.Task):\n    z = 1",
        decorators="@register", attributes="def requires(self): return ALL['Other']()",
    ),
    "the main block": in_tasks("Z = 1", "if __name__ == '__main__':\n    print(T())\n    luigi.build([T()])", module="Z = 1"),
    "print at the top": in_tasks("print(A)", "print('A is', A)", module="A = [1]\nprint(A)", run="A"),
    "luisy's settings at the top": in_tasks("'/a'", "'/b'", imports="import luisy\nluisy.set_working_dir('/a')", bases="luisy.Task"),
    "what a constant is read before, in another place": in_project("B = [0]\nA.append(2)", "A.append(2)\nB = [0]", tasks="A = [1]\nB = [0]\nA.append(2)\n" + runs("A, B")),
    "a function behind its user": in_project("def g(): return K\nK = 1", "K = 1\ndef g(): return K", tasks="def f(): return g()\ndef g(): return K\nK = 1\n" + runs("f()")),
    "the level of the log": in_project("level=1", "level=2", init="import logging\nlogging.basicConfig(level=1)\n", tasks="import logging\n" + runs("logging.info('x')")),
    "the search path": in_project("'/a'", "'/b'", tasks="import sys\nsys.path.append('/a')\n" + runs("sys.maxsize")),
    "a field of a type that is imported for type checking": in_project("def g(): return 1", "def g(): return 2", tasks="from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    import pandas as pd\ndef g(): return 1\ndef h(): return globals\nclass C:\n    a: 'pd.DataFrame'\n    b = 1\n    c = b\n" + runs("C")),
    "a name in a literal type": in_project("def g(): return 1", "def g(): return 2", tasks="from typing import Literal\ndef g(): return 1\nclass C:\n    a: Literal['g']\n" + runs("C")),
    "what is only given to a library": in_project("/ 2", "/ 3", tasks="import math\nL = [3, 4]\nM = math.fsum(L) / 2\n" + runs("L")),
    "a sibling of a plain base": in_project("x = 2", "x = 3", tasks="class Base: pass\nclass A(Base): pass\nclass B(Base): x = 2\n" + runs("A")),
    "the task it requires": in_tasks("z = 1", "z = 2", module="class U(luigi.Task):\n    z = 1", decorators="@luigi.util.requires(U)"),
    "the task it inherits": in_tasks("z = 1", "z = 2", imports="from luigi.util import inherits", module="class U(luigi.Task):\n    z = 1", decorators="@inherits(U)"),
    "the task that requires() names": in_tasks("z = 1", "z = 2", module="class U(luigi.Task):\n    z = 1", attributes="def requires(self): return U()"),
    "the task that a helper of requires() names": in_tasks("z = 1", "z = 2", module="class U(luigi.Task):\n    z = 1\ndef needs(): return [U()]", attributes="def requires(self): return needs()"),
    "the task that the base requires": in_tasks("z = 1", "z = 2", module="class U(luigi.Task):\n    z = 1\nclass B(luigi.Task):\n    def requires(self): return U()", bases="B"),
    "the task that luisy.requires names": in_tasks("z = 1", "z = 2", imports="import luisy", module="class U(luisy.ExternalTask):\n    z = 1", decorators="@luisy.requires(U)", bases="luisy.Task"),
}  # fmt: skip


@pytest.mark.parametrize("change", NO_CHANGES.values(), ids=NO_CHANGES.keys())
def test_hash_stays_when(
    change: tuple[Files, Files], hashes: Callable[[Files], SimpleNamespace]
) -> None:
    before, after = (hashes(files) for files in change)

    assert dict(before.code.parts) == dict(after.code.parts)
    assert before.instance == after.instance
    assert before.down == after.down
