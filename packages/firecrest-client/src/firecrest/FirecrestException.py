"""The exceptions, where scripts look; see `firecrest.errors`."""  # noqa: N999

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
