"""Passes over the samples that describe a squared-error problem: sums of each block, then of all in block order.

    block_extremes      least and largest x (blocks, 2)
    chebyshev_sums      (blocks, 3 d + 1), see `chebyshev`
    gram_sums           (blocks, rows, rows), see `expansion`
    residual_sums       (blocks, K + 1), see `expansion`

Each has a parallel form and a serial one, for processes that can't launch threads; both call one compiled block
function, so they give the same bits. A call covers as many blocks as its output has rows, from block `first` on, so
that a long pass can come back to Python in between. All are unchecked.
"""

import numpy as np
from numba import prange

from fastgd.kernels.chebyshev import chebyshev_block
from fastgd.kernels.expansion import block_residuals, gram_block
from fastgd.kernels.jit import dispatched, kernel, parallel_kernel

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


@dispatched
def extremes_of_block(x, b, extremes_out):
    """Set extremes_out (2,) to the least and the largest x of block b."""

    def implementation(x, b, extremes_out):
        block = x[b * BLOCK : (b + 1) * BLOCK]
        low = np.full(LANES, np.inf)
        high = np.full(LANES, -np.inf)
        for i in range(0, block.size, LANES):
            fold_extremes(block[i : i + LANES], low, high)
        extremes_out[0] = low.min()
        extremes_out[1] = high.max()

    return implementation


@parallel_kernel
def block_extremes(x, first, extremes_out):
    """Set extremes_out (blocks, 2)."""
    for b in prange(extremes_out.shape[0]):
        extremes_of_block(x, first + np.int64(b), extremes_out[np.int64(b)])


@kernel
def block_extremes_serial(x, first, extremes_out):
    """Do the same on the calling thread."""
    for b in range(extremes_out.shape[0]):
        extremes_of_block(x, first + b, extremes_out[b])


@parallel_kernel
def chebyshev_sums(x, y, center, inverse_half, zeros, first, sums_out):
    """Set sums_out (blocks, 3 d + 1); `zeros` has d zeros, so that d is part of the type, and none above MAX_TUPLE."""
    for b in prange(sums_out.shape[0]):
        start = (first + np.int64(b)) * BLOCK
        stop = start + BLOCK
        chebyshev_block(x[start:stop], y[start:stop], center, inverse_half, zeros, sums_out[np.int64(b)])


@kernel
def chebyshev_sums_serial(x, y, center, inverse_half, zeros, first, sums_out):
    """Do the same on the calling thread."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        stop = start + BLOCK
        chebyshev_block(x[start:stop], y[start:stop], center, inverse_half, zeros, sums_out[b])


@parallel_kernel
def gram_sums(samples, functions, length, first, sums_out):
    """Set sums_out (blocks, rows, rows) for a basis of K = `functions`, blocks of `length` samples."""
    for b in prange(sums_out.shape[0]):
        start = (first + np.int64(b)) * length
        gram_block(samples, functions, start, min(start + length, samples.y.size), sums_out[np.int64(b)])


@kernel
def gram_sums_serial(samples, functions, length, first, sums_out):
    """Do the same on the calling thread."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * length
        gram_block(samples, functions, start, min(start + length, samples.y.size), sums_out[b])


@parallel_kernel
def residual_sums(samples, z, zeros, first, sums_out):
    """Set sums_out (blocks, K + 1) at coefficients z (K,).

    `zeros` is as for Chebyshev sums; it is apart from the samples because `prange` takes no tuple within a tuple.
    """
    for b in prange(sums_out.shape[0]):
        start = (first + np.int64(b)) * BLOCK
        block_residuals(samples, z, zeros, start, min(start + BLOCK, samples.y.size), sums_out[np.int64(b)])


@kernel
def residual_sums_serial(samples, z, zeros, first, sums_out):
    """Do the same on the calling thread."""
    for b in range(sums_out.shape[0]):
        start = (first + b) * BLOCK
        block_residuals(samples, z, zeros, start, min(start + BLOCK, samples.y.size), sums_out[b])
