"""Polynomial fit: residual r_i = sum_k theta_k x_i^k - y_i.

Shapes: x (N,), y (N,), float32 or float64; theta (P,), lowest power first; sums_out (P + 1,). Arithmetic is float64.

Up to MAX_TUPLE parameters the coefficients and their sums are tuples, so everything stays in registers: even and odd
coefficients go together with x^2 (the pairs form), which halves the longest chain of dependent operations. From P = 6
on it is faster than single powers (117 against 91 GFLOP/s at P = 7 on one Zen 5 core); below, single powers win by a
tenth. Above MAX_TUPLE passes of 8 and 4 coefficients go over the residuals of a sub-block that stays in the
first-level cache.

y is subtracted last. Subtracted from the constant it would be read in a better order (at degree 1 0.92 to 0.96 of read
bandwidth, not 0.79 to 0.86), but where terms cancel digits would go: for x about 1e6 the loss had 9 right, and not 16.
"""

from typing import NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.compiling.processor import vector_registers
from fastgd.kernels.elementary.arithmetic import horner
from fastgd.kernels.problems.blocks import block_function, block_range, lane_function
from fastgd.kernels.problems.few_samples import lanes_of
from fastgd.kernels.problems.losses import (
    TERMS_AT_ONCE,
    has_terms,
    rho,
    slope,
    slope_factor,
    take_slopes,
    weighted,
    weights_of,
)

# Parameters. Beyond these registers spill: with 32 of 64 bytes, 16 parameters reach 88 GFLOP/s as a tuple and 69 by
# passes, 10 reach 106 and 53, but 18 only 52 and 64; with 16 of 32 bytes, 10 reach 0.60 of the peak as a tuple and 0.54
# by passes, 16 only 0.51 and 0.63.
MAX_TUPLE = 16 if vector_registers() == (32, 64) else 10
PAIRS_FROM = 6  # parameters
BLOCK_LENGTH = 4096  # samples; x and y of it are 64 kB, so it stays in the second-level cache for a batch of thetas
SUB_BLOCK = 1024  # samples; x, y and residuals of it are 24 kB


class PolynomialData(NamedTuple):
    """Samples of a polynomial fit, as its kernel sees them."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    zeros: tuple  # P zeros for the tuple kernel, so that P is part of the type; empty for the general one
    block_length: int
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


@dispatched(fastmath=True)
def polynomial_value(coefficients, x):
    """Return sum_k coefficients_k x^k of a tuple, by Horner's rule from the highest coefficient."""
    if len(coefficients) == 1:
        return lambda coefficients, x: coefficients[0]
    return lambda coefficients, x: coefficients[0] + x * polynomial_value(coefficients[1:], x)


@dispatched(fastmath=True)
def add_powers(sums, r, x):
    """Return the tuple sums_k + r x^k."""
    if len(sums) == 1:
        return lambda sums, r, x: (sums[0] + r,)
    return lambda sums, r, x: (sums[0] + r, *add_powers(sums[1:], r * x, x))


@dispatched(fastmath=True)
def value_by_pairs(theta, x, x2):
    """Return sum_k theta_k x^k of a tuple, Horner's rule in x2 = x^2 over pairs of coefficients."""
    if len(theta) == 1:
        return lambda theta, x, x2: theta[0]
    if len(theta) == 2:
        return lambda theta, x, x2: theta[0] + theta[1] * x
    return lambda theta, x, x2: (theta[0] + theta[1] * x) + x2 * value_by_pairs(theta[2:], x, x2)


@dispatched(fastmath=True)
def add_powers_by_pairs(sums, r, x, x2):
    """Return the tuple sums_k + r x^k, two powers at a time."""
    if len(sums) == 1:
        return lambda sums, r, x, x2: (sums[0] + r,)
    if len(sums) == 2:
        return lambda sums, r, x, x2: (sums[0] + r, sums[1] + r * x)
    return lambda sums, r, x, x2: (sums[0] + r, sums[1] + r * x, *add_powers_by_pairs(sums[2:], r * x2, x, x2))


@dispatched(fastmath=True)
def value_at(theta, x):
    """Return sum_k theta_k x^k of a tuple."""
    if len(theta) < PAIRS_FROM:
        return lambda theta, x: polynomial_value(theta, x)
    return lambda theta, x: value_by_pairs(theta, x, x * x)


@dispatched(fastmath=True)
def add_sample(sums, r, x):
    """Return the tuple sums_k + r x^k."""
    if len(sums) < PAIRS_FROM:
        return lambda sums, r, x: add_powers(sums, r, x)
    return lambda sums, r, x: add_powers_by_pairs(sums, r, x, x * x)


@block_function(PolynomialData)
def polynomial_sums(data_type):
    """Choose the kernel by the number of parameters."""
    parameters = len(data_type[2])
    if parameters == 0:
        return general_sums
    if has_terms(*data_type[4:6]):
        return sums_in_passes(parameters)

    def tuple_sums(data, b, theta, sums_out):
        coefficients = to_fixed_tuple(theta, parameters)
        first, last = block_range(b, data.block_length, data.y.size)
        x = data.x[first:last]
        y = data.y[first:last]
        loss = data.loss
        weights = weights_of(data.weights, first, last)
        total = 0.0
        sums = data.zeros
        for i in range(x.size):
            x_i = np.float64(x[i])
            r = value_at(coefficients, x_i) - np.float64(y[i])
            sums = add_sample(sums, weighted(weights, i, slope(loss, r)), x_i)
            total += weighted(weights, i, rho(loss, r))
        sums_out[0] = total
        factor = slope_factor(loss)
        for k in range(parameters):
            sums_out[1 + k] = factor * sums[k]

    return tuple_sums


def sums_in_passes(parameters):
    """Return the kernel that takes slopes in a loop of their own: all at once is more than processors look ahead."""

    def tuple_sums(data, b, theta, sums_out):
        coefficients = to_fixed_tuple(theta, parameters)
        first, last = block_range(b, data.block_length, data.y.size)
        loss = data.loss
        scratch = np.empty(TERMS_AT_ONCE)
        total = 0.0
        sums = data.zeros
        for start in range(first, last, TERMS_AT_ONCE):
            stop = min(start + TERMS_AT_ONCE, last)
            x = data.x[start:stop]
            y = data.y[start:stop]
            slopes = scratch[: x.size]
            for i in range(x.size):
                slopes[i] = value_at(coefficients, np.float64(x[i])) - np.float64(y[i])
            total += take_slopes(loss, slopes)
            for i in range(x.size):
                sums = add_sample(sums, slopes[i], np.float64(x[i]))
        sums_out[0] = total
        factor = slope_factor(loss)
        for k in range(parameters):
            sums_out[1 + k] = factor * sums[k]

    return tuple_sums


@dispatched(inlined=True)
def powers_of(zeros, x, power):
    """Return the tuple power x^k, an element for each of `zeros`."""
    if len(zeros) == 1:
        return lambda zeros, x, power: (power,)
    return lambda zeros, x, power: (power, *powers_of(zeros[1:], x, power * x))


@dispatched(inlined=True)
def value_by_powers(theta, powers):
    """Return sum_k theta_k x^k by Horner's rule, of tuples theta and 1, x, x^2, ..."""
    if len(theta) == 1:
        return lambda theta, powers: theta[0]
    return lambda theta, powers: horner(theta, powers[1])


@lane_function(PolynomialData, when=lambda data_type: len(data_type[2]) > 0)
def polynomial_lanes(data_type):
    """Return the kernel for a tuple of parameters."""
    return lanes_of(
        lambda data, i: powers_of(data.zeros, np.float64(data.x[i]), 1.0),
        lambda data, theta, powers, y: value_by_powers(theta, powers) - y,
    )


@dispatched(fastmath=True)
def horner_pass(zeros, coefficients, first, x, values):
    """Update values <- values x^w + sum_k coefficients[first + k] x^k over a sub-block, w = len(zeros)."""
    width = len(zeros)

    def implementation(zeros, coefficients, first, x, values):
        some = to_fixed_tuple(coefficients[first : first + width], width)
        for i in range(x.size):
            x_i = np.float64(x[i])
            x2 = x_i * x_i
            power = x2 * x2 if width == 4 else (x2 * x2) * (x2 * x2)
            values[i] = values[i] * power + value_by_pairs(some, x_i, x2)

    return implementation


@dispatched(fastmath=True)
def gradient_pass(zeros, first, x, slopes, sums):
    """Update sums[first + k] <- sums[first + k] + sum_i slopes_i x_i^k, k < w, then slopes <- slopes x^w."""
    width = len(zeros)

    def implementation(zeros, first, x, slopes, sums):
        some = zeros
        for i in range(x.size):
            x_i = np.float64(x[i])
            x2 = x_i * x_i
            power = x2 * x2 if width == 4 else (x2 * x2) * (x2 * x2)
            some = add_powers_by_pairs(some, slopes[i], x_i, x2)
            slopes[i] = slopes[i] * power
        for k in range(width):
            sums[first + k] += some[k]

    return implementation


def general_sums(data, b, theta, sums_out):
    """Sum over one block for any P: coefficients in eights, the top ones in fours, padded by zeros."""
    parameters = theta.size
    padded = (parameters + 3) // 4 * 4
    eights = padded // 8 * 8
    four = (0.0,) * 4
    eight = (0.0,) * 8
    coefficients = np.zeros(padded)
    for k in range(parameters):  # an assignment of arrays would compile the text of its error message too
        coefficients[k] = theta[k]
    sums = np.zeros(padded)
    values = np.empty(SUB_BLOCK)
    loss = data.loss
    total = 0.0
    first_sample, last_sample = block_range(b, data.block_length, data.y.size)
    for start in range(first_sample, last_sample, SUB_BLOCK):
        stop = min(start + SUB_BLOCK, last_sample)
        x = data.x[start:stop]
        y = data.y[start:stop]
        weights = weights_of(data.weights, start, stop)
        r = values[: x.size]
        r[:] = 0.0
        if eights < padded:
            horner_pass(four, coefficients, eights, x, r)
        for first in range(eights - 8, -1, -8):
            horner_pass(eight, coefficients, first, x, r)
        for i in range(x.size):
            r_i = r[i] - np.float64(y[i])
            total += weighted(weights, i, rho(loss, r_i))
            r[i] = weighted(weights, i, slope(loss, r_i))
        for first in range(0, eights, 8):
            gradient_pass(eight, first, x, r, sums)
        if eights < padded:
            gradient_pass(four, eights, x, r, sums)
    sums_out[0] = total
    factor = slope_factor(loss)
    for k in range(parameters):
        sums_out[1 + k] = factor * sums[k]
