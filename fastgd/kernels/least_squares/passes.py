"""Passes over the samples that describe a squared-error problem: sums of each block, then of all in block order.

    block_extremes      least and largest x (blocks, 2)
    chebyshev_sums      (blocks, 3 d + 1), see `chebyshev`
    gram_sums           (blocks, rows, rows), see `gram`
    residual_sums       (blocks, K + 1), see `residuals`

A call covers as many blocks as its output has rows, from block `first` on: threads share a pass by calling one kernel
for different blocks. There is no `prange` form beside a serial one: Numba optimises a copy of the block function for
each kernel that calls it, and copies compiled in two processes, met in the disk cache, rounded differently. All are
unchecked.
"""

import numpy as np

from fastgd.kernels.compiling.jit import dispatched, kernel
from fastgd.kernels.least_squares.chebyshev import chebyshev_block
from fastgd.kernels.least_squares.gram import gram_block
from fastgd.kernels.least_squares.residuals import block_residuals

BLOCK = 8192  # samples; the reduction's unit
LANES = 128  # running extremes


@kernel
def add_in_order(partials, sums, errors):
    """Add rows of partials (B, n) to sums (n,), each with its rounding error in errors (n,) (Neumaier's summation)."""
    for b in range(partials.shape[0]):
        for j in range(sums.size):
            term = partials[b, j]
            total = sums[j] + term
            lost_term = (sums[j] - total) + term
            lost_sum = (term - total) + sums[j]
            errors[j] += lost_term if abs(sums[j]) >= abs(term) else lost_sum
            sums[j] = total


@dispatched
def fold_extremes(values, low, high):
    """Lower low (LANES,) and raise high (LANES,) to values (4 LANES,).

    Lane by lane this vectorises without a promise that there is no NaN; four at a time, because waiting for the stores
    of the lanes took two thirds of the time.
    """

    def implementation(values, low, high):
        for j in range(LANES):
            a = np.float64(values[j])
            b = np.float64(values[j + LANES])
            c = np.float64(values[j + 2 * LANES])
            d = np.float64(values[j + 3 * LANES])
            low_ab = a if a < b else b
            low_cd = c if c < d else d
            lowest = low_ab if low_ab < low_cd else low_cd
            low[j] = lowest if lowest < low[j] else low[j]
            high_ab = a if a > b else b
            high_cd = c if c > d else d
            highest = high_ab if high_ab > high_cd else high_cd
            high[j] = highest if highest > high[j] else high[j]

    return implementation


@kernel
def block_extremes(x, first, extremes_out):
    """Set extremes_out (blocks, 2)."""
    low = np.empty(LANES)
    high = np.empty(LANES)
    for b in range(extremes_out.shape[0]):
        block = x[(first + b) * BLOCK : (first + b + 1) * BLOCK]
        for j in range(LANES):
            low[j] = high[j] = np.float64(block[0])
        whole = block.size // (4 * LANES) * (4 * LANES)
        for i in range(0, whole, 4 * LANES):
            fold_extremes(block[i : i + 4 * LANES], low, high)
        for i in range(whole, block.size):
            low[0] = min(low[0], np.float64(block[i]))
            high[0] = max(high[0], np.float64(block[i]))
        extremes_out[b, 0] = low[0]
        extremes_out[b, 1] = high[0]
        for j in range(1, LANES):  # the methods min and max take half a second to compile
            extremes_out[b, 0] = min(extremes_out[b, 0], low[j])
            extremes_out[b, 1] = max(extremes_out[b, 1], high[j])


@kernel
def chebyshev_sums(data, first, sums_out):
    """Set sums_out (blocks, 3 d + 1)."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        stop = start + BLOCK
        x = data.x[start:stop]
        y = data.y[start:stop]
        chebyshev_block(x, y, data.center, data.inverse_half, data.zeros, sums_out[b])


@kernel
def gram_sums(data, functions, length, first, sums_out):
    """Set sums_out (blocks, rows, rows) for a basis of K = `functions`, blocks of `length` samples."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * length
        gram_block(data, functions, start, min(start + length, data.y.size), sums_out[b])


@kernel
def residual_sums(data, z, first, sums_out):
    """Set sums_out (blocks, K + 1) at coefficients z (K,)."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        block_residuals(data, z, start, min(start + BLOCK, data.y.size), sums_out[b])
