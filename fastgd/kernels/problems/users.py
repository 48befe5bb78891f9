"""A user's compiled loss and gradient as one C function of a block of thetas, one beside the other.

    void f(intp count, intp width, const double *thetas, double *sums_out)

thetas is (P, width) and sums_out (P + 1, width), row-major; of the first `count` lanes, sums_out gets the loss and the
gradient. A lane's digits are the same whatever the count, the width and the lane.

What a function raises becomes NaN: C has no exceptions. Both are computed before either is stored: what they have in
common, a tangent say, is then computed once.
"""

import math

import numba
import numpy as np
from numba.core import types

from fastgd.kernels.compiling.jit import c_function, never_inline
from fastgd.kernels.compiling.parts import OnceCompiler
from fastgd.kernels.numbers.lanes import set_lanes

_POINTER = types.CPointer(types.float64)
_SIGNATURE = types.void(types.intp, types.intp, _POINTER, _POINTER)


def in_lanes(loss, gradient, dimension):
    """Return the C function of two that are jitted for fastgd's own number: LLVM makes vectors of lanes if it can.

    The gradient is None where the loss' number brings its derivatives.
    """

    def block(count, width, thetas, sums_out):
        set_lanes(loss, gradient, dimension, count, width, thetas, sums_out)

    return c_function(block, _SIGNATURE, compiler=OnceCompiler)


def of_number(loss, gradient):
    """Return the C function of two that are jitted for a float64."""

    def sums(lane, width, thetas, sums_out):
        never_inline()
        point = thetas[lane]
        try:
            value = loss(point)
            slope = gradient(point)
            sums_out[lane] = value
            sums_out[width + lane] = slope
        except Exception:
            sums_out[lane] = math.nan
            sums_out[width + lane] = math.nan

    return _one_by_one(sums)


def of_array(loss, gradient, dimension):
    """Return the C function of two that are jitted for a float64 array (P,)."""

    def sums(lane, width, thetas, sums_out):
        never_inline()
        point = np.empty(dimension)  # theirs to write
        for k in range(dimension):
            point[k] = thetas[k * width + lane]
        try:
            value = loss(point)
            slopes = gradient(point)
            sums_out[lane] = value
            for k in range(dimension):
                sums_out[(1 + k) * width + lane] = slopes[k] if len(slopes) == dimension else math.nan
        except Exception:
            for k in range(dimension + 1):
                sums_out[k * width + lane] = math.nan

    return _one_by_one(sums)


def _one_by_one(sums):
    """Return the C function that calls another for each lane: inlined, a lane's digits might not be any other's."""
    sums_of_lane = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(sums)

    def block(count, width, thetas, sums_out):
        for lane in range(count):
            sums_of_lane(lane, width, thetas, sums_out)

    return c_function(block, _SIGNATURE, compiler=OnceCompiler)
