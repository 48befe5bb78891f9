"""Linear fit with many features: X row-major (N, F), read from memory once for all thetas.

Shapes: X (N, F), y (N,), float32 or float64; thetas (C, P), P = F, or F + 1 with an intercept; sums_out (C, P + 1).
Arithmetic is float64.

A few rows at a time, while they are in the first-level cache: their products with the thetas, what the loss makes of
the residuals, and the rows times that. Whatever the company, a theta's sums run over the same rows in the same order.

Measured on two Zen 5 cores with AVX-512. One theta, out of cache, F = 128, as a share of read bandwidth: 0.88 for rows
one after the other and memory fetched 8 kB ahead; 0.70 where LLVM unrolls the loop over a row, 0.45 without fetching;
in C 0.69 for four adjacent rows side by side, 0.78 for four a quarter-block apart. 64 thetas, as a share of one core's
multiply-add peak: 0.78 in tiles of 4 x 4 over 32 rows; 0.69 in tiles of 4 rows and 6 thetas, 0.68 over 64 rows, 0.73
over 16, 0.62 with factors that are not aligned.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.blocks import batch_block_function, block_range
from fastgd.kernels.losses import rho, slope, slope_factor, weighted, weights_of
from fastgd.kernels.products import LANES, ROWS, add_lanes, add_products, aligned_rows, multiply, sum_of_lanes

BLOCK_ELEMENTS = 32768  # of a block of rows
BLOCK_ROWS = 256  # at least, so that its sums are few beside its elements
ELEMENTS_AT_ONCE = 1024  # of the rows for one theta: 8 kB
ROWS_AT_ONCE = 32  # at most, and for several thetas, whose sums are then loaded and stored every 32 rows


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

    def implementation(samples, b, thetas, sums_out):
        first, last = block_range(b, samples.block_length, samples.y.size)
        X, y, loss = samples.X, samples.y, samples.loss
        count, width = thetas.shape[0], X.shape[1]
        has_intercept = thetas.shape[1] > width
        at_once = ROWS_AT_ONCE  # a multiple of LANES in any case, or a batch would add in another order
        if count == 1:
            at_once = min(max(ELEMENTS_AT_ONCE // width // LANES * LANES, LANES), ROWS_AT_ONCE)
        for c in range(count):
            for k in range(sums_out.shape[1]):
                sums_out[c, k] = np.nan
        factors = aligned_rows(thetas, width)
        scratch = np.empty((count + 1, ROWS_AT_ONCE))
        products, losses = scratch[:count], scratch[count:]
        lanes = np.zeros((2 * count, LANES))  # sums of rho, and of psi, over every LANES-th row
        for c in range(count):
            for k in range(sums_out.shape[1]):
                sums_out[c, k] = 0.0
        for i in range(first, last, at_once):
            rows = min(at_once, last - i)
            targets, some_weights = y[i : i + rows], weights_of(samples.weights, i, i + rows)
            multiply(X, i, rows, factors, products)
            for c in range(count):
                intercept = thetas[c, width] if has_intercept else 0.0
                values, rhos = products[c, :rows], losses[0, :rows]
                for k in range(rows):
                    r = (values[k] + intercept) - np.float64(targets[k])
                    rhos[k] = weighted(some_weights, k, rho(loss, r))
                    values[k] = weighted(some_weights, k, slope(loss, r))
                add_lanes(losses, 0, rows, lanes, 2 * c)
                add_lanes(products, c, rows, lanes, 2 * c + 1)
            add_products(X, i, rows, products, sums_out)
        factor = slope_factor(loss)
        for c in range(count):
            sums_out[c, 0] = sum_of_lanes(lanes, 2 * c)
            for j in range(width):
                sums_out[c, 1 + j] *= factor
            if has_intercept:
                sums_out[c, 1 + width] = factor * sum_of_lanes(lanes, 2 * c + 1)

    return implementation
