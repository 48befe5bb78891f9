"""Numbers and counts as they stand in sentences."""

from __future__ import annotations

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context


def counted(count: int, noun: str) -> str:
    """Return so many of something."""
    return f"{count:,} {noun}{'s' * (count != 1)}"


def at_most(value: float, digits: int = 6) -> str:
    """Return a number in a few digits that is not above it: who takes a limit by the word stays below it."""
    return _rounded(value, digits, ROUND_FLOOR)


def nearest(value: float, below: float) -> str:
    """Return a number in six digits, rounded down where rounding would take it to what it must stay below."""
    text = f"{value:.6g}"
    return text if float(text) < below else at_most(value)


def at_least(value: float, digits: int = 6) -> str:
    """Return a number in a few digits that is not below it."""
    return _rounded(value, digits, ROUND_CEILING)


def _rounded(value: float, digits: int, direction: str) -> str:
    if math.isfinite(value):
        value = float(Context(prec=digits, rounding=direction).create_decimal(repr(float(value))))
    return f"{value:.{digits}g}"
