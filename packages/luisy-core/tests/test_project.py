import asyncio
import subprocess
import sys

import nbclient
import nbformat
import pytest
from luisy.project import project_of

SCRIPT = """
import luisy
luisy.set_working_dir({working_dir!r})

@luisy.final
@luisy.json_output
class Made(luisy.Task):
    pass

if __name__ == "__main__":
    print(Made().key)
"""


def run(*arguments, cwd):
    done = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, capture_output=True, text=True, check=True
    )
    return done.stdout.strip().splitlines()[-1]


@pytest.fixture
def script(tmp_path):
    package = tmp_path / "shop"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "report.py").write_text(SCRIPT.format(working_dir=str(tmp_path)))
    return package / "report.py"


def test_project_is_the_first_component_of_the_module():
    assert project_of("shop.tasks.raw") == "shop"


def test_project_of_a_script_is_its_name(script, tmp_path):
    assert run(script, cwd=tmp_path) == "report/final/Made.json"


def test_project_of_a_module_that_is_run_is_its_package(script, tmp_path):
    assert run("-m", "shop.report", cwd=tmp_path) == "shop/final/Made.json"


def test_project_of_an_interactive_session_is_notebook(tmp_path):
    code = SCRIPT.format(working_dir=str(tmp_path))
    assert run("-c", code, cwd=tmp_path) == "notebook/final/Made.json"


def test_project_of_a_notebook_is_notebook(tmp_path):
    cells = [nbformat.v4.new_code_cell(SCRIPT.format(working_dir=str(tmp_path)))]
    notebook = nbformat.v4.new_notebook(cells=cells)
    client = nbclient.NotebookClient(notebook, timeout=120, kernel_name="python3")
    asyncio.run(client.async_execute())
    text = "".join(output.get("text", "") for output in notebook.cells[0].outputs)
    assert "notebook/final/Made.json" in text
