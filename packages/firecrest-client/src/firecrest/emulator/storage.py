"""The storage service: transfers within a machine as jobs, and through the staging area."""

from __future__ import annotations

import shlex
import shutil
from collections.abc import Callable
from pathlib import Path, PurePosixPath

from firecrest.emulator import compute
from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import CommandFailed, Refusal
from firecrest.emulator.tasks import Task, created

_WAITING = "Waiting for Presigned URL to upload file to staging area (Amazon S3 - Signature v4)"


def _internal(kind: str) -> Handler:
    """Make the handler of one kind of internal transfer: a job in the xfer partition."""

    def handler(call: Call) -> Answer:
        compute.check_machine(call)
        target = call.text("targetPath", operation=kind)
        source = "" if kind == "rm" else call.text("sourcePath", operation=kind)
        name = call.optional("jobName", operation=kind) or f"{kind}-job"

        def work(task: Task) -> object:
            folder = compute.task_folder(call, task)
            script = call.filesystem.place(f"{folder}/sbatch-job.sh", command="sbatch")
            script.write_text(_script(call, name, _command(call, kind, source, target)))
            after = call.form.get("stageOutJobId", "")
            return compute.submit(call, script, folder=folder, environment={}, after=after)

        return compute.begin(call, work, status=201, with_url=False)

    return handler


def _script(call: Call, name: str, command: str) -> str:
    options = {"job-name": name, "output": "job-%j.out", "error": "job-%j.err", "partition": "xfer"}
    for option, field in (("time", "time"), ("account", "account")):
        if value := call.optional(field, operation="xfer-internal"):
            options[option] = value
    lines = [f"#SBATCH --{option}={shlex.quote(value)}" for option, value in options.items()]
    # The real server's script ends with an echo too: its job is COMPLETED whatever happened.
    return "\n".join(["#!/bin/bash", *lines, command, "echo done", ""])


def _command(call: Call, kind: str, source: str, target: str) -> str:
    try:
        words = _words(call, kind, source, target)
    except CommandFailed as error:
        return f"echo {shlex.quote(str(error))} >&2"
    return shlex.join(words)


def _words(call: Call, kind: str, source: str, target: str) -> list[str]:
    files = call.filesystem
    if kind == "rm":
        return ["rm", "-rf", "--", str(files.resolve(target, command="rm", follow=False))]
    real = files.resolve(source, command=f"{kind}: {source}", follow=kind != "mv")
    place = files.place(target, command=f"{kind}: {target}")
    if kind == "compress":
        follow = ["--dereference"] if call.flag("dereference") else []
        return ["tar", "-czf", str(place), *follow, "-C", str(real.parent), "--", real.name]
    if kind == "extract":
        return ["tar", "--one-top-level=" + str(place), "-xf", str(real)]
    first = f"{real}/" if source.endswith("/") else str(real)
    if kind == "rsync" and shutil.which("rsync"):
        return ["rsync", "-a", "--", first, str(place)]
    if kind == "rsync":
        return ["cp", "-aT" if source.endswith("/") else "-a", "--", str(real), str(place)]
    return [
        "mv" if kind == "mv" else "cp",
        *(["-r"] if kind == "cp" else []),
        "--",
        first,
        str(place),
    ]


def upload(call: Call) -> Answer:
    """Start an upload through the staging area."""
    compute.check_machine(call)
    source = call.text("sourcePath", operation="upload")
    target = call.text("targetPath", operation="upload")
    _checked(call, target, need_folder=True)
    name = PurePosixPath(source).name
    task = call.site.tasks.create(call, service="storage")
    place = {
        "source": name,
        "system_addr": "127.0.0.1:22",
        "system_name": call.machine,
        "target": f"{target.rstrip('/')}/{name}",
    }
    _tell(call, task, "110", {**place, "msg": _WAITING})
    call.site.background(lambda: _receive(call, task, place))
    return created(task, status=201)


def _tell(call: Call, task: Task, status: str, data: dict[str, object]) -> None:
    common = {"hash_id": task.id, "status": status, "trace_id": "", "user": call.user}
    call.site.tasks.update(task.id, status, {**common, **data})


def _receive(call: Call, task: Task, place: dict[str, str]) -> None:
    site, staging, key = call.site, call.site.staging, f"{task.id}/{place['source']}"
    form = staging.form(call.user, key)
    link = staging.link(call.user, key)
    fields = " ".join(f"-F {shlex.quote(f'{name}={value}')}" for name, value in form.fields.items())
    message = {
        "action": f"curl -f -s -G -o '{place['target']}' -- '{link}'",
        "cert": ["", ""],
        "command": f"curl -f --show-error -s -i -X POST {form.url} {fields} "
        f"-F file=@{call.form['sourcePath']}",
        "download_url": link,
        "parameters": {
            "data": form.fields,
            "files": call.form["sourcePath"],
            "headers": {},
            "json": {},
            "method": "POST",
            "params": {},
            "url": form.url,
        },
    }
    _tell(call, task, "111", {**place, "msg": message})
    if not staging.wait(call.user, key, stopped=site.stopped):
        return
    site.tasks.update(task.id, "112", place)
    site.tasks.update(task.id, "113", place)
    _settle(call, task, ("114", "115"), place, lambda: _arrive(call, key, place["target"]))


def _arrive(call: Call, key: str, target: str) -> None:
    real = call.filesystem.place(target, command=f"cannot create '{target}'")
    partial = real.with_name(f".{key.partition('/')[0]}.part")
    call.site.staging.fetch(call.user, key, partial)
    partial.replace(real)
    call.site.staging.drop(call.user, key)


def _settle(
    call: Call,
    task: Task,
    states: tuple[str, str],
    data: dict[str, str],
    work: Callable[[], None],
) -> None:
    """Do the last step of a transfer and note whether it went well."""
    well, badly = states
    if call.site.faults.take_task(badly):
        call.site.tasks.update(task.id, badly, "Injected fault: the transfer failed")
        return
    try:
        work()
    except (CommandFailed, OSError) as error:
        call.site.tasks.update(task.id, badly, str(error))
        return
    call.site.tasks.update(task.id, well, data)


def download(call: Call) -> Answer:
    """Start a download through the staging area."""
    compute.check_machine(call)
    source = call.text("sourcePath", operation="download")
    real = _checked(call, source, need_folder=False)
    task = call.site.tasks.create(call, service="storage")
    call.site.background(lambda: _send(call, task, source, real))
    return created(task, status=201)


def _send(call: Call, task: Task, source: str, real: Path) -> None:
    key = f"{task.id}/{PurePosixPath(source).name}"
    call.site.tasks.update(task.id, "116", "Started upload from filesystem to Object Storage")
    data = {"source": source, "system_name": call.machine}

    def work() -> None:
        call.site.staging.store(real, call.user, key)
        data["url"] = call.site.staging.link(call.user, key)

    _settle(call, task, ("117", "118"), data, work)


def _checked(call: Call, path: str, *, need_folder: bool) -> Path:
    description = "targetPath error" if need_folder else "sourcePath error"
    try:
        need = 0o200 if need_folder else 0o400
        real = call.filesystem.existing(path, command=path, need=need)
    except CommandFailed as error:
        if "denied" in str(error):
            header, status = "X-Permission-Denied", 404
        else:
            header, status = "X-Invalid-Path" if need_folder else "X-Not-Found", 400
        raise Refusal(status, {"description": description}, {header: str(error)}) from error
    if real.is_dir() is not need_folder:
        header = "X-Not-A-Directory" if need_folder else "X-A-Directory"
        reason = f"{path} is {'not ' if need_folder else ''}a directory"
        raise Refusal(400, {"description": description}, {header: reason})
    return real


def invalidate(call: Call) -> Answer:
    """Remove the object behind a download's link."""
    task = call.site.tasks.find(call.headers.get("x-task-id", ""), user=call.user)
    if task is None or task.status != "117" or not isinstance(task.data, dict):
        raise Refusal(400, {"error": "Invalid task id"})
    name = PurePosixPath(str(task.data["source"])).name
    call.site.staging.drop(call.user, f"{task.id}/{name}")
    call.site.tasks.invalidate(task.id)
    return Answer(201, {"success": "URL invalidated successfully"})


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    *(
        ("POST", f"/storage/xfer-internal/{kind}", _internal(kind))
        for kind in ("mv", "cp", "rsync", "rm", "compress", "extract")
    ),
    ("POST", "/storage/xfer-external/upload", upload),
    ("POST", "/storage/xfer-external/download", download),
    ("POST", "/storage/xfer-external/invalidate", invalidate),
)
