"""The exceptions under the module name that scripts know; they live in `firecrest.errors`."""  # noqa: N999

from firecrest.errors import (
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

__all__ = [
    "ClientsCredentialsException",
    "FirecrestException",
    "HeaderException",
    "NoJSONException",
    "NotFound",
    "NotImplementedOnAPIversion",
    "PollingIterException",
    "StorageDownloadException",
    "StorageUploadException",
    "UnauthorizedException",
    "UnexpectedStatusException",
]
