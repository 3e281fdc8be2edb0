"""What the tests of all packages share: how hypothesis tries its examples."""

from __future__ import annotations

from hypothesis import HealthCheck, settings

# No law fails because a machine is slow. Where CI is set, hypothesis itself tries the same
# examples every time.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
