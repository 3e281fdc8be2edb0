from luisy.code_store import CodeStore
from luisy.hashing import CodeHash

CODE = CodeHash(
    digest="0" * 64,
    parts={"m/x.py:f": "a" * 64, "library:pandas": "2.2.3"},
    reached_from={},
    sources={"m/x.py:f": "def f():\n    return 'ä'\n", "library:pandas": "pandas 2.2.3"},
)


def test_source_is_kept_by_its_digest(tmp_path):
    store = CodeStore(tmp_path / "code")
    store.keep([CODE])
    assert store.source("a" * 64) == CODE.sources["m/x.py:f"]
    assert [path.name for path in store.folder.iterdir()] == ["a" * 64]


def test_unknown_digest_has_no_source(tmp_path):
    assert CodeStore(tmp_path / "code").source("b" * 64) is None


def test_digest_is_no_path(tmp_path):
    (tmp_path / "secret").write_text("x")
    (tmp_path / "code").mkdir()
    assert CodeStore(tmp_path / "code").source("../secret") is None


def test_what_cannot_be_written_is_not_kept(tmp_path):
    (tmp_path / "file").write_text("")
    store = CodeStore(tmp_path / "file" / "code")
    store.keep([CODE])
    assert store.source("a" * 64) is None
