"""Linear fit with many features: X row-major (N, F), read from memory once for many thetas.

Shapes: X (N, F), y (N,), float32 or float64; thetas (C, P), P = F, or F + 1 with an intercept; sums_out (C, P + 1).
Arithmetic is float64.

A few rows at a time, while they are in the first-level cache: their products with the thetas, what the loss makes of
the residuals, and the rows times that. Whatever the company, a theta's sums run over the same rows in the same order.
Thetas that fill no patch go alone, each over the whole block, which up to 128 features fits the second-level cache.

Measured on two Zen 5 cores with AVX-512. One theta, out of cache, F = 128, as a share of read bandwidth: 0.82 to 0.90
where rows are added while the next ones are multiplied; 0.66 to 0.80 one after the other, which at F = 16 takes 1.5
times as long in cache; 0.45 without fetching ahead. F = 1,024: 0.82 one after the other, 0.71 both at once. 64 thetas,
as a share of one core's multiply-add peak: 0.78 in patches of 4 x 4 over 32 rows; 0.69 in patches of 4 rows and 6
thetas, 0.68 over 64 rows, 0.73 over 16, 0.62 with factors that are not aligned.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.compiling.jit import merged_block_kernel, ordered_block_kernel
from fastgd.kernels.compiling.vectors import LANES
from fastgd.kernels.problems.blocks import batch_block_function, block_range
from fastgd.kernels.problems.losses import rho, slope, slope_factor, weighted, weights_of
from fastgd.kernels.problems.row_products import (
    ROWS,
    THETAS,
    add_lanes,
    add_row_products,
    aligned_zeros,
    multiply,
    pass_on,
    sum_of_lanes,
)

BLOCK_ELEMENTS = 32768  # of a block of rows
BLOCK_ROWS = 256  # at least, so that its sums are few beside its elements
ROWS_AT_ONCE = 32  # of several thetas, whose sums are then loaded and stored every 32 rows
ELEMENTS_AT_ONCE = 1024  # of the rows for one theta, 8 kB; twice as many leave no room in the first-level cache


def row_block_length(features):
    """Return the samples of a block for many features, a multiple of ROWS."""
    return max(BLOCK_ROWS, BLOCK_ELEMENTS // features // ROWS * ROWS)


class RowData(NamedTuple):
    """Samples of a linear fit with many features, as its kernel sees them."""

    X: np.ndarray  # (N, F)
    y: np.ndarray  # (N,)
    block_length: int
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


@batch_block_function(RowData)
def row_sums(data_type):
    """Return the kernel for one block of rows."""

    def implementation(data, b, thetas, sums_out):
        first, last = block_range(b, data.block_length, data.y.size)
        for c in range(thetas.shape[0]):
            for k in range(sums_out.shape[1]):
                sums_out[c, k] = np.nan  # should there be no memory
        together = thetas.shape[0] // THETAS * THETAS
        if together > 0:
            _sums_at_many(data, first, last, thetas[:together], sums_out[:together])
        for c in range(together, thetas.shape[0]):
            _sums_at_one(data, first, last, thetas[c : c + 1], sums_out[c : c + 1])

    return implementation


@merged_block_kernel
def _sums_at_many(data, first, last, thetas, sums_out):
    """Sum at C thetas, a multiple of THETAS, over the rows from `first` to before `last`."""
    X = data.X
    count = thetas.shape[0]
    factors = aligned_zeros(count, X.shape[1])
    _set_factors(factors, thetas, X.shape[1])
    rows_of_scratch = np.zeros((2 * count + 1, ROWS_AT_ONCE))
    values = rows_of_scratch[:count]
    rhos = rows_of_scratch[count : count + 1]
    lanes = rows_of_scratch[count + 1 :]
    for c in range(count):
        for k in range(sums_out.shape[1]):
            sums_out[c, k] = 0.0
    for i in range(first, last, ROWS_AT_ONCE):
        rows = min(ROWS_AT_ONCE, last - i)
        multiply(X, i, rows, factors, values)
        for c in range(count):
            _take_slopes(data, i, rows, thetas, values, c, rhos, lanes)
        add_row_products(X, i, rows, values, sums_out)
    for c in range(count):
        _finish(data, lanes, c, sums_out, sums_out)


@merged_block_kernel
def _sums_at_one(data, first, last, theta, sums_out):
    """Sum at theta (1, P); what rows contribute is added while the next come from memory, if both fit."""
    X = data.X
    width = X.shape[1]
    aligned = aligned_zeros(2, width)
    factors = aligned[:1]
    totals = aligned[1:]
    _set_factors(factors, theta, width)
    rows_of_scratch = np.zeros((3, ROWS_AT_ONCE))
    values = rows_of_scratch[:1]
    rhos = rows_of_scratch[1:2]
    lanes = rows_of_scratch[2:]
    # a multiple of LANES, or a batch would add up its lanes in another order
    at_once = min(max(ELEMENTS_AT_ONCE // width // LANES * LANES, LANES, ROWS), ROWS_AT_ONCE)
    fit_twice = at_once * width <= ELEMENTS_AT_ONCE
    i = before = first
    while before < last:
        rows = min(at_once, last - i)
        pass_on(X, i, rows, before, factors, values, totals)
        _take_slopes(data, i, rows, theta, values, 0, rhos, lanes)
        before, i = i, i + rows
        if not fit_twice:
            pass_on(X, i, 0, before, factors, values, totals)
            before = i
    _finish(data, lanes, 0, totals, sums_out)


@ordered_block_kernel
def _set_factors(factors, thetas, width):
    for c in range(thetas.shape[0]):
        for j in range(width):
            factors[c, 1 + j] = thetas[c, j]


@ordered_block_kernel
def _take_slopes(data, i, rows, thetas, values, c, rhos, lanes):
    """Turn the products in values[c] into slopes; add rho to the first lanes of lanes[c], psi to the next."""
    loss = data.loss
    targets = data.y[i : i + rows]
    some_weights = weights_of(data.weights, i, i + rows)
    width = data.X.shape[1]
    intercept = thetas[c, width] if thetas.shape[1] > width else 0.0
    some = values[c, :rows]
    some_rhos = rhos[0, :rows]
    for k in range(rows):
        r = (some[k] + intercept) - np.float64(targets[k])
        some_rhos[k] = weighted(some_weights, k, rho(loss, r))
        some[k] = weighted(some_weights, k, slope(loss, r))
    add_lanes(rhos, 0, rows, lanes, c, 0)
    add_lanes(values, c, rows, lanes, c, LANES)


@ordered_block_kernel
def _finish(data, lanes, c, totals, sums_out):
    """Set sums_out[c] from its lanes and from totals[c, 1:]."""
    width = data.X.shape[1]
    factor = slope_factor(data.loss)
    sums_out[c, 0] = sum_of_lanes(lanes, c, 0)
    for j in range(1, width + 1):
        sums_out[c, j] = factor * totals[c, j]
    if sums_out.shape[1] > width + 1:
        sums_out[c, width + 1] = factor * sum_of_lanes(lanes, c, LANES)
