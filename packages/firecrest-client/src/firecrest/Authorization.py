"""The authorization classes, where scripts look; see `firecrest.auth`."""  # noqa: N999

from firecrest.auth import ClientCredentialsAuth, TokenCommandAuth

__all__ = ["ClientCredentialsAuth", "TokenCommandAuth"]
