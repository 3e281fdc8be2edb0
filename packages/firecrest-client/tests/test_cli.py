"""The command, as it is typed, against the emulator."""

import importlib.metadata
import json
import logging
import os
import re
import signal
import subprocess
import sys
from itertools import pairwise, takewhile
from pathlib import Path

import firecrest as fc
import pytest
from click.testing import CliRunner as ClickRunner
from firecrest.cli import app
from firecrest.emulator import Emulator, Fault, Settings
from firecrest.luisy_command import command as luisy_command
from typer.main import get_command
from typer.testing import CliRunner

HOME = "/home/f7tuser"
COMMANDS = list(get_command(app).commands)


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    settings = Settings(root=tmp_path_factory.mktemp("site"), size_limit=100_000)
    with Emulator(settings) as server:
        yield server


@pytest.fixture
def home(site):
    return site.machine_folder("cluster") / "home/f7tuser"


@pytest.fixture(autouse=True)
def quiet():
    """The command sets the level of the log, which outlives it in this process."""
    yield
    logging.getLogger("firecrest").setLevel(logging.NOTSET)


@pytest.fixture
def environment(site):
    return {
        "FIRECREST_URL": site.url,
        "FIRECREST_CLIENT_ID": site.client_id,
        "FIRECREST_CLIENT_SECRET": site.client_secret,
        "AUTH_TOKEN_URL": site.token_url,
        "FIRECREST_SYSTEM": "cluster",
        "COLUMNS": "200",
    }


@pytest.fixture
def run(environment):
    def call(*words, code=0, **changes):
        env = {name: value for name, value in (environment | changes).items() if value is not None}
        unset = dict.fromkeys(environment.keys() - env.keys())
        result = CliRunner().invoke(app, list(map(str, words)), env=env | unset)
        assert result.exit_code == code, result.output
        return result

    return call


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["systems"], "System ready"),
        (["systems", "-n", "cluster2"], "not available"),
        (["services"], "utilities"),
        (["parameters"], "UTILITIES_MAX_FILE_SIZE"),
        (["filesystems"], "/home"),
        (["filesystems", "-s", "cluster"], "/home"),
        (["tasks"], "Tasks"),
        (["whoami"], "f7tuser"),
        (["whoami", "-s", "cluster"], "f7tuser"),
        (["id"], "uid="),
        (["ls", "/"], "home"),
        (["ls", "-a", "-R", "/"], "Permissions"),
        (["poll"], "Accounting"),
        (["poll-active"], "Queue"),
        (["get-nodes"], "part01"),
        (["get-partitions"], "part01"),
        (["get-reservations"], "Reservations"),
        (["--version"], fc.__version__),
        (["--help"], "FIRECREST_TOKEN_COMMAND"),
        (["submit-template", "--help"], "rsync"),
        (["emulator", "--help"], "loopback"),
    ],
    ids=" ".join,
)
def test_command_shows(run, words, expected):
    assert expected in run(*words).stdout


@pytest.mark.parametrize(
    "words",
    [
        "systems",
        "services",
        "parameters",
        "filesystems",
        "tasks",
        f"ls {HOME}",
        f"stat {HOME}",
        "poll",
        "poll-active",
        "get-nodes",
        "get-partitions",
        "get-reservations",
    ],
)
def test_json_is_json(run, words):
    json.loads(run(*words.split(), "--json").stdout)
    assert run(*words.split(), "--raw").stdout


def test_piped_table_has_no_colour_and_folds_nothing(run, home):
    name = "long" * 60
    (home / name).write_text("x")
    text = run("ls", f"{HOME}/{name}").stdout
    assert "\x1b" not in text
    assert text.splitlines()[0] == f"{HOME}/{name} on cluster"
    assert any(f" {HOME}/{name} " in line for line in text.splitlines()[1:])


def test_table_that_is_too_wide_for_the_terminal_folds_nothing():
    code = (
        "from firecrest.cli.show import print_rows\n"
        "print_rows([{'a': 'x' * 90, 'b': 'end'}], {'A': 'a', 'B': 'b'}, title='T')"
    )
    controller, terminal = os.openpty()
    env = {"COLUMNS": "80", "TERM": "xterm"}
    subprocess.run([sys.executable, "-c", code], stdout=terminal, env=os.environ | env, check=True)
    os.close(terminal)
    shown = os.read(controller, 10_000).decode()
    os.close(controller)
    assert "x" * 90 + "  end" in shown


def test_table_without_rows_is_a_line(run):
    assert run("poll", "99999").stdout == "Accounting of cluster: none\n"


def test_reader_that_has_enough_is_told_nothing(environment):
    reader, pipe = os.pipe()
    os.close(reader)
    code = "from firecrest.cli_script import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", code, "systems", "--json"],
        stdout=pipe,
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | environment,
        check=False,
    )
    os.close(pipe)
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("command", [None, *COMMANDS])
def test_help_fits_a_terminal_of_80_columns(run, command):
    lines = run(*(command or "").split(), "--help", COLUMNS="80").stdout.splitlines()
    assert max(map(len, lines)) <= 80
    prose = [line.strip() for line in takewhile(lambda line: "─" not in line, lines)]
    # A line that ends early is the last one of its paragraph.
    for line, following in pairwise(prose):
        if line and following:
            assert len(f"{line} {following.split()[0]}") > 76, prose


def test_files_are_worked_on(run, home):
    run("mkdir", "-p", f"{HOME}/d/e")
    (home / "d" / "f").write_text("".join(f"{n}\n" for n in range(20)))
    run("cp", f"{HOME}/d/f", f"{HOME}/d/g")
    run("mv", f"{HOME}/d/g", f"{HOME}/d/h")
    run("chmod", f"{HOME}/d/h", "600")
    assert (home / "d" / "h").stat().st_mode & 0o777 == 0o600
    run("symlink", f"{HOME}/d/h", f"{HOME}/d/link")
    assert (home / "d" / "link").is_symlink()
    assert run("head", "-n", "2", f"{HOME}/d/f").stdout == "0\n1\n"
    assert run("head", "-n", "-18", f"{HOME}/d/f").stdout == "0\n1\n"
    assert run("head", "-n", "-99", f"{HOME}/d/f").stdout == ""
    assert run("head", "-n", "0", f"{HOME}/d/f").stdout == ""
    assert run("tail", "-n", "2", f"{HOME}/d/f").stdout == "18\n19\n"
    assert run("tail", "-n", "+19", f"{HOME}/d/f").stdout == "18\n19\n"
    assert run("tail", "-c", "3", f"{HOME}/d/f").stdout == "19\n"
    assert len(run("checksum", f"{HOME}/d/f").stdout.strip()) == 64
    assert "text" in run("file", f"{HOME}/d/f").stdout
    run("rm", "--force", f"{HOME}/d/link")
    run("compress", f"{HOME}/d", f"{HOME}/d.tar.gz")
    run("extract", f"{HOME}/d.tar.gz", f"{HOME}/d/e")
    assert (home / "d/e/d/f").is_file()
    run("rm", f"{HOME}/d", code=1)
    assert (home / "d").is_dir()
    run("rm", "--force", f"{HOME}/d")
    assert not (home / "d").exists()


@pytest.mark.parametrize("kind", ["auto", "direct", "external"])
@pytest.mark.parametrize("size", [10, 200_000])
def test_transfer_moves_the_file(run, home, tmp_path, kind, size):
    content = os.urandom(size)
    (tmp_path / "local").write_bytes(content)
    code = 1 if kind == "direct" and size > 100_000 else 0
    name = f"remote-{kind}-{size}"
    result = run("upload", tmp_path / "local", HOME, name, "--type", kind, code=code)
    if code:
        assert "use external_upload" in result.stderr
        return
    assert (home / name).read_bytes() == content
    run("download", f"{HOME}/{name}", tmp_path / "back", "--type", kind)
    assert (tmp_path / "back").read_bytes() == content


def test_download_without_a_destination_takes_the_name(run, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (home / "named").write_text("x")
    run("download", f"{HOME}/named")
    assert (tmp_path / "named").read_text() == "x"
    (tmp_path / "folder").mkdir()
    run("download", f"{HOME}/named", "folder")
    assert (tmp_path / "folder" / "named").read_text() == "x"


def test_link_that_cannot_be_invalidated_does_not_fail_the_download(run, site, home, tmp_path):
    (home / "link").write_text("x")
    site.faults.add(Fault("expired", path="/storage/xfer-external/invalidate"))
    result = run("download", "--type", "external", f"{HOME}/link", tmp_path / "link")
    assert "Cannot invalidate the link" in result.stderr
    assert (tmp_path / "link").read_text() == "x"


def test_job_is_submitted_and_waited_for(run, tmp_path, home):
    script = tmp_path / "job.sh"
    script.write_text("#!/bin/bash\necho $A > result\nexit $B\n")
    job = json.loads(run("submit", script, "-e", "A=x y", "-e", "B=0").stdout)
    assert run("wait", job["jobid"]).stdout.strip() == "COMPLETED"
    job = json.loads(run("submit", script, "-e", "B=1").stdout)
    assert run("wait", job["jobid"], code=1).stdout.strip() == "FAILED"
    (home / "job.sh").write_text(script.read_text())
    job = json.loads(run("submit", "--no-local", f"{HOME}/job.sh").stdout)
    assert job["job_file"] == f"{HOME}/job.sh"
    assert "FAILED" in run("poll").stdout


def test_template_submits_a_job(run, home):
    (home / "t").write_text("x")
    job = json.loads(run("submit-template", "cp", f"{HOME}/t", f"{HOME}/t2").stdout)
    run("wait", job["jobid"])
    assert (home / "t2").read_text() == "x"
    job = json.loads(run("submit-template", "rm", f"{HOME}/t2", "--job-name", "gone").stdout)
    run("wait", job["jobid"])
    assert not (home / "t2").exists()


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ("ls /nope", 1, "firecrest: Operation failed: Cannot list '/nope' on 'cluster'"),
        ("ls / -s nomachine", 1, "Machine does not exist"),
        ("cancel 99999", 1, "Invalid job id"),
        ("upload /absent/file /home", 1, "there is no file /absent/file to send"),
        ("upload / /home", 2, "/ is a folder; pack it, or send its files"),
        ("head /f -n 1 -c 1", 2, "not both"),
        ("head /f -n many", 2, "not a number"),
        ("chown /f", 2, "--owner"),
        ("submit job.sh -e A", 2, "VAR=VALUE"),
        ("ls", 2, "Missing argument"),
        ("nonsense", 2, "No such command"),
        ("--config /absent.yaml systems", 2, "cannot be read"),
        ("--api-version newest systems", 2, "not a version"),
        ("--token-url here systems", 2, "the token URL must start with https://"),
        ("--firecrest-url http://[ systems", 2, "and name a host: 'http://['"),
        ("--firecrest-url http://host:99999 systems", 2, "and name a host"),
        ("--firecrest-url https:// systems", 2, "and name a host"),
        ("--token-url http://[ systems", 2, "the token URL must"),
        ("--timeout 0 systems", 2, "Invalid value for '--timeout'"),
        ("--auth-timeout -1 systems", 2, "Invalid value for '--auth-timeout'"),
        ("emulator --folder /dev/null --port 0", 1, "cannot make the folder /dev/null"),
        ("emulator --fault nonsense", 2, "there is no fault 'nonsense'"),
        ("emulator --fault 503:/x:often", 2, "'often' is no number"),
        ("emulator --port 99999", 2, "--port"),
    ],
)
def test_mistake_is_told_in_a_line(run, words, code, said):
    result = run(*words.split(), code=code)
    assert said in " ".join(result.stderr.replace("│", " ").split())
    assert "Traceback" not in result.output
    assert result.stdout == ""


def test_missing_settings_are_named(run):
    result = run("systems", code=2, FIRECREST_CLIENT_SECRET=None)
    assert "FIRECREST_CLIENT_SECRET" in result.stderr
    assert "FIRECREST_CLIENT_ID" not in result.stderr
    assert "FIRECREST_URL" in run("systems", code=2, FIRECREST_URL=None).stderr


def test_secret_is_not_shown_in_help(run):
    assert "s3cr3t" not in run("--help", FIRECREST_CLIENT_SECRET="s3cr3t").output
    result = run("systems", code=1, FIRECREST_CLIENT_SECRET="s3cr3t")
    assert "invalid_client" in result.stderr
    assert "s3cr3t" not in result.output


def test_token_command_logs_in(run, site):
    changes = dict.fromkeys(["FIRECREST_CLIENT_ID", "FIRECREST_CLIENT_SECRET", "AUTH_TOKEN_URL"])
    words = ["--token-command", f"echo {site.token()}", "whoami"]
    assert run(*words, **changes).stdout == "f7tuser\n"


def test_config_file_gives_defaults(run, tmp_path, site, environment):
    config = tmp_path / "config.yaml"
    config.write_text(
        f"firecrest-url: {site.url}\nsystem: cluster2\n"
        "ls:\n  system: cluster\n  show_hidden: true\n"
    )
    changes = {"FIRECREST_URL": None, "FIRECREST_SYSTEM": None}
    result = run("--config", config, "ls", HOME, "--json", **changes)
    assert "." in [entry["name"] for entry in json.loads(result.stdout)]
    assert "Connection refused" in run("--config", config, "stat", "/", code=1, **changes).stderr
    run("ls", HOME, FIRECREST_CONFIG=str(config), **changes)


@pytest.mark.parametrize(
    "words", ["get-nodes", "poll-active", f"submit-template rm {HOME}/x"], ids=lambda words: words
)
def test_config_file_reaches_commands_of_several_words(run, tmp_path, words):
    config, name = tmp_path / "config.yaml", words.split()[0]
    config.write_text(f"system: absent1\n{name}:\n  api-version: 1\n")
    said = run("--config", config, *words.split(), code=1, FIRECREST_SYSTEM=None).stderr
    assert "'absent1'" in said
    config.write_text(f"system: absent1\n{name}:\n  system: absent2\n")
    said = run("--config", config, *words.split(), code=1, FIRECREST_SYSTEM=None).stderr
    assert "'absent2'" in said


def test_debug_tells_every_request_and_no_token(run, site, caplog):
    with caplog.at_level(logging.DEBUG, logger="firecrest"):
        run("--debug", "systems")
    said = [record.getMessage() for record in caplog.records if record.name == "firecrest"]
    assert "list the systems: HTTP 200" in said
    assert site.client_secret not in "".join(said)


def test_luisy_firecrest_is_the_same_command(environment):
    result = ClickRunner().invoke(luisy_command, ["systems", "--json"], env=environment)
    assert [s["system"] for s in json.loads(result.output)] == ["cluster", "cluster2"]
    result = ClickRunner().invoke(luisy_command, ["ls", "/nope"], env=environment)
    assert result.exit_code == 1
    result = ClickRunner().invoke(luisy_command, ["--help"], env=environment)
    assert "luisy firecrest" in result.output


def script(code, **env):
    words = [sys.executable, "-c", code]
    return subprocess.run(words, capture_output=True, text=True, env=os.environ | env, check=False)


@pytest.mark.parametrize(
    ("words", "extra"), [("ls /", "cli"), ("--help", "cli"), ("-v emulator --port 0", "emulator")]
)
def test_missing_extra_is_named(words, extra):
    code = (
        f"import sys; sys.argv[1:] = {words.split()}; sys.modules['typer'] = None\n"
        "from firecrest.cli_script import main; main()"
    )
    done = script(code)
    assert done.returncode == 1
    said = f"firecrest: typer is missing: pip install 'firecrest-client[{extra}]'"
    assert done.stderr.strip() == said


def test_extra_emulator_brings_the_command():
    lines = [re.split("[;=]+ *", line) for line in importlib.metadata.requires("firecrest-client")]
    cli, emulator = (
        {line[0] for line in lines if name in line[-1]} for name in ("cli", "emulator")
    )
    assert cli
    assert cli < emulator


def test_v2_is_refused_in_a_sentence():
    done = script("from firecrest.cli_script import main; main()", FIRECREST_API_VERSION="2.2.8")
    assert done.returncode == 2
    assert "FirecREST v1 only" in done.stderr


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM])
def test_emulator_serves_until_it_is_interrupted(run, tmp_path, end):
    words = ["emulator", "--folder", tmp_path, "--port", "0"]
    code = "from firecrest.cli_script import main; main()"
    with subprocess.Popen(
        [sys.executable, "-c", code, *words],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        words = "".join(server.stdout.readline() for _ in range(5)).replace("export", "").split()
        settings = dict(word.split("=", 1) for word in words)
        assert run("whoami", **settings).stdout == "f7tuser\n"
        run("whoami", code=1, **settings | {"FIRECREST_CLIENT_SECRET": "not-a-secret"})
        server.send_signal(end)
        said = server.stderr.read()
    assert server.returncode == 0
    assert "NOT a security boundary" in said
    assert "Traceback" not in said


def test_completion_is_offered():
    done = script(
        "import sys; sys.argv = ['firecrest']; from firecrest.cli_script import main; main()",
        _FIRECREST_COMPLETE="complete_bash",
        COMP_WORDS="firecrest syst",
        COMP_CWORD="1",
    )
    assert "systems" in done.stdout


@pytest.mark.skipif(sys.platform != "linux", reason="/dev/full is a device of Linux")
def test_stdout_that_has_no_room_is_told_in_a_sentence():
    code = "from firecrest.cli_script import main; main()"
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [sys.executable, "-c", code, "--help"],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.stderr.startswith("firecrest: cannot write the output of this command: the disk is")
    assert (done.stderr.count("\n"), done.returncode) == (1, 1)
