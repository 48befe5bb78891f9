"""Arrays of pairs of floats whose sum has twice the digits: what cancels in float64 keeps its own here.

A pair (high, low) stands for high + low, |low| at most half a unit in the last place of high. Sums and products with
their exact errors: Knuth (1969), Dekker (1971); dot products as if computed with twice the digits: Ogita, Rump and
Oishi, SIAM Journal on Scientific Computing 26 (2005). Operations are elementwise and in the order written, so a row has
the bits it has alone.
"""

from __future__ import annotations

import math

import numpy as np

from fastgd.check import Array

Pair = tuple[Array, Array]

_SPLIT = 2.0**27 + 1.0


def power_of_two(value: float) -> float:
    """Return the power of two just above |value|, or 1 for 0: dividing by it rounds nothing. Its inverse is normal."""
    return math.ldexp(1.0, min(max(math.frexp(value)[1], -1000), 1000)) if value else 1.0


def powers_of_two(values: Array) -> Array:
    """Return `power_of_two` of each."""
    return np.array([power_of_two(value) for value in values.tolist()])


def pair(values: Array) -> Pair:
    """Return floats as pairs."""
    return values, np.zeros_like(values)


def sum_with_error(a: Array, b: Array) -> Pair:
    """Return a + b and what its rounding has lost."""
    total = a + b
    of_b = total - a
    return total, (a - (total - of_b)) + (b - of_b)


def product_with_error(a: Array, b: Array | float) -> Pair:
    """Return a b and what its rounding has lost; no number where a factor is above 1e300."""
    product = a * b
    a_high = _SPLIT * a
    a_high = a_high - (a_high - a)
    b_high = _SPLIT * b
    b_high = b_high - (b_high - b)
    a_low = a - a_high
    b_low = b - b_high
    return product, a_low * b_low - (((product - a_high * b_high) - a_low * b_high) - a_high * b_low)


def product_of_matrices(a: Pair, b: Pair) -> Pair:
    """Return the product (m, n) of pairs of matrices (m, k) and (k, n)."""
    a_high, a_low = a
    b_high, b_low = b
    high = np.zeros((a_high.shape[0], b_high.shape[1]))
    low = np.zeros_like(high)
    for k in range(a_high.shape[1]):
        column = a_high[:, k, None]
        row = b_high[k]
        product, lost_of_product = product_with_error(column, row)
        high, lost_of_sum = sum_with_error(high, product)
        low += (lost_of_product + lost_of_sum) + (column * b_low[k] + a_low[:, k, None] * row)
    return sum_with_error(high, low)


def polynomial_values(theta: Array, x: Array) -> Pair:
    """Return sum_k theta_k x^k (M, N) of theta (M, P) at x (N,), by Horner's rule."""
    high = np.repeat(theta[:, -1:], x.size, axis=1)
    low = np.zeros_like(high)
    for k in range(theta.shape[1] - 2, -1, -1):
        product, lost_of_product = product_with_error(high, x)
        high, lost_of_sum = sum_with_error(product, theta[:, k, None])
        low = low * x + (lost_of_product + lost_of_sum)
    return sum_with_error(high, low)


def ordered_product(a: Array, b: Array) -> Array:
    """Return a b (m, n) of matrices (m, k) and (k, n) in float64, each row with the bits it has alone."""
    product = np.zeros((a.shape[0], b.shape[1]))
    for k in range(a.shape[1]):
        product += a[:, k, None] * b[k]
    return product
