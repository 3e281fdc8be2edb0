"""Tasks defined in the cells of a notebook, with a real kernel."""

from __future__ import annotations

from pathlib import Path

import pytest

nbformat = pytest.importorskip("nbformat")
nbclient = pytest.importorskip("nbclient")
pytest.importorskip("ipykernel")

SETUP = "import luisy\nfrom luisy.hashing import hash_class\nimport math"
TASK = "@luisy.interim\nclass T(luisy.Task):\n    def run(self):\n        return scale(FACTOR)"
HELPER = "def scale(x):\n    return x * 2"
SHOW = "print(hash_class(T).digest, *sorted(hash_class(T).parts))"


def outputs(folder: Path, *cells: str) -> list[str]:
    """Run cells in a kernel and return what each SHOW printed."""
    texts = printed(folder, *cells)
    return [text for cell, text in zip(cells, texts, strict=True) if cell == SHOW]


def printed(folder: Path, *cells: str) -> list[str]:
    """Run cells in a kernel and return what each printed."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in cells])
    client = nbclient.NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    client.execute()
    return [
        "".join(
            output.text
            for output in cell.outputs
            if output.output_type == "stream" and output.name == "stdout"
        ).strip()
        for cell in notebook.cells
    ]


def test_notebook_cells_hash_by_their_last_definitions(tmp_path: Path) -> None:
    first, same, looked, helper, constant, back, magic, again = outputs(
        tmp_path,
        SETUP, "FACTOR = 1", HELPER, TASK, SHOW,
        HELPER + "  # the same", TASK, SHOW,
        "scale(2)\nFACTOR", "def unused(): pass", SHOW,
        HELPER.replace("2", "3"), SHOW,
        "FACTOR = 2", SHOW,
        HELPER + "\nFACTOR = 1", SHOW,
        "%time x = 1\n!true", SHOW,
        "FACTOR += 1", SHOW,
    )  # fmt: skip

    assert first.split()[1:] == ["__main__:FACTOR", "__main__:T", "__main__:scale"]
    assert first == same == looked == back == magic
    assert len({first, helper, constant, again}) == 4


def test_notebook_sees_what_a_timed_cell_defines(tmp_path: Path) -> None:
    first, second = outputs(
        tmp_path,
        SETUP, "FACTOR = 1", "%%time\n" + HELPER, "%%time\n" + TASK, SHOW,
        "%%capture\n" + HELPER.replace("2", "3"), SHOW,
    )  # fmt: skip

    assert first.split()[1:] == ["__main__:FACTOR", "__main__:T", "__main__:scale"]
    assert first != second


def test_notebook_class_that_a_file_defines_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job.py").write_text("class T: pass\n")
    check = "try:\n    hash_class(T)\nexcept ValueError as error:\n    print(error)"
    cells = (SETUP, "%run job.py", check)

    assert "the source of T cannot be found" in printed(tmp_path, *cells)[-1]


def test_notebook_reaches_modules_beside_it(tmp_path: Path) -> None:
    (tmp_path / "helper.py").write_text("def scale(x):\n    return x\n")
    cells = (SETUP + "\nfrom helper import scale\nFACTOR = 1", TASK, SHOW)
    (first,) = outputs(tmp_path, *cells)
    (tmp_path / "helper.py").write_text("def scale(x):\n    return -x\n")
    (second,) = outputs(tmp_path, *cells)

    assert "helper.py:scale" in first.split()
    assert first != second


def test_notebook_class_in_a_function_and_with_changed_registry(tmp_path: Path) -> None:
    first, second, third = outputs(
        tmp_path,
        SETUP, "R = []", "class T:\n    def run(self): return R", SHOW,
        "R.append(3)", SHOW,
        "R.append(3)\nR", SHOW,
    )  # fmt: skip

    assert len({first, second, third}) == 3
