"""Curve fit: residual r_i = model(x_i, theta) - y_i, the user's own model, called by an address.

    void f(intp count, intp x_stride, intp theta_stride, intp row, const double *x, const double *theta, double *out)

As `numbers.at_sample` has it: out gets the model's value and its P partial derivatives at many samples; where there are
few samples, at many thetas. The function is compiled once a process; the kernel gets its address as a number, so it
stays in the disk cache, one for all models. It is called for some samples at a time, few enough that values and
partials stay in the first-level cache: against sums in the model's own loop that is a tenth of a decay's time, and no
loss, weight or number of parameters compiles a model anew.

Shapes: x (F stride,), each feature contiguous, float32 or float64; y (N,); theta (P,); sums_out (P + 1,). Unchecked.
"""

import math
from typing import NamedTuple

import numba
import numpy as np
from numba.core import types
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.compiling.calls import call_by_address
from fastgd.kernels.compiling.jit import c_function, dispatched, never_inline
from fastgd.kernels.compiling.lanes import multiply_all, over_lanes, set_all
from fastgd.kernels.compiling.parts import LoweredCompiler, OnceCompiler
from fastgd.kernels.elementary.arithmetic import fma
from fastgd.kernels.numbers.at_sample import on_stack, set_values
from fastgd.kernels.numbers.lanes import with_partials
from fastgd.kernels.problems.blocks import block_function, block_range, lane_function
from fastgd.kernels.problems.losses import (
    TERMS_AT_ONCE,
    has_terms,
    rho,
    rho_in_order,
    slope,
    slope_factor,
    slope_in_order,
    take_slopes,
    weighted,
    weighted_in_order,
    weights_of,
)

BLOCK_LENGTH = 4096  # samples
VECTOR = 16  # samples that a model's loop takes together, or some divisor of it; what is left goes one by one
CHUNK_ELEMENTS = 2048  # of values and partials: 16 kB
LANES = 64  # thetas at once for which few samples are summed

# How a function is compiled that only a model's loop calls, and that becomes a part of it.
_MERGED = {
    "forceinline": True,
    "no_cpython_wrapper": True,
    "no_cfunc_wrapper": True,
    "pipeline_class": LoweredCompiler,
}

_POINTER = types.CPointer(types.float64)
_SIGNATURE = types.void(*[types.intp] * 4, *[_POINTER] * 3)


class CurveData(NamedTuple):
    """Samples of a curve fit, as its kernel sees them."""

    x: np.ndarray  # (F stride,)
    y: np.ndarray  # (N,)
    features: int  # F
    stride: int  # samples from one feature to the next, N at least: those beyond are there to fill vectors
    block_length: int
    address: int  # of the model's C function
    loss: tuple
    weights: np.ndarray | tuple  # (N,), or () where all are 1


@dispatched
def _as_float64(x, features, stride, count, scratch):
    """Return where `count` samples of x are float64, and their stride: in x, or copied to scratch (F, row)."""
    if x.dtype == types.float64:
        return lambda x, features, stride, count, scratch: (x, stride)

    def copied(x, features, stride, count, scratch):
        for j in range(features):
            for i in range(count):
                scratch[j, i] = np.float64(x[j * stride + i])
        return scratch.reshape(-1), scratch.shape[1]

    return copied


@block_function(CurveData)
def curve_sums(data_type):
    """Return the kernel for one block."""
    in_terms = has_terms(*data_type[6:8])
    rows_of_x = 0 if data_type[0].dtype == types.float64 else 1

    def implementation(data, b, theta, sums_out):
        parameters = theta.size
        first, last = block_range(b, data.block_length, data.y.size)
        length = min(max(CHUNK_ELEMENTS // (parameters + 1) // VECTOR, 2) * VECTOR, TERMS_AT_ONCE)
        length = min(length, (last - first + VECTOR - 1) // VECTOR * VECTOR)
        scratch = np.empty((parameters + 1, length))
        converted = np.empty((rows_of_x * data.features, length))
        loss = data.loss
        total = 0.0
        for k in range(parameters):
            sums_out[1 + k] = 0.0
        for start in range(first, last, length):
            stop = min(start + length, last)
            whole = min((stop - start + VECTOR - 1) // VECTOR * VECTOR, data.stride - start)
            x, stride = _as_float64(data.x[start:], data.features, data.stride, whole, converted)
            call_by_address(data.address, (whole, stride, 1, length), x, theta, scratch)
            r = scratch[0, : stop - start]
            y = data.y[start:stop]
            weights = weights_of(data.weights, start, stop)
            for i in range(r.size):
                r[i] -= np.float64(y[i])
            if in_terms:
                total += take_slopes(loss, r)
            else:
                for i in range(r.size):
                    r_i = r[i]
                    total += weighted(weights, i, rho(loss, r_i))
                    r[i] = weighted(weights, i, slope(loss, r_i))
            for k in range(parameters):
                partials = scratch[1 + k, : r.size]
                own = 0.0
                for i in range(r.size):
                    own += r[i] * partials[i]
                sums_out[1 + k] += own
        sums_out[0] = total
        factor = slope_factor(loss)
        for k in range(parameters):
            sums_out[1 + k] *= factor

    return implementation


# ---- few samples -----------------------------------------------------------------------------------------------------


@over_lanes
def _take_slope(lane, weights, i, loss, y, r, total):
    residual = r[lane] - y
    total[lane] += weighted_in_order(weights, i, rho_in_order(loss, residual))
    r[lane] = weighted_in_order(weights, i, slope_in_order(loss, residual))


@over_lanes
def _add_product(lane, slopes, partials, sums):
    sums[lane] = fma(slopes[lane], partials[lane], sums[lane])


@lane_function(CurveData)
def curve_lanes(data_type):
    """Return the kernel for thetas side by side; x is float64."""

    def implementation(data, count, thetas, sums_out):
        parameters = thetas.shape[0]
        width = thetas.shape[1]
        scratch = on_stack(np.int64(parameters + 1), np.int64(LANES))
        for k in range(parameters + 1):
            set_all(count, sums_out[k], 0.0)
        for first in range(0, count, LANES):
            lanes = min(LANES, count - first)
            for i in range(data.y.size):
                numbers = (lanes, data.stride, width, LANES)
                call_by_address(data.address, numbers, data.x[i:], thetas[0, first:], scratch)
                slopes = scratch[0]
                y = np.float64(data.y[i])
                _take_slope(lanes, data.weights, i, data.loss, y, slopes, sums_out[0, first:])
                for k in range(parameters):
                    _add_product(lanes, slopes, scratch[1 + k], sums_out[1 + k, first:])
        for k in range(parameters):
            multiply_all(count, sums_out[1 + k], slope_factor(data.loss))

    return implementation


# ---- the model's C function ------------------------------------------------------------------------------------------


def by_numbers(model, derivative, features, dimension, by_lanes):
    """Return the C function of a model and a function of its partials, both jitted for `model_types`.

    The latter is None where the model's number brings its derivatives.
    """

    def evaluate(x, theta):
        return with_partials(model, derivative, x, theta)

    return _side_by_side(numba.njit(**_MERGED)(evaluate), features, dimension, by_lanes)


def by_floats(model, derivative, spread, features, dimension, by_lanes):
    """Return the C function of the same two jitted for floats, and for float64 arrays of rows and of theta."""
    count = dimension + 1
    as_array = numba.njit(_array_of)
    row_of = as_array if features is not None else numba.njit(lambda x: x)
    arguments_of = numba.njit((lambda theta: theta) if spread else (lambda theta: (as_array(theta),)))
    value_at = numba.njit(lambda x, theta: model(row_of(x), *arguments_of(theta)))
    partials_at = numba.njit(lambda x, theta: derivative(row_of(x), *arguments_of(theta)))

    def evaluate(x, theta):
        never_inline()
        out = np.full(count, math.nan)
        try:
            value = value_at(x, theta)
            slopes = partials_at(x, theta)
            if len(slopes) == dimension:
                for k in range(dimension):
                    out[1 + k] = slopes[k]
                out[0] = value
        except Exception:
            out[:] = math.nan
        return to_fixed_tuple(out, count)

    evaluated = numba.njit(no_cpython_wrapper=True, no_cfunc_wrapper=True)(evaluate)
    return _side_by_side(evaluated, features, dimension, by_lanes)


def _array_of(numbers):
    array = np.empty(len(numbers))  # theirs to write
    for k in range(len(numbers)):
        array[k] = numbers[k]
    return array


def _side_by_side(evaluate, features, dimension, by_lanes):
    def values(count, x_stride, theta_stride, row, x, theta, out):
        set_values(evaluate, features, dimension, by_lanes, count, x_stride, theta_stride, row, x, theta, out)

    return c_function(values, _SIGNATURE, compiler=OnceCompiler)
