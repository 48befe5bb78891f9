"""Fixtures that several test files share."""

from __future__ import annotations

from collections.abc import Iterator

import mpmath
import pytest


@pytest.fixture
def many_digits() -> Iterator[None]:
    """Let the oracle compute with 60 digits in this test."""
    with mpmath.workdps(60):
        yield
