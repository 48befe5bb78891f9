"""Linear fit: residual r_i = sum_j w_j X_ij + b - y_i, theta = (w, b), or theta = w without an intercept.

Shapes: y (N,); theta (P,), P = F or F + 1; sums_out (P + 1,). Data float32 or float64, arithmetic float64.

Two layouts, each with its kernel:

- up to MAX_TUPLE_FEATURES features, X as tiles (F, B), one a block and one behind the other in a flat array, the last
  as long as it needs be: each feature of a block is contiguous, a sample's features are a tuple in registers, and one
  feature is the user's own array;
- above, X row-major (N, F), four rows at a time: each row is read from memory once, for its residual, and again from
  cache, for the gradient. The four are a quarter of a block apart, which keeps four streams from memory going.
"""

from typing import NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.blocks import block_function, block_range
from fastgd.kernels.jit import dispatched
from fastgd.kernels.losses import rho, slope, slope_factor, weighted, weights_of

MAX_TUPLE_FEATURES = 8
BLOCK_ELEMENTS = 8192  # of a block's tile: 64 kB
ROW_BLOCK_ELEMENTS = 32768  # of a block of rows: 256 kB, half a second-level cache


def tile_length(features):
    """Return the samples of a block for few features."""
    return BLOCK_ELEMENTS // (features + 1) // 64 * 64


def row_block_length(features):
    """Return the samples of a block for many features, a multiple of four."""
    return max(16, ROW_BLOCK_ELEMENTS // features // 4 * 4)


class TiledData(NamedTuple):
    """Samples of a linear fit with few features, as its kernel sees them."""

    tiles: np.ndarray  # (N F,)
    y: np.ndarray  # (N,)
    zeros: tuple  # P zeros, so that P is part of the type
    ones: tuple  # (1.0,) with an intercept, () without
    block_length: int
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


class RowData(NamedTuple):
    """Samples of a linear fit with many features, as its kernel sees them."""

    X: np.ndarray  # (N, F)
    y: np.ndarray  # (N,)
    block_length: int
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


@dispatched(fastmath=True)
def features_of(zeros, ones, tile, i, length):
    """Return the tuple (tile[i], tile[i + length], ..., and 1.0 for an intercept), one element for each of `zeros`."""
    if len(zeros) == len(ones):
        return lambda zeros, ones, tile, i, length: ones
    return lambda zeros, ones, tile, i, length: (
        float(tile[i]),
        *features_of(zeros[1:], ones, tile, i + length, length),
    )


@dispatched(fastmath=True)
def dot(theta, features):
    """Return the dot product of two tuples."""
    if len(theta) == 1:
        return lambda theta, features: theta[0] * features[0]
    return lambda theta, features: theta[0] * features[0] + dot(theta[1:], features[1:])


@dispatched(fastmath=True)
def add_scaled(sums, r, features):
    """Return the tuple sums_k + r features_k."""
    if len(sums) == 1:
        return lambda sums, r, features: (sums[0] + r * features[0],)
    return lambda sums, r, features: (sums[0] + r * features[0], *add_scaled(sums[1:], r, features[1:]))


@block_function(TiledData)
def tiled_sums(data_type):
    """Return the kernel for one tile."""
    parameters = len(data_type[2])
    features = parameters - len(data_type[3])

    def implementation(samples, b, theta, sums_out):
        coefficients = to_fixed_tuple(theta, parameters)
        first, last = block_range(b, samples.block_length, samples.y.size)
        tile, y = samples.tiles[features * first : features * last], samples.y[first:last]
        loss, weights = samples.loss, weights_of(samples.weights, first, last)
        length = np.uint64(y.size)  # a signed index may count from the end: F = 7 and 8 became gathers, 3 times slower
        total = 0.0
        sums = samples.zeros
        for i in range(y.size):
            sample = features_of(samples.zeros, samples.ones, tile, np.uint64(i), length)
            r = dot(coefficients, sample) - float(y[i])
            total += weighted(weights, i, rho(loss, r))
            sums = add_scaled(sums, weighted(weights, i, slope(loss, r)), sample)
        sums_out[0] = total
        factor = slope_factor(loss)
        for k in range(parameters):
            sums_out[1 + k] = factor * sums[k]

    return implementation


@block_function(RowData)
def row_sums(data_type):
    """Return the kernel for one block of rows."""

    def implementation(samples, b, theta, sums_out):
        first, last = block_range(b, samples.block_length, samples.y.size)
        X, y, loss = samples.X[first:last], samples.y[first:last], samples.loss
        weights = weights_of(samples.weights, first, last)
        rows, width = X.shape
        flat = X.reshape(rows * width)
        intercept = theta[width] if theta.size > width else 0.0
        sums = sums_out[1 : 1 + width]
        sums[:] = 0.0
        total = 0.0
        slopes = 0.0
        quarter = rows // 4
        for i in range(quarter):
            row_a = flat[i * width : (i + 1) * width]
            row_b = flat[(i + quarter) * width : (i + quarter + 1) * width]
            row_c = flat[(i + 2 * quarter) * width : (i + 2 * quarter + 1) * width]
            row_d = flat[(i + 3 * quarter) * width : (i + 3 * quarter + 1) * width]
            r_a = r_b = r_c = r_d = intercept
            for j in range(width):
                w = theta[j]
                r_a += w * float(row_a[j])
                r_b += w * float(row_b[j])
                r_c += w * float(row_c[j])
                r_d += w * float(row_d[j])
            r_a -= float(y[i])
            r_b -= float(y[i + quarter])
            r_c -= float(y[i + 2 * quarter])
            r_d -= float(y[i + 3 * quarter])
            total += weighted(weights, i, rho(loss, r_a)) + weighted(weights, i + quarter, rho(loss, r_b))
            total += weighted(weights, i + 2 * quarter, rho(loss, r_c))
            total += weighted(weights, i + 3 * quarter, rho(loss, r_d))
            s_a = weighted(weights, i, slope(loss, r_a))
            s_b = weighted(weights, i + quarter, slope(loss, r_b))
            s_c = weighted(weights, i + 2 * quarter, slope(loss, r_c))
            s_d = weighted(weights, i + 3 * quarter, slope(loss, r_d))
            slopes += (s_a + s_b) + (s_c + s_d)
            for j in range(width):
                first_pair = s_a * float(row_a[j]) + s_b * float(row_b[j])
                sums[j] += first_pair + (s_c * float(row_c[j]) + s_d * float(row_d[j]))
        for i in range(4 * quarter, rows):
            row_a = flat[i * width : (i + 1) * width]
            r_a = intercept
            for j in range(width):
                r_a += theta[j] * float(row_a[j])
            r_a -= float(y[i])
            total += weighted(weights, i, rho(loss, r_a))
            s_a = weighted(weights, i, slope(loss, r_a))
            slopes += s_a
            for j in range(width):
                sums[j] += s_a * float(row_a[j])
        factor = slope_factor(loss)
        sums_out[0] = total
        for j in range(width):
            sums[j] *= factor
        if theta.size > width:
            sums_out[1 + width] = factor * slopes

    return implementation
