"""Momentum's closed form against 60 digits: the residual and the displacement of a mode after any number of steps."""

from __future__ import annotations

import itertools
import math

import mpmath
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from fastgd.descent.rules import RULES as CODES
from fastgd.kernels.modes.momentum import power
from tests.oracle.momentum import LIMITS, RULES, exact_powers
from tests.oracle.reference import EPSILON

STEPS = [0, 1, 2, 3, 7, 10, 100, 999, 1000, 12_345, 10**6, 10**9, 10**15]


def double_roots(rule, beta):
    """Return the x at which the recurrence's roots meet."""
    if rule == "momentum":
        return [(1 - math.sqrt(beta)) ** 2, (1 + math.sqrt(beta)) ** 2]
    return [((1 - beta) / (1 + beta)) ** 2, 1.0]


def assert_powers_have_their_digits(rule, x, beta, steps):
    """Compare with what x and beta determine: the change as each moves by one rounding error, and one in the result.

    A dozen operations make the map, and each rounds: eight such errors are allowed, in all and whatever the step. The
    largest seen is 4.3.
    """
    here = exact_powers(rule, x, beta, steps)
    moved = [(x * (1 + mpmath.mpf(sign)), beta) for sign in (EPSILON, -EPSILON)]
    moved += [(x, beta * (1 + mpmath.mpf(sign))) for sign in (EPSILON, -EPSILON)]
    there = [exact_powers(rule, *point, steps) for point in moved]
    for i, t in enumerate(steps):
        for k, found in enumerate(power(CODES[rule].code, x, beta, t)):
            allowed = EPSILON * abs(here[i][k]) + sum(abs(other[i][k] - here[i][k]) for other in there)
            off = abs(mpmath.mpf(found) - here[i][k])
            assert off <= 8 * allowed + 1e-300, f"{x=!r} {beta=!r} {t=}: {found}, exact {float(here[i][k])}"


@pytest.mark.slow
@pytest.mark.parametrize("beta", [0.0, 1e-8, 0.5, 0.9, 0.999, 1 - 1e-9, 1 - 2.0**-53])
@pytest.mark.parametrize("rule", RULES)
def test_powers_have_their_digits(many_digits, rule, beta):
    limit = LIMITS[rule](beta)
    shrinkages = [1e-300, 1e-16, 1e-4, 0.1, 0.7, 1.0, 0.9 * limit, 0.9999 * limit, limit * (1 - 1e-15)]
    for root in double_roots(rule, beta):
        shrinkages += [root * (1 + nearby) for nearby in (0.0, EPSILON, -EPSILON, 1e-12, -1e-6)]
    for x in shrinkages:
        if 0.0 < x < limit:
            assert_powers_have_their_digits(rule, x, beta, STEPS)


@settings(max_examples=60)
@given(st.sampled_from(sorted(RULES)), st.floats(0, 1, exclude_max=True), st.floats(-12, 0), st.integers(0, 10**7))
@example("momentum", 0.999, math.log10(0.99999), 10_000)  # n kept 5 digits
def test_powers_at_random(rule, beta, exponent, t):
    with mpmath.workdps(60):
        for x in (10.0**exponent, LIMITS[rule](beta) * (1 - 10.0**exponent)):
            if x > 0.0 and x < LIMITS[rule](beta):
                assert_powers_have_their_digits(rule, x, beta, [t])


def test_a_mode_without_curvature_moves_by_the_sum_of_its_velocities():
    for rule, t in itertools.product(RULES, (1, 5, 1000)):
        rho, n = power(CODES[rule].code, 0.0, 0.75, t)
        velocities = np.cumsum(0.75 ** np.arange(t))
        assert rho == 1.0
        assert n == pytest.approx(np.sum(velocities if rule == "momentum" else 1 + 0.75 * velocities), rel=1e-14)
