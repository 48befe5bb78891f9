"""Sums over few samples, thetas side by side: sample after sample, each for all lanes, sums kept lane by lane.

Over 30 samples vectors of eight are soon at their end, and their sum costs as much as the samples do. Nothing here is
reassociated: in a vector of lanes a weight and a feature are constants, which LLVM would multiply first, and in the
lanes left over they are not. Shapes: thetas (P, W), sums_out (P + 1, W). Unchecked.
"""

import numpy as np

from fastgd.kernels.compiling.jit import dispatched, kernel_part
from fastgd.kernels.compiling.lanes import multiply_all, over_lanes, set_all
from fastgd.kernels.elementary.arithmetic import fma
from fastgd.kernels.problems.losses import rho_in_order, slope_factor, slope_in_order, weighted_in_order


@dispatched(inlined=True)
def lane_of(zeros, rows, first, lane):
    """Return the tuple rows[first, lane], rows[first + 1, lane], ..., an element for each of `zeros`."""
    if len(zeros) == 1:
        return lambda zeros, rows, first, lane: (rows[first, lane],)
    return lambda zeros, rows, first, lane: (rows[first, lane], *lane_of(zeros[1:], rows, first + 1, lane))


@dispatched(inlined=True)
def add_to_lane(rows, first, lane, r, features):
    """Add r features_k to rows[first + k, lane]."""
    if len(features) == 1:

        def last(rows, first, lane, r, features):
            rows[first, lane] = fma(r, features[0], rows[first, lane])

        return last

    def implementation(rows, first, lane, r, features):
        rows[first, lane] = fma(r, features[0], rows[first, lane])
        add_to_lane(rows, first + 1, lane, r, features[1:])

    return implementation


@dispatched(inlined=True)
def dot_in_order(theta, features):
    """Return the dot product of two tuples, whose last product is rounded first."""
    if len(theta) == 1:
        return lambda theta, features: theta[0] * features[0]
    return lambda theta, features: fma(theta[0], features[0], dot_in_order(theta[1:], features[1:]))


def lanes_of(features_of_sample, residual, total_of=lambda data: 0.0):
    """Return the kernel (data, count, thetas, sums_out) of data with `y`, `zeros`, a `loss` and `weights`.

    Parameters
    ----------
    features_of_sample : function of (data, i)
        dr_i/dtheta, a tuple of P numbers.
    residual : function of (data, theta, features, y_i)
        r_i, of tuples theta and features.
    total_of : function of data
        What the loss is beyond the sum.
    """
    features_of_sample, residual, total_of = map(kernel_part, (features_of_sample, residual, total_of))

    @over_lanes
    def add_sample(lane, data, i, features, y, thetas, sums):
        r = residual(data, lane_of(data.zeros, thetas, 0, lane), features, y)
        sums[0, lane] += weighted_in_order(data.weights, i, rho_in_order(data.loss, r))
        add_to_lane(sums, 1, lane, weighted_in_order(data.weights, i, slope_in_order(data.loss, r)), features)

    def implementation(data, count, thetas, sums_out):
        set_all(count, sums_out[0], total_of(data))
        for k in range(thetas.shape[0]):
            set_all(count, sums_out[1 + k], 0.0)
        for i in range(data.y.size):
            add_sample(count, data, i, features_of_sample(data, i), np.float64(data.y[i]), thetas, sums_out)
        for k in range(thetas.shape[0]):
            multiply_all(count, sums_out[1 + k], slope_factor(data.loss))

    return implementation
