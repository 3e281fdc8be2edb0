"""What holds for the tests of every package."""

from hypothesis import settings

# A law holds however busy the computer is; and the first example may pay for an import.
settings.register_profile("packages", parent=settings.default, deadline=None)
settings.load_profile("packages")
