"""The oracle of derivatives against derivatives that are known."""

from __future__ import annotations

import math
from math import sqrt

import numba
import numpy as np
import pytest
from mpmath import mp, mpf

from tests.oracle.derivatives import value_and_gradient

TENTHS = np.array([0.1, 0.2, 0.3])


@numba.njit
def jitted(x):
    return math.exp(-x)


def plain(x, factor=0.1):
    return factor * jitted(x)


KNOWN = {  # a function, theta, its value and its gradient in mpmath's arithmetic
    "constant's own digits": (lambda t: 0.1 * t, 3.0, lambda t: (mpf(0.1) * t, [mpf(0.1)])),
    "far out": (lambda t: math.tanh(t), 350.0, lambda t: (mp.tanh(t), [1 / mp.cosh(t) ** 2])),
    "huge": (lambda t: np.sin(t), 1e22, lambda t: (mp.sin(t), [mp.cos(t)])),
    "tiny": (lambda t: math.log(t), 1e-300, lambda t: (mp.log(t), [1 / t])),
    "flat": (lambda t: math.cos(t), 1e-300, lambda t: (mp.cos(t), [-mp.sin(t)])),
    "no slope": (lambda t: 3.0, 1.0, lambda t: (mpf(3), [mpf(0)])),
    "helpers": (lambda t: plain(t) + jitted(t), 2.0, lambda t: ((mpf(0.1) + 1) * mp.exp(-t), None)),
    "imported": (lambda t: sqrt(t), 2.0, lambda t: (mp.sqrt(t), [1 / (2 * mp.sqrt(t))])),
    "an array": (
        lambda t: np.sum(TENTHS * t**2),
        [1.0, 2.0, 3.0],
        lambda t: (None, list(2 * t * [mpf(x) for x in TENTHS])),
    ),
    "branch": (lambda t: t**2 if t > 1 else t, 3.0, lambda t: (t**2, [2 * t])),
    "where": (lambda t: np.where(t > 0, np.sqrt(t), -t), -3.0, lambda t: (-t, [mpf(-1)])),
}


@pytest.mark.parametrize(("function", "theta", "known"), KNOWN.values(), ids=KNOWN)
def test_known_derivatives_have_sixty_digits(function, theta, known):
    value, gradient = value_and_gradient(function, theta, np.size(theta))
    with mp.workdps(1000):
        exact_value, exact_gradient = known(np.array([mpf(t) for t in theta], object) if np.ndim(theta) else mpf(theta))
        for one, other in zip([value, *gradient], [exact_value, *(exact_gradient or [None] * 3)], strict=False):
            assert other is None or abs(one - other) <= abs(other) * mpf(10) ** -60


def test_no_derivative_is_found_at_a_pole():
    assert mp.isnan(value_and_gradient(lambda t: math.sqrt(t), 0.0, 1)[1][0])
    assert mp.isnan(value_and_gradient(lambda t: math.log(t), -1.0, 1)[0])
