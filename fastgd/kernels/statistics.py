"""Passes over the samples that describe a squared-error problem: sums of each block, then of all in block order.

    block_extremes      least and largest x (blocks, 2)
    chebyshev_sums      (blocks, 3 d + 1), see `chebyshev`
    gram_sums           (blocks, rows, rows), see `expansion`
    residual_sums       (blocks, K + 1), see `expansion`

A call covers as many blocks as its output has rows, from block `first` on: threads share a pass by calling one kernel
for different blocks. There is no `prange` form beside a serial one: Numba optimises a copy of the block function for
each kernel that calls it, and copies compiled in two processes, met in the disk cache, rounded differently. All are
unchecked.
"""

import numpy as np

from fastgd.kernels.chebyshev import chebyshev_block
from fastgd.kernels.expansion import block_residuals, gram_block
from fastgd.kernels.jit import dispatched, kernel

BLOCK = 8192  # samples; the reduction's unit
LANES = 128  # running extremes; with 64 the loop waits for its own stores


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
    """Lower low[j] and raise high[j] to values[j]. Lane by lane it vectorises without the promise of no NaN."""

    def implementation(values, low, high):
        for j in range(values.size):
            value = float(values[j])
            low[j] = value if value < low[j] else low[j]
            high[j] = value if value > high[j] else high[j]

    return implementation


@kernel
def block_extremes(x, first, extremes_out):
    """Set extremes_out (blocks, 2)."""
    for b in range(extremes_out.shape[0]):
        block = x[(first + b) * BLOCK : (first + b + 1) * BLOCK]
        low = np.full(LANES, np.inf)
        high = np.full(LANES, -np.inf)
        for i in range(0, block.size, LANES):
            fold_extremes(block[i : i + LANES], low, high)
        extremes_out[b, 0] = low.min()
        extremes_out[b, 1] = high.max()


@kernel
def chebyshev_sums(x, y, center, inverse_half, zeros, first, sums_out):
    """Set sums_out (blocks, 3 d + 1); `zeros` has d zeros, so that d is part of the type, and none above MAX_TUPLE."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        stop = start + BLOCK
        chebyshev_block(x[start:stop], y[start:stop], center, inverse_half, zeros, sums_out[b])


@kernel
def gram_sums(samples, functions, length, first, sums_out):
    """Set sums_out (blocks, rows, rows) for a basis of K = `functions`, blocks of `length` samples."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * length
        gram_block(samples, functions, start, min(start + length, samples.y.size), sums_out[b])


@kernel
def residual_sums(samples, z, first, sums_out):
    """Set sums_out (blocks, K + 1) at coefficients z (K,)."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        block_residuals(samples, z, start, min(start + BLOCK, samples.y.size), sums_out[b])
