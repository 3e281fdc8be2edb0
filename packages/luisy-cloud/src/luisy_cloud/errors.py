"""Every exception of luisy-cloud.

LuisyError
└── NotFound
    └── MissingContainer    the container does not exist; `AzureStore.create_container` makes it
"""

from __future__ import annotations

from luisy_protocol.errors import NotFound


class MissingContainer(NotFound):
    """The container itself does not exist."""
