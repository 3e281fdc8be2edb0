"""Not there: this package speaks to FirecREST v1."""

from luisy_protocol.errors import NotSupported


class V2NotSupported(NotSupported, AttributeError):
    """The client of FirecREST v2 was asked for."""


raise V2NotSupported(
    "firecrest-client speaks FirecREST v1 only (firecrest.v1); for a v2 server use pyfirecrest 3"
)
