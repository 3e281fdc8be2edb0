"""What scripts for the public client rely on, and what an import costs."""

import importlib
import inspect
import pkgutil
import subprocess
import sys

import firecrest as fc
import pytest

RESERVATION = "machine reservation account number_of_nodes node_type start_time end_time"
SIGNATURES = {
    "all_reservations": "machine",
    "all_services": "",
    "all_systems": "",
    "cancel": "machine job_id",
    "checksum": "machine target_path",
    "chmod": "machine target_path mode",
    "chown": "machine target_path owner group",
    "compress": "machine source_path target_path dereference fail_on_timeout",
    "copy": "machine source_path target_path",
    "create_reservation": RESERVATION,
    "delete_reservation": "machine reservation",
    "external_download": "machine source_path",
    "external_upload": "machine source_path target_path",
    "extract": "machine source_path target_path extension fail_on_timeout",
    "file_type": "machine target_path",
    "filesystems": "system_name",
    "groups": "machine",
    "head": "machine target_path bytes lines skip_ending",
    "list_files": "machine target_path show_hidden recursive",
    "log": "level msg",
    "mkdir": "machine target_path p",
    "mv": "machine source_path target_path",
    "nodes": "machine nodes",
    "parameters": "",
    "partitions": "machine partitions",
    "poll": "machine jobs start_time end_time page_size page_number",
    "poll_active": "machine jobs page_size page_number",
    "reservations": "machine reservations",
    "service": "service_name",
    "set_api_version": "api_version",
    "simple_delete": "machine target_path",
    "simple_download": "machine source_path target_path",
    "simple_upload": "machine source_path target_path filename",
    "stat": "machine target_path dereference",
    "submit": "machine job_script local_file script_str script_local_path script_remote_path "
    "account env_vars",
    "submit_compress_job": "machine source_path target_path dereference job_name time "
    "stage_out_job_id account",
    "submit_copy_job": "machine source_path target_path job_name time stage_out_job_id account",
    "submit_delete_job": "machine target_path job_name time stage_out_job_id account",
    "submit_extract_job": "machine source_path target_path extension job_name time "
    "stage_out_job_id account",
    "submit_move_job": "machine source_path target_path job_name time stage_out_job_id account",
    "submit_rsync_job": "machine source_path target_path job_name time stage_out_job_id account",
    "symlink": "machine target_path link_path",
    "system": "system_name",
    "tail": "machine target_path bytes lines skip_beginning",
    "update_reservation": RESERVATION,
    "view": "machine target_path",
    "whoami": "machine",
}


@pytest.mark.parametrize("name", SIGNATURES)
@pytest.mark.parametrize("client", [fc.v1.Firecrest, fc.v1.AsyncFirecrest])
def test_positional_arguments_are_those_of_the_public_client(client, name):
    parameters = inspect.signature(getattr(client, name)).parameters.values()
    positional = [p.name for p in parameters if p.kind is p.POSITIONAL_OR_KEYWORD]
    assert positional[1:] == SIGNATURES[name].split()


def test_constructor_is_that_of_the_public_client():
    names = list(inspect.signature(fc.v1.Firecrest).parameters)
    assert names == ["firecrest_url", "authorization", "verify", "sa_role"]
    assert list(inspect.signature(fc.v1.AsyncFirecrest).parameters) == names


def test_exceptions_are_found_where_scripts_look():
    from firecrest.FirecrestException import NotFound, PollingIterException

    assert isinstance(fc.FirecrestException, type)
    assert issubclass(NotFound, fc.FirecrestException)
    assert PollingIterException("t").task_id == "t"
    importlib.import_module("firecrest.Authorization")
    assert isinstance(fc.FirecrestException, type)


def test_old_names_at_the_top_are_the_v1_clients():
    assert fc.Firecrest is fc.v1.Firecrest
    assert fc.AsyncFirecrest is fc.v1.AsyncFirecrest


@pytest.mark.parametrize("module", ["firecrest", "firecrest.v1", "firecrest.errors"])
def test_all_is_true_and_sorted(module):
    module = importlib.import_module(module)
    assert list(module.__all__) == sorted(module.__all__)
    for name in module.__all__:
        assert getattr(module, name) is not None


def imported_by(code):
    heavy = "{'requests', 'httpx', 'typer', 'rich', 'yaml', 'asyncio', 'starlette', 'uvicorn'}"
    program = f"import sys\n{code}\nprint(*sorted({heavy} & set(sys.modules)))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_import_loads_nothing_heavy():
    assert imported_by("import firecrest") == []


def test_sync_use_loads_requests_only():
    code = (
        "import firecrest as fc\n"
        "fc.v1.Firecrest('http://127.0.0.1:9', fc.TokenCommandAuth('true'))\n"
        "from firecrest.path import FcPath\nimport firecrest.store"
    )
    assert imported_by(code) == ["requests"]


def test_async_use_without_httpx_names_the_extra():
    code = (
        "import sys\nsys.modules['httpx'] = None\nimport firecrest as fc\n"
        "try:\n    fc.v1.AsyncFirecrest\nexcept ImportError as error:\n    print(error)\nsys.exit()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'firecrest-client[async]'" in done.stdout


def test_every_module_has_a_docstring():
    for found in pkgutil.walk_packages(fc.__path__, "firecrest."):
        if found.name != "firecrest.v2" and "emulator" not in found.name:
            assert importlib.import_module(found.name).__doc__, found.name
