import importlib
import subprocess
import sys

import luigi
import luisy
import pytest
from luisy_protocol import LuisyError

OF_1_4 = [
    "Task",
    "ExternalTask",
    "ConcatenationTask",
    "WrapperTask",
    "Config",
    "set_working_dir",
    "activate_download",
    "final",
    "interim",
    "raw",
    "inherits",
    "requires",
    "auto_filename",
    "csv_output",
    "json_output",
    "xlsx_output",
    "hdf_output",
    "pickle_output",
    "parquetdir_output",
    "deltatable_output",
    "deltatable_input",
    "azure_blob_storage_output",
    "azure_blob_storage_input",
    "Parameter",
    "IntParameter",
    "FloatParameter",
    "TupleParameter",
    "ListParameter",
    "DictParameter",
    "DateParameter",
    "DateIntervalParameter",
    "BoolParameter",
]


@pytest.mark.parametrize("name", OF_1_4)
def test_name_of_luisy_1_4_is_there(name):
    assert name in luisy.__all__
    assert getattr(luisy, name) is not None


def test_build_is_also_where_luisy_1_4_had_it():
    from luisy.cli import build

    assert build is luisy.build


def test_command_runs_as_a_module():
    done = subprocess.run(
        [sys.executable, "-m", "luisy", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip().endswith(luisy.__version__)


@pytest.mark.parametrize("name", luisy.__all__)
def test_every_public_name_is_found_and_listed(name):
    assert getattr(luisy, name) is not None
    assert name in dir(luisy)


def test_public_names_are_sorted_and_each_once():
    assert sorted(set(luisy.__all__)) == luisy.__all__


@pytest.mark.parametrize("name", [n for n in luigi.__all__ if n.endswith("Parameter")])
def test_parameters_are_those_of_luigi(name):
    assert getattr(luisy, name) is getattr(luigi, name)


@pytest.mark.parametrize("module", ["decorators", "helpers", "targets", "testing", "visualize"])
def test_module_is_found_without_importing_it(module):
    assert getattr(luisy, module) is importlib.import_module(f"luisy.{module}")


@pytest.mark.parametrize("module", ["tasks", "tasks.base"])
def test_old_modules_of_tasks_have_the_same_classes(module):
    tasks = importlib.import_module(f"luisy.{module}")
    for name in ("Task", "ExternalTask", "ConcatenationTask", "WrapperTask", "SparkTask"):
        assert getattr(tasks, name) is getattr(luisy, name)


def test_import_reads_no_heavy_library():
    heavy = ["pandas", "numpy", "click", "rich", "pyarrow", "pyspark", "polars", "matplotlib"]
    heavy += ["networkx", "azure", "boto3", "pytest"]
    code = f"import sys, luisy; print([name for name in {heavy} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_import_reads_no_setting():
    code = (
        "import os\n"
        "class Watched(dict):\n"
        "    def get(self, name, default=None):\n"
        "        assert not name.startswith(('LUISY', 'WORKING')), name\n"
        "        return super().get(name, default)\n"
        "os.environ = Watched(os.environ)\n"
        "import luisy, luisy.targets, luisy.helpers\n"
        "import luisy.config\n"
        "try: luisy.Config().get_param('working_dir')\n"
        "except AssertionError: print('watched')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "watched"


def test_import_sets_up_no_logging():
    code = "import luisy, logging; print(logging.getLogger().handlers)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of this kind")
def test_import_needs_no_temporary_folder():
    code = (
        "import resource\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n"
        "import luisy, tempfile\n"
        "print(luisy.Task.__name__)\n"
        "try: tempfile.gettempdir()\n"
        "except FileNotFoundError: print('none still')\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "Task\nnone still\n"


def test_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="module 'luisy' has no attribute 'csv_otput'"):
        _ = luisy.csv_otput
    assert not hasattr(luisy, "csv_otput")


def test_settings_errors_are_errors_of_luisy():
    with pytest.raises(LuisyError):
        luisy.Config().set_param("unknown", 1)
