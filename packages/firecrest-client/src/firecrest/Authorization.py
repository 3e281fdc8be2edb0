"""The authorization classes, where scripts look; see `firecrest.auth`."""  # noqa: N999 - the name
is the public one

from firecrest.auth import ClientCredentialsAuth, TokenCommandAuth

__all__ = ["ClientCredentialsAuth", "TokenCommandAuth"]
