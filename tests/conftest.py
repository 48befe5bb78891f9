"""Fixtures that several test files share, and how many examples hypothesis tries.

HYPOTHESIS_PROFILE=nightly, or --hypothesis-profile=nightly, tries many more.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import mpmath
import pytest
from hypothesis import HealthCheck, settings

settings.register_profile("ci", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("nightly", settings.get_profile("ci"), max_examples=1000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture
def many_digits() -> Iterator[None]:
    """Let the oracle compute with 60 digits in this test."""
    with mpmath.workdps(60):
        yield
