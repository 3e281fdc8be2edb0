"""The clients of FirecREST v1, each loaded when it is first used."""

from __future__ import annotations

from types import ModuleType
from typing import TYPE_CHECKING

from luisy_protocol.errors import MissingPackage

if TYPE_CHECKING:
    from firecrest.blocking import Firecrest
    from firecrest.concurrent import AsyncFirecrest
    from firecrest.external import (
        AsyncExternalDownload,
        AsyncExternalStorage,
        AsyncExternalUpload,
        ExternalDownload,
        ExternalStorage,
        ExternalUpload,
    )

__all__ = [
    "AsyncExternalDownload",
    "AsyncExternalStorage",
    "AsyncExternalUpload",
    "AsyncFirecrest",
    "ExternalDownload",
    "ExternalStorage",
    "ExternalUpload",
    "Firecrest",
]


def __getattr__(name: str) -> object:
    if name not in __all__:
        raise AttributeError(f"module 'firecrest.v1' has no attribute {name!r}")
    if name == "Firecrest":
        from firecrest import blocking as module
    elif name == "AsyncFirecrest":
        module = _concurrent()
    else:
        from firecrest import external as module  # type: ignore[no-redef]
    value = globals()[name] = getattr(module, name)
    return value


def _concurrent() -> ModuleType:
    try:
        from firecrest import concurrent
    except ModuleNotFoundError as error:
        if error.name != "httpx":
            raise
        raise MissingPackage(
            "AsyncFirecrest needs httpx: pip install 'firecrest-client[async]'"
        ) from error
    return concurrent


def __dir__() -> list[str]:
    return __all__
