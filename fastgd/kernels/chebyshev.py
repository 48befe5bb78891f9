"""Sums over a block in Chebyshev polynomials T_0, ..., T_d of u = (x - center) inverse_half.

    chebyshev_block     sum y T_0, ..., sum y T_d, then sum T_1, ..., sum T_2d; products follow from
                        T_i T_j = (T_{i+j} + T_{|i-j|}) / 2, as accurately as if they were taken directly
    block_residuals     sum r^2, then sum r T_0, ..., sum r T_d, with r = y - sum_k z_k T_k

Shapes: x, y one block (B,); sums_out (3 d + 1,) or (d + 2,). All are unchecked.

Up to degree 7 the sums are tuples: one loop with everything in registers, bound by the memory's bandwidth. A cubic's
sums take 1.0 evaluations of its loss and gradient; in the general kernel 1.9, and 3.0 from float32. Larger degrees go
through the general kernel, and their residuals through `expansion`.
"""

from typing import NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.expansion import block_residuals
from fastgd.kernels.jit import dispatched

MAX_TUPLE = 7  # degree; 3 * 7 + 1 running sums and the recurrence fill the registers
SUB_BLOCK = 1024  # samples; five rows of it stay in the first-level cache


class ChebyshevSamples(NamedTuple):
    """Samples whose basis is T_0, ..., T_d, d <= MAX_TUPLE."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float
    zeros: tuple  # d zeros, so that d is part of the type


@dispatched(fastmath=True)
def add_chebyshev(sums, weight, t0, t1, u2):
    """Return the tuple sums_k + weight T_{k+1}, given T_0 and T_1 of its first element and u2 = 2 u."""
    if len(sums) == 0:
        return lambda sums, weight, t0, t1, u2: ()
    return lambda sums, weight, t0, t1, u2: (
        sums[0] + weight * t1,
        *add_chebyshev(sums[1:], weight, t1, u2 * t1 - t0, u2),
    )


@dispatched(fastmath=True)
def chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Choose the kernel by the degree: `zeros` has d zeros up to MAX_TUPLE, and none above."""
    if len(zeros) == 0:
        return general_chebyshev_block
    degree = len(zeros)

    def implementation(x, y, center, inverse_half, zeros, sums_out):
        moments = zeros + zeros
        products = zeros
        total = 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            target = float(y[i])
            total += target
            products = add_chebyshev(products, target, 1.0, u, u + u)
            moments = add_chebyshev(moments, 1.0, 1.0, u, u + u)
        sums_out[0] = total
        for k in range(degree):
            sums_out[1 + k] = products[k]
        for k in range(2 * degree):
            sums_out[1 + degree + k] = moments[k]

    return implementation


@dispatched(fastmath=True)
def first_two(x, y, center, inverse_half, u2, previous, current, target):
    """Set out a sub-block: u2 = 2 u, previous = T_0, current = T_1, target = y; return sum y, sum y T_1, sum T_1."""

    def implementation(x, y, center, inverse_half, u2, previous, current, target):
        total, product, moment = 0.0, 0.0, 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            value = float(y[i])
            u2[i] = u + u
            previous[i] = 1.0
            current[i] = u
            target[i] = value
            total += value
            product += u * value
            moment += u
        return total, product, moment

    return implementation


@dispatched(fastmath=True)
def next_one(u2, previous, current, target):
    """Overwrite previous = T_{k-1} by T_{k+1}; return the sums of T_{k+1} times y, T_{k+1} and T_k, and of T_{k+1}."""

    def implementation(u2, previous, current, target):
        product, square, cross, moment = 0.0, 0.0, 0.0, 0.0
        for i in range(u2.size):
            t = u2[i] * current[i] - previous[i]
            product += t * target[i]
            square += t * t
            cross += t * current[i]
            moment += t
            previous[i] = t
        return product, square, cross, moment

    return implementation


def general_chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Degree 0, or 2 and more: a pass over a sub-block for each, T_2k and T_2k-1 from sums of T_k^2 and T_k T_{k-1}."""
    degree = sums_out.size // 3
    moments = sums_out[degree:]  # moments[k] is the sum of T_k, k >= 1; moments[0] is the last product
    sums_out[:] = 0.0
    u2, target = np.empty(SUB_BLOCK), np.empty(SUB_BLOCK)
    even, odd = np.empty(SUB_BLOCK), np.empty(SUB_BLOCK)
    for start in range(0, x.size, SUB_BLOCK):
        x_some, y_some = x[start : start + SUB_BLOCK], y[start : start + SUB_BLOCK]
        n = x_some.size
        total, product, moment_1 = first_two(x_some, y_some, center, inverse_half, u2, even, odd, target)
        sums_out[0] += total
        if degree == 0:
            continue
        sums_out[1] += product
        moments[1] += moment_1
        previous, current = even[:n], odd[:n]
        for k in range(2, degree + 1):
            product, square, cross, moment = next_one(u2[:n], previous, current, target[:n])
            sums_out[k] += product
            moments[k] += moment
            if 2 * k - 1 > degree:
                moments[2 * k - 1] += 2.0 * cross - moment_1
            if 2 * k > degree:
                moments[2 * k] += 2.0 * square - n
            previous, current = current, previous


@dispatched(fastmath=True)
def chebyshev_series(z, t0, t1, u2):
    """Return sum_k z_k T_k of a tuple z, given T_0 and T_1 of its first element."""
    if len(z) == 1:
        return lambda z, t0, t1, u2: z[0] * t0
    return lambda z, t0, t1, u2: z[0] * t0 + chebyshev_series(z[1:], t1, u2 * t1 - t0, u2)


@block_residuals.dispatch(ChebyshevSamples)
def chebyshev_residuals(samples, z, block_first, block_last, sums_out):
    """Sum over one block in registers."""
    degree = len(samples[ChebyshevSamples._fields.index("zeros")])
    terms = degree + 1

    def implementation(samples, z, block_first, block_last, sums_out):
        x, y = samples.x[block_first:block_last], samples.y[block_first:block_last]
        center, inverse_half = samples.center, samples.inverse_half
        coefficients = to_fixed_tuple(z, terms)
        products = samples.zeros
        squares, total = 0.0, 0.0
        for i in range(x.size):
            u = (float(x[i]) - center) * inverse_half
            r = float(y[i]) - chebyshev_series(coefficients, 1.0, u, u + u)
            squares += r * r
            total += r
            products = add_chebyshev(products, r, 1.0, u, u + u)
        sums_out[0] = squares
        sums_out[1] = total
        for k in range(degree):
            sums_out[2 + k] = products[k]

    return implementation
