"""The authorization classes under the module name that scripts know; see `firecrest.auth`."""  # noqa: N999

from firecrest.auth import ClientCredentialsAuth, TokenCommandAuth

__all__ = ["ClientCredentialsAuth", "TokenCommandAuth"]
