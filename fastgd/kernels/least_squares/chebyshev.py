"""Sums over a block in Chebyshev polynomials T_0, ..., T_d of u = (x - center) inverse_half.

    chebyshev_block     sum y T_0, ..., sum y T_d, then sum T_1, ..., sum T_2d; products follow from
                        T_i T_j = (T_{i+j} + T_{|i-j|}) / 2, as accurately as if they were taken directly
    block_residuals     sum r^2, then sum r T_0, ..., sum r T_d, with r = y - sum_k z_k T_k

Shapes: x, y one block (B,); sums_out (3 d + 1,) or (d + 2,). All are unchecked.

Beyond degree d the sums of T_n come from products, T_n = 2 T_a T_b - T_{a-b} with a + b = n and a - b at most 1. Up to
MAX_TUPLE all sums are tuples: the sums take, in evaluations of the loss and its gradient on two Zen 5 cores with
AVX-512, 1.0 at degree 3, 1.8 at 9 and 2.6 at 15, and the residuals after them 1.1, 1.2 and 1.8. Larger degrees go over
a sub-block in the first-level cache, WIDTH polynomials a pass: at degrees 9 and 15 the sums would take 4.6 and 3.3 so.
"""

from typing import NamedTuple

import numpy as np
from numba.np.unsafe.ndarray import to_fixed_tuple

from fastgd.kernels.compiling.jit import dispatched
from fastgd.kernels.compiling.processor import vector_registers
from fastgd.kernels.least_squares.bases import centred
from fastgd.kernels.least_squares.residuals import block_residuals, sum_of, sum_of_squares
from fastgd.kernels.least_squares.terms import (
    added,
    added_high,
    added_last,
    added_products,
    added_scaled,
    dotted,
    next_terms,
    terms_at,
)

MAX_TUPLE = 15 if vector_registers() == (32, 64) else 7  # degree; more running sums spill from 16 registers
MAX_ONE_LOOP = 8  # degree; with more, 3 d + 1 sums leave the registers
SUB_BLOCK = 1024  # samples; five rows of it stay in the first-level cache
WIDTH = 4  # polynomials a pass: 16 running sums
ZEROS = (0.0,) * WIDTH


class ChebyshevData(NamedTuple):
    """Samples in the basis T_0, ..., T_d."""

    x: np.ndarray  # (N,)
    y: np.ndarray  # (N,)
    center: float
    inverse_half: float
    zeros: tuple  # d zeros up to MAX_TUPLE, so that d is part of the type; empty above


# ---- sums ------------------------------------------------------------------------------------------------------------


@dispatched(fastmath=True)
def add_sums(x, y, center, inverse_half, total, products, low, late, high):
    """Add the sums of y, of y T_k, of T_k, the first in `low` and the last in `late`, and of T_a T_b.

    In one loop, or, where it has `late` ones, in two: of more sums in one loop too many leave the registers.
    """

    def one_loop(x, y, center, inverse_half, total, products, low, late, high):
        for i in range(x.size):
            u = (np.float64(x[i]) - center) * inverse_half
            target = np.float64(y[i])
            terms = terms_at(low, u)
            total += target
            products = added_scaled(products, target, terms)
            low = added(low, terms)
            high = added_high(high, terms)
        return total, products, low, late, high

    def two_loops(x, y, center, inverse_half, total, products, low, late, high):
        for i in range(x.size):
            u = (np.float64(x[i]) - center) * inverse_half
            target = np.float64(y[i])
            terms = terms_at(products, u)
            total += target
            products = added_scaled(products, target, terms)
            low = added(low, terms)
        for i in range(x.size):
            u = (np.float64(x[i]) - center) * inverse_half
            terms = terms_at(products, u)
            late = added_last(late, terms)
            high = added_high(high, terms)
        return total, products, low, late, high

    return two_loops if len(late) else one_loop


@dispatched(fastmath=True)
def chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Choose the kernel by the degree: `zeros` has d zeros up to MAX_TUPLE, and none above."""
    degree = len(zeros)
    if degree == 0:
        return general_chebyshev_block

    early = degree if degree <= MAX_ONE_LOOP else degree - degree // 2
    early_zeros = (0.0,) * early
    late_zeros = (0.0,) * (degree - early)

    def implementation(x, y, center, inverse_half, zeros, sums_out):
        total = 0.0
        products = high = zeros
        first_low = early_zeros
        last_low = late_zeros
        for start in range(0, x.size, SUB_BLOCK):
            some = x[start : start + SUB_BLOCK]
            targets = y[start : start + SUB_BLOCK]
            total, products, first_low, last_low, high = add_sums(
                some, targets, center, inverse_half, total, products, first_low, last_low, high
            )
        low = first_low + last_low
        sums_out[0] = total
        for k in range(degree):
            sums_out[1 + k] = products[k]
            sums_out[1 + degree + k] = low[k]
        for k in range(degree):
            n = degree + 1 + k
            sums_out[1 + 2 * degree + k] = 2.0 * high[k] - (low[0] if n % 2 else float(x.size))

    return implementation


@dispatched(fastmath=True)
def sums_pass(zeros, u2, before, last, target):
    """Go len(zeros) polynomials on: before, last <- the last two of them.

    Returns the sums of each, and of each times y, times itself, and times the one before it.
    """

    def implementation(zeros, u2, before, last, target):
        moments = products = squares = crosses = zeros
        for i in range(u2.size):
            terms = next_terms(zeros, before[i], last[i], u2[i])
            moments = added(moments, terms)
            products = added_scaled(products, target[i], terms)
            squares = added_products(squares, terms, terms)
            crosses = added_products(crosses, terms, (last[i], *terms))
            before[i], last[i] = terms[-2:]
        return moments, products, squares, crosses

    return implementation


@dispatched(fastmath=True)
def start_recurrence(x, center, inverse_half, u2, before, last):
    """Set u2 = 2 u, before = T_{-1} = u, last = T_0 = 1 over a sub-block."""

    def implementation(x, center, inverse_half, u2, before, last):
        for i in range(x.size):
            u = (np.float64(x[i]) - center) * inverse_half
            u2[i] = u + u
            before[i] = u
            last[i] = 1.0

    return implementation


def general_chebyshev_block(x, y, center, inverse_half, zeros, sums_out):
    """Any degree; the last pass goes beyond it, and what it finds there is dropped."""
    degree = sums_out.size // 3
    moments = sums_out[degree:]  # moments[n] is the sum of T_n, n >= 1
    u2 = np.empty(SUB_BLOCK)
    target = np.empty(SUB_BLOCK)
    before = np.empty(SUB_BLOCK)
    last = np.empty(SUB_BLOCK)
    sums_out[:] = 0.0
    for start in range(0, x.size, SUB_BLOCK):
        n = min(SUB_BLOCK, x.size - start)
        start_recurrence(x[start : start + n], center, inverse_half, u2[:n], before, last)
        centred(y[start : start + n], 0.0, 1.0, target[:n])
        sums_out[0] += sum_of(target[:n])
        first_moment = 0.5 * sum_of(u2[:n])
        for first in range(1, degree + 1, WIDTH):
            sums = sums_pass(ZEROS, u2[:n], before, last, target)
            for j in range(min(WIDTH, degree + 1 - first)):
                k = first + j
                moments[k] += sums[0][j]
                sums_out[k] += sums[1][j]
                if 2 * k > degree:
                    moments[2 * k] += 2.0 * sums[2][j] - n
                if 2 * k - 1 > degree:
                    moments[2 * k - 1] += 2.0 * sums[3][j] - first_moment


# ---- residuals -------------------------------------------------------------------------------------------------------


@block_residuals.dispatch(ChebyshevData)
def chebyshev_residuals(data, z, block_first, block_last, sums_out):
    """Choose the kernel by the degree."""
    degree = len(data[ChebyshevData._fields.index("zeros")])
    if degree == 0:
        return general_chebyshev_residuals
    size = degree + 1

    def implementation(data, z, block_first, block_last, sums_out):
        x = data.x[block_first:block_last]
        y = data.y[block_first:block_last]
        center = data.center
        inverse_half = data.inverse_half
        constant = z[0]
        factors = to_fixed_tuple(z, size)[1:]
        products = data.zeros
        squares = total = 0.0
        for i in range(x.size):
            u = (np.float64(x[i]) - center) * inverse_half
            terms = terms_at(data.zeros, u)
            r = (np.float64(y[i]) - constant) - dotted(factors, terms)
            squares += r * r
            total += r
            products = added_scaled(products, r, terms)
        sums_out[0] = squares
        sums_out[1] = total
        for k in range(degree):
            sums_out[2 + k] = products[k]

    return implementation


@dispatched(fastmath=True)
def series_pass(factors, u2, before, last, residual):
    """Go len(factors) polynomials on, as in `sums_pass`, and subtract them times their factors from the residual."""

    def implementation(factors, u2, before, last, residual):
        for i in range(u2.size):
            terms = next_terms(factors, before[i], last[i], u2[i])
            residual[i] -= dotted(factors, terms)
            before[i], last[i] = terms[-2:]

    return implementation


@dispatched(fastmath=True)
def products_pass(zeros, u2, before, last, residual):
    """Go len(zeros) polynomials on and return the sums of them times the residual."""

    def implementation(zeros, u2, before, last, residual):
        sums = zeros
        for i in range(u2.size):
            terms = next_terms(zeros, before[i], last[i], u2[i])
            sums = added_scaled(sums, residual[i], terms)
            before[i], last[i] = terms[-2:]
        return sums

    return implementation


def general_chebyshev_residuals(data, z, block_first, block_last, sums_out):
    """Any degree: once up the recurrence for the residuals, once more for their products."""
    degree = z.size - 1
    factors = np.zeros(degree + WIDTH)
    for k in range(degree):  # an assignment of arrays compiles the text of its error message: 1.4 s
        factors[k] = z[1 + k]
    u2 = np.empty(SUB_BLOCK)
    residual = np.empty(SUB_BLOCK)
    before = np.empty(SUB_BLOCK)
    last = np.empty(SUB_BLOCK)
    sums_out[:] = 0.0
    for start in range(block_first, block_last, SUB_BLOCK):
        stop = min(start + SUB_BLOCK, block_last)
        x = data.x[start:stop]
        r = residual[: stop - start]
        u2_some = u2[: stop - start]
        centred(data.y[start:stop], z[0], 1.0, r)
        start_recurrence(x, data.center, data.inverse_half, u2_some, before, last)
        for first in range(0, degree, WIDTH):
            series_pass(to_fixed_tuple(factors[first : first + WIDTH], WIDTH), u2_some, before, last, r)
        sums_out[0] += sum_of_squares(r)
        sums_out[1] += sum_of(r)
        start_recurrence(x, data.center, data.inverse_half, u2_some, before, last)
        for first in range(0, degree, WIDTH):
            sums = products_pass(ZEROS, u2_some, before, last, r)
            for j in range(min(WIDTH, degree - first)):
                sums_out[2 + first + j] += sums[j]
