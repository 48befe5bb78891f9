"""A squared loss by its statistics: sum of squared residuals ||R (theta - start) + c||^2 + floor, c those at the start.

To the engine loops it is r samples y = -c of features R, however many there were. Counted from the start: where
descents begin far out along directions of little curvature, R theta alone may be as large as the data allow, and lose
what c holds. Shapes: R (r, P), start (P,), y (r,). Unchecked.
"""

from typing import NamedTuple

import numpy as np

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.elementary.arithmetic import fma
from fastgd.kernels.problems.blocks import block_function, lane_function
from fastgd.kernels.problems.few_samples import lanes_of

MOST_IN_LANES = 16  # parameters


class QuadraticData(NamedTuple):
    """The statistics of a squared loss, as its kernel sees them."""

    R: np.ndarray  # (r, P)
    y: np.ndarray  # (r,)
    start: np.ndarray  # (P,)
    floor: float
    zeros: tuple  # P zeros up to MOST_IN_LANES, so that P is part of the type; beyond it is empty
    loss: tuple
    weights: tuple  # (), as of samples without weights


@dispatched(inlined=True)
def row_of(zeros, R, i, first):
    """Return the tuple R[i, first], R[i, first + 1], ..., an element for each of `zeros`."""
    if len(zeros) == 1:
        return lambda zeros, R, i, first: (R[i, first],)
    return lambda zeros, R, i, first: (R[i, first], *row_of(zeros[1:], R, i, first + 1))


@dispatched(inlined=True)
def moved_dot(theta, start, first, features):
    """Return the sum of (theta_k - start_{first + k}) features_k over tuples theta and features."""
    if len(theta) == 1:
        return lambda theta, start, first, features: (theta[0] - start[first]) * features[0]
    return lambda theta, start, first, features: fma(
        theta[0] - start[first], features[0], moved_dot(theta[1:], start, first + 1, features[1:])
    )


@lane_function(QuadraticData, when=lambda data_type: len(data_type[4]) > 0)
def quadratic_lanes(data_type):
    """Return the kernel for a tuple of parameters."""
    return lanes_of(
        lambda data, i: row_of(data.zeros, data.R, i, 0),
        lambda data, theta, features, y: moved_dot(theta, data.start, 0, features) - y,
        lambda data: data.floor,
    )


@block_function(QuadraticData)
def quadratic_sums(data_type):
    """Return the kernel for its one block, row by row of R."""

    def implementation(data, b, theta, sums_out):
        R = data.R
        start = data.start
        y = data.y
        rows, width = R.shape
        total = data.floor
        sums = sums_out[1:]
        sums[:] = 0.0
        for i in range(rows):
            row = R[i]
            r = -y[i]
            for k in range(width):
                r += row[k] * (theta[k] - start[k])
            total += r * r
            twice = 2.0 * r
            for k in range(width):
                sums[k] += twice * row[k]
        sums_out[0] = total

    return implementation
