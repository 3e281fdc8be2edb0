"""The emulator answers each recorded request as the real server did.

Compared are the status, the headers that name an error, and the shape of the JSON (keys and types).
Task and job numbers differ; they are translated. A recorded poll of a task asks until the
emulator's task has the recorded status, unless that was one that passes by.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests
from firecrest.emulator import Emulator, Settings

_RECORDINGS = Path(__file__).parent / "data" / "firecrest-v1-exchanges.jsonl"
_PASSING = {"100", "110", "112", "113"}
_FINAL = {"114", "115", "117", "118"}
_FIELD = re.compile(
    r'name="(?P<name>[^"]+)"(?:; filename="(?P<file>[^"]+)")?\s+(?P<value>.*)', re.DOTALL
)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Emulator]:
    settings = Settings(root=tmp_path, clients={"one": "f7tuser", "two": "f7tother"})
    with Emulator(settings) as server:
        (server.machine_folder("cluster") / "home/f7tuser/e2e").mkdir()  # the first request: rm
        yield server


def test_emulator_answers_as_recorded_when_asked_the_same(site: Emulator) -> None:
    replay = _Replay(site)
    exchanges = [json.loads(line) for line in _RECORDINGS.read_text().splitlines()]

    differences = [
        f"{place} {exchange['call']}: {problem}"
        for place, exchange in enumerate(exchanges)
        for problem in replay.differences(exchange)
    ]

    assert differences == []


class _Replay:
    """Sends recorded requests with the emulator's own task and job numbers."""

    def __init__(self, site: Emulator) -> None:
        self._site = site
        self._session = requests.Session()
        self._session.headers["Authorization"] = f"Bearer {site.token('f7tuser')}"
        self._ids: dict[str, str] = {}
        self._form: dict[str, Any] = {}

    def differences(self, exchange: dict[str, Any]) -> list[str]:
        recorded = _json(exchange["resp_body"])
        if isinstance(recorded, dict) and "tasks" in recorded:
            return self._task_differences(exchange, *recorded["tasks"].items())
        response = self._send(exchange)
        found = []
        if response.status_code != exchange["status"]:
            found.append(f"status {response.status_code} for {exchange['status']}")
        for name, value in exchange["resp_headers"].items():
            if name.startswith("X-") and response.headers.get(name) != value:
                found.append(f"{name}: {response.headers.get(name)!r} for {value!r}")
        if recorded is None:
            return [*found, *([] if response.text == exchange["resp_body"] else ["body"])]
        answered = response.json()
        if "task_id" in recorded:
            self._ids[recorded["task_id"]] = answered["task_id"]
        return found + _shape_differences(recorded, answered)

    def _task_differences(self, exchange: dict[str, Any], task: tuple[str, Any]) -> list[str]:
        old_id, old = task
        status = old["status"]
        if status == "113" and self._form:  # the recorded client posted the file before this
            self._post_file()
        if status in _PASSING or (status == "111" and self._form):
            return []
        while True:
            (new,) = self._send(exchange).json()["tasks"].values()
            if new["status"] == status or new["status"] in _FINAL or new["status"] >= "200":
                break
        if new["task_id"] != self._ids[old_id]:
            return [f"another task: {new['task_id']}"]
        if new["status"] != status:
            return [f"task status {new['status']} ({new['data']}) for {status}"]
        if status == "111":
            self._form = new["data"]["msg"]["parameters"]
        if isinstance(new["data"], dict) and "jobid" in new["data"]:
            self._ids[old["data"]["jobid"]] = new["data"]["jobid"]
        return _shape_differences(old, new)

    def _post_file(self) -> None:
        files = {"file": ("big.bin", b"x" * 7_000_000)}
        posted = requests.post(self._form["url"], self._form["data"], files=files, timeout=60)
        assert posted.status_code == 204, posted.text

    def _send(self, exchange: dict[str, Any]) -> requests.Response:
        url = urlsplit(exchange["url"])
        target = self._translated(f"{url.path}?{url.query}" if url.query else url.path)
        sent = exchange["req_headers"]
        headers = {n: self._translated(v) for n, v in sent.items() if n.startswith("X-")}
        body: dict[str, Any] = {"data": exchange["req_body"] or None}
        kind = sent.get("Content-Type", "")
        if kind.startswith("multipart/"):
            body = _multipart(exchange["req_body"], size=int(sent["Content-Length"]))
        elif kind:
            headers["Content-Type"] = kind
        return self._session.request(
            exchange["method"], self._site.url + target, headers=headers, timeout=60, **body
        )

    def _translated(self, text: str) -> str:
        return re.sub(r"[0-9a-f]{32}|(?<=jobs[=/])\d+", lambda m: self._ids.get(m[0], m[0]), text)


def _json(text: str) -> Any:
    return json.loads(text) if text.startswith(("{", "[")) else None


def _multipart(body: str, *, size: int) -> dict[str, Any]:
    """Take a recorded form apart; a large file was not recorded whole and is filled up."""
    data, files = {}, {}
    boundary = body.split("\n", 1)[0].strip()
    for part in body.split(boundary):
        if field := _FIELD.search(part):
            value = field["value"].removesuffix("\n").removesuffix("\r")
            if field["file"]:
                files[field["name"]] = (field["file"], value.encode().ljust(size // 10**6 * 10**6))
            else:
                data[field["name"]] = value
    return {"data": data, "files": files}


def _shape_differences(recorded: Any, answered: Any, where: str = "$") -> list[str]:
    if type(recorded) is not type(answered):
        return [f"{where}: {type(answered).__name__} for {type(recorded).__name__}"]
    if isinstance(recorded, dict):
        if set(recorded) != set(answered) and not all(key.isdecimal() for key in recorded):
            return [f"{where}: keys {sorted(set(recorded) ^ set(answered))}"]
        pairs = [(f"{where}.{key}", recorded[key], answered[key]) for key in recorded]
    elif isinstance(recorded, list):
        if bool(recorded) is not bool(answered):
            return [f"{where}: {len(answered)} entries for {len(recorded)}"]
        like = recorded if len(recorded) == len(answered) else recorded[:1] * len(answered)
        pairs = [(f"{where}[]", *pair) for pair in zip(like, answered, strict=True)]
    else:
        return []
    return [problem for at, old, new in pairs for problem in _shape_differences(old, new, at)]
