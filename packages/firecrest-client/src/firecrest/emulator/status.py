"""The status service: what there is and how it is."""

from __future__ import annotations

from firecrest.emulator.call import Answer, Call, Handler
from firecrest.emulator.refusal import Refusal

_SERVICES = ("utilities", "tasks", "certificator", "compute", "storage", "reservations")
_FILESYSTEMS = (("HOME", "/home", "Users home"), ("SCRATCH", "/scratch", "Scratch"))


def _service(name: str) -> dict[str, object]:
    text = "server up & flask running"
    return {"description": text, "service": name, "status": "available", "status_code": 200}


def services(_: Call) -> Answer:
    """List the services."""
    rows = [_service(name) for name in _SERVICES]
    return Answer(
        200, {"description": "List of services with status and description.", "out": rows}
    )


def service(call: Call) -> Answer:
    """Tell about one service."""
    name = call.path["name"]
    if name not in _SERVICES:
        raise Refusal(404, {"description": "endpoint not found", "error": "endpoint not found"})
    return Answer(200, _service(name))


def _system(name: str, *, is_up: bool) -> dict[str, object]:
    if is_up:
        return {"description": "System ready", "status": "available", "system": name}
    text = "System does not accept connections"
    return {"description": text, "status": "not available", "system": name}


def systems(call: Call) -> Answer:
    """List the machines."""
    machines = call.site.settings.machines.items()
    rows = [_system(name, is_up=is_up) for name, is_up in machines]
    return Answer(200, {"description": "List of systems with status and description.", "out": rows})


def system(call: Call) -> Answer:
    """Tell about one machine."""
    name = _machine(call)
    found = _system(name, is_up=call.site.settings.machines[name])
    return Answer(200, {"description": "System information", "out": found})


def _machine(call: Call) -> str:
    name = call.path["name"]
    if name not in call.site.settings.machines:
        raise Refusal(
            404, {"description": "System does not exists.", "error": "endpoint not found"}
        )
    return name


def _mounted(call: Call, machine: str) -> list[dict[str, object]]:
    status = "available" if call.site.settings.machines[machine] else "not available"
    return [
        {
            "description": f"{text} filesystem",
            "name": name,
            "path": path,
            "status": status,
            "status_code": 200 if status == "available" else 400,
        }
        for name, path, text in _FILESYSTEMS
    ]


def filesystems(call: Call) -> Answer:
    """List every machine's filesystems."""
    found = {machine: _mounted(call, machine) for machine in call.site.settings.machines}
    return Answer(200, {"description": "Filesystem information", "out": found})


def filesystems_of(call: Call) -> Answer:
    """List one machine's filesystems."""
    machine = _machine(call)
    text = f"Filesystem information for system {machine}"
    return Answer(200, {"description": text, "out": _mounted(call, machine)})


def parameters(call: Call) -> Answer:
    """Tell the site's settings; every number is a text."""
    settings = call.site.settings
    mounted = [path for _, path, _ in _FILESYSTEMS]
    found = [{"mounted": mounted, "system": machine} for machine in settings.machines]
    out = {
        "compute": [
            _value(
                "WORKLOAD_MANAGER",
                "Slurm",
                "Type of resource and workload manager used in compute microservice.",
            )
        ],
        "general": [
            _value("FIRECREST_VERSION", settings.version, "FirecREST version."),
            _value("FIRECREST_BUILD", "", "FirecREST build timestamp."),
        ],
        "storage": [
            _value(
                "OBJECT_STORAGE", "s3v4", "Type of object storage, like `swift`, `s3v2` or `s3v4`."
            ),
            _value(
                "STORAGE_TEMPURL_EXP_TIME", "604800", "Expiration time for temp URLs.", "seconds"
            ),
            _value("STORAGE_MAX_FILE_SIZE", "5120", "Maximum file size for temp URLs.", "MB"),
            _value("FILESYSTEMS", found, "Available filesystems through the API."),
        ],
        "utilities": [
            _value(
                "UTILITIES_MAX_FILE_SIZE",
                f"{settings.size_limit / 2**20:g}",
                "The maximum allowable file size for various operations of the utilities "
                "microservice.",
                "MB",
            ),
            _value(
                "UTILITIES_TIMEOUT",
                f"{settings.command_timeout:g}",
                "Maximum time duration for executing the commands in the cluster for the "
                "utilities microservice.",
                "seconds",
            ),
        ],
    }
    return Answer(200, {"description": "Firecrest's parameters", "out": out})


def _value(name: str, value: object, description: str, unit: str = "") -> dict[str, object]:
    return {"description": description, "name": name, "unit": unit, "value": value}


ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/status/services", services),
    ("GET", "/status/services/{name}", service),
    ("GET", "/status/systems", systems),
    ("GET", "/status/systems/{name}", system),
    ("GET", "/status/filesystems", filesystems),
    ("GET", "/status/filesystems/{name}", filesystems_of),
    ("GET", "/status/parameters", parameters),
)
