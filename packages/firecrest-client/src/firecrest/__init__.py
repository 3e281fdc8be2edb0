"""A FirecREST v1 client, synchronous and asynchronous, with its command.

import firecrest as fc

client = fc.v1.Firecrest(firecrest_url, authorization=fc.TokenCommandAuth("my-token"))
client.list_files("cluster", "/home/me")
"""

from __future__ import annotations

from firecrest import v1
from firecrest.auth import ClientCredentialsAuth, TokenCommandAuth
from firecrest.correlation import correlation_id

# The module is imported before the class of its name, which takes the name over, as scripts expect.
from firecrest.FirecrestException import (
    ClientsCredentialsException,
    FirecrestException,
    HeaderException,
    NoJSONException,
    NotFound,
    NotImplementedOnAPIversion,
    PollingIterException,
    StorageDownloadException,
    StorageUploadException,
    UnauthorizedException,
    UnexpectedStatusException,
)

__version__ = "2.0.0a1"
__app_name__ = "firecrest"

__all__ = [
    "ClientCredentialsAuth",
    "ClientsCredentialsException",
    "FirecrestException",
    "HeaderException",
    "NoJSONException",
    "NotFound",
    "NotImplementedOnAPIversion",
    "PollingIterException",
    "StorageDownloadException",
    "StorageUploadException",
    "TokenCommandAuth",
    "UnauthorizedException",
    "UnexpectedStatusException",
    "__app_name__",
    "__version__",
    "correlation_id",
    "v1",
]


def __getattr__(name: str) -> object:
    # FirecREST 2.x of the public client had the clients here, and its tutorial still says so.
    if name in ("Firecrest", "AsyncFirecrest"):
        return getattr(v1, name)
    if name == "v2":
        import importlib

        return importlib.import_module("firecrest.v2")
    raise AttributeError(f"module 'firecrest' has no attribute {name!r}")
