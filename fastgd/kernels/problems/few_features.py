"""Linear fit with few features: residual r_i = sum_j w_j X_ij + b - y_i, theta = (w, b), or w without an intercept.

Shapes: y (N,); theta (P,), P = F or F + 1; sums_out (P + 1,). Data float32 or float64, arithmetic float64.

Up to MAX_TUPLE_FEATURES features X lies as panels (F, samples of a panel), one behind the other in a flat array, the
last as long as it needs be: each feature of a panel is contiguous, a sample's features are a tuple in registers, and
one feature is the user's own array. More features: `many_features`.

A panel holds several blocks, so that memory is read on from where the block before ended. Out of cache 2, 4 and 8
features reach 0.88, 0.96 and 0.91 of read bandwidth; 0.82, 0.90 and 0.83 with blocks half as long, each its own panel.
"""

from typing import NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.problems.blocks import block_function, block_range, lane_function
from fastgd.kernels.problems.few_samples import dot_in_order, lanes_of
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

MAX_TUPLE_FEATURES = 8
BLOCK_ELEMENTS = 16384  # of X and y, at most: 128 kB
BLOCK_LENGTH = 4096  # samples at most, so that there are blocks for all threads
PANEL_BLOCKS = 4


def panel_block_length(features):
    """Return the samples of a block for few features."""
    return min(BLOCK_LENGTH, BLOCK_ELEMENTS // (features + 1) // 64 * 64)


class PanelData(NamedTuple):
    """Samples of a linear fit with few features, as its kernel sees them."""

    panels: np.ndarray  # (N F,)
    y: np.ndarray  # (N,)
    zeros: tuple  # P zeros, so that P is part of the type
    ones: tuple  # (1.0,) with an intercept, () without
    block_length: int
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


@dispatched(fastmath=True)
def features_of(zeros, ones, panel, i, length):
    """Return the tuple (panel[i], panel[i + length], ..., and 1.0 for an intercept), an element for each of `zeros`."""
    if len(zeros) == len(ones):
        return lambda zeros, ones, panel, i, length: ones
    return lambda zeros, ones, panel, i, length: (
        np.float64(panel[i]),
        *features_of(zeros[1:], ones, panel, i + length, length),
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


@block_function(PanelData)
def panel_sums(data_type):
    """Return the kernel for one block of a panel."""
    parameters = len(data_type[2])
    features = parameters - len(data_type[3])
    in_passes = has_terms(*data_type[5:7])

    def implementation(data, b, theta, sums_out):
        coefficients = to_fixed_tuple(theta, parameters)
        first, last = block_range(b, data.block_length, data.y.size)
        y = data.y[first:last]
        loss = data.loss
        weights = weights_of(data.weights, first, last)
        panel_first, panel_last = block_range(b // PANEL_BLOCKS, PANEL_BLOCKS * data.block_length, data.y.size)
        panel = data.panels[features * panel_first + first - panel_first : features * panel_last]
        # a signed index may count from the end: F = 7 and 8 became gathers, 3 times slower
        length = np.uint64(panel_last - panel_first)
        total = 0.0
        sums = data.zeros
        if in_passes:
            scratch = np.empty(TERMS_AT_ONCE)
            for start in range(0, y.size, TERMS_AT_ONCE):
                some = panel[start:]
                some_y = y[start : start + TERMS_AT_ONCE]
                slopes = scratch[: some_y.size]
                for i in range(slopes.size):
                    sample = features_of(data.zeros, data.ones, some, np.uint64(i), length)
                    slopes[i] = dot(coefficients, sample) - np.float64(some_y[i])
                total += take_slopes(loss, slopes)
                for i in range(slopes.size):
                    sample = features_of(data.zeros, data.ones, some, np.uint64(i), length)
                    sums = add_scaled(sums, slopes[i], sample)
        else:
            for i in range(y.size):
                sample = features_of(data.zeros, data.ones, panel, np.uint64(i), length)
                r = dot(coefficients, sample) - np.float64(y[i])
                total += weighted(weights, i, rho(loss, r))
                sums = add_scaled(sums, weighted(weights, i, slope(loss, r)), sample)
        sums_out[0] = total
        factor = slope_factor(loss)
        for k in range(parameters):
            sums_out[1 + k] = factor * sums[k]

    return implementation


@lane_function(PanelData)
def panel_lanes(data_type):
    """Return the kernel for samples of one panel."""
    return lanes_of(
        lambda data, i: features_of(data.zeros, data.ones, data.panels, i, data.y.size),
        lambda data, theta, features, y: dot_in_order(theta, features) - y,
    )
