"""Losses and gradients against exact arithmetic: on integers to the bit, on reals within their rounding."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastgd
from fastgd.kernels.problems.few_features import MAX_TUPLE_FEATURES, PANEL_BLOCKS, panel_block_length
from fastgd.kernels.problems.many_features import row_block_length
from fastgd.kernels.problems.polynomial import BLOCK_LENGTH, MAX_TUPLE, SUB_BLOCK
from tests.oracle.reference import EPSILON, linear, numbers, polynomial

PARAMETERS = [*range(1, 21), 23, 24, 25, 32]
FEATURES = [*range(1, MAX_TUPLE_FEATURES + 3), 16, 33, 100, 128, 131]


def lengths_around(block):
    return [block - 1, block, block + 1, 2 * block + 3]


def integer_line(N, F, seed=0):
    """Small integers: every product and sum of them is exact in float64, in whatever order it is taken."""
    random = np.random.default_rng(seed)
    return random.integers(-2, 3, (N, F)), random.integers(-9, 10, N), random.integers(-3, 4, F + 1)


# ---- exact values ---------------------------------------------------------------------------------------------------


def exact_polynomial(x, y, theta):
    """Sum of squares and its gradient in integers, which can't round."""
    powers = x[:, None].astype(object) ** np.arange(len(theta))
    residual = powers @ theta.astype(object) - y
    return residual @ residual, list(2 * residual @ powers)


@pytest.mark.parametrize("P", PARAMETERS)
@pytest.mark.parametrize("N", [1, 2, 3, 5, SUB_BLOCK - 1, SUB_BLOCK + 1])
def test_polynomial_is_exact_on_integers(P, N):
    random = np.random.default_rng(100 * P + N)
    largest = 2 if P <= 20 else 1  # squares of powers stay below 2^53
    x, y, theta = random.integers(-largest, largest + 1, N), random.integers(-9, 10, N), random.integers(-3, 4, P)
    problem = fastgd.PolynomialFit(x, y, P - 1, reduction="sum")
    loss, gradient = problem.loss_and_gradient(theta)
    assert (loss, list(gradient)) == exact_polynomial(x, y, theta)


@pytest.mark.parametrize("P", [1, 4, MAX_TUPLE, MAX_TUPLE + 1, 24])
@pytest.mark.parametrize("N", [*lengths_around(BLOCK_LENGTH), 20 * BLOCK_LENGTH + 7])
def test_polynomial_is_exact_on_integers_over_blocks(P, N):
    random = np.random.default_rng(100 * P + N)
    x, y, theta = random.integers(-1, 2, N), random.integers(-9, 10, N), random.integers(-3, 4, P)
    problem = fastgd.PolynomialFit(x, y, P - 1, reduction="sum")
    loss, gradient = problem.loss_and_gradient(theta)
    assert (loss, list(gradient)) == exact_polynomial(x, y, theta)
    # a mean of N integers is rounded once or twice
    mean, mean_gradient = fastgd.PolynomialFit(x, y, P - 1).loss_and_gradient(theta)
    assert mean == pytest.approx(loss / N, rel=2 * EPSILON)
    assert mean_gradient == pytest.approx(gradient / N, rel=2 * EPSILON)


@pytest.mark.parametrize("intercept", [True, False])
@pytest.mark.parametrize("F", FEATURES)
@pytest.mark.parametrize("N", [1, 2, 3, 5, 64, 129])
def test_line_is_exact_on_integers(N, F, intercept):
    X, y, theta = integer_line(N, F)
    theta = theta[: F + intercept]
    expected = linear(X.tolist(), y.tolist(), intercept, "sum")(theta.tolist())
    problem = fastgd.LinearFit(X, y, intercept=intercept, reduction="sum")
    loss, gradient = problem.loss_and_gradient(theta)
    assert (loss, list(gradient)) == expected


@pytest.mark.parametrize("F", [1, 2, MAX_TUPLE_FEATURES, MAX_TUPLE_FEATURES + 1, 40, 300])
def test_line_is_exact_on_integers_over_blocks(F):
    if F <= MAX_TUPLE_FEATURES:
        block = panel_block_length(F)
        lengths = [*lengths_around(block), *lengths_around(PANEL_BLOCKS * block)]
    else:
        block = row_block_length(F)
        lengths = [*lengths_around(block), 5 * block + 2]
    for N in lengths:
        X, y, theta = integer_line(N, F)
        residual = X @ theta[:F] + theta[F] - y
        loss, gradient = fastgd.LinearFit(X, y, reduction="sum").loss_and_gradient(theta)
        assert loss == residual @ residual
        assert np.array_equal(gradient, [*(2 * residual @ X), 2 * residual.sum()])


# ---- rounding -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [1e3, 1e6, 1e9])
def test_terms_that_cancel(offset):
    """A line far from the origin: two large terms of opposite sign, whose sum is exact before y is subtracted."""
    random = np.random.default_rng(3)
    u = np.floor(random.uniform(0, 1, 1000) * 2**20) / 2**20
    y = u + 1e-3 * random.normal(size=1000)
    expected = float(sum((Fraction(a) - Fraction(b)) ** 2 for a, b in zip(u.tolist(), y.tolist(), strict=True)) / 1000)
    assert fastgd.PolynomialFit(u + offset, y, 1).loss([-offset, 1.0]) == pytest.approx(expected, rel=1e-14)
    assert fastgd.LinearFit(u + offset, y).loss([1.0, -offset]) == pytest.approx(expected, rel=1e-14)


reals = st.floats(-8, 8, allow_subnormal=False)


@st.composite
def polynomials(draw):
    N = draw(st.integers(1, 40))
    P = draw(st.integers(1, 12))
    return tuple(draw(st.lists(reals, min_size=size, max_size=size)) for size in (N, N, P))


def assert_within_rounding(found, rows, y, theta, exact):
    """Each sum may be off by its number of roundings times what it would be with all terms of one sign."""
    rows, y, theta = np.abs(rows), np.abs(y), np.abs(theta)
    sizes = rows @ theta + y
    unit = (2 * len(theta) + len(y) + 8) * EPSILON
    loss, gradient = found
    assert abs(loss - float(exact[0])) <= unit * np.mean(sizes**2)
    error = np.abs(gradient - np.array([float(value) for value in exact[1]]))
    assert np.all(error <= unit * 2 * np.mean(sizes[:, None] * rows, axis=0))


@settings(max_examples=150, deadline=None)
@given(polynomials())
def test_polynomial_rounds_as_it_must(data):
    x, y, theta = data
    found = fastgd.PolynomialFit(x, y, len(theta) - 1).loss_and_gradient(theta)
    with mpmath.workdps(60):
        exact = polynomial(numbers(x, mpmath.mpf), numbers(y, mpmath.mpf), len(theta) - 1)(numbers(theta, mpmath.mpf))
        assert_within_rounding(found, np.vander(x, len(theta), increasing=True), y, theta, exact)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 12), st.integers(1, 30), st.integers(0, 2**32 - 1))
def test_line_rounds_as_it_must(F, N, seed):
    random = np.random.default_rng(seed)
    X, y, theta = random.normal(size=(N, F)), random.normal(size=N), random.normal(size=F + 1)
    found = fastgd.LinearFit(X, y).loss_and_gradient(theta)
    with mpmath.workdps(60):
        exact = linear(numbers(X, mpmath.mpf), numbers(y, mpmath.mpf))(numbers(theta, mpmath.mpf))
        assert_within_rounding(found, np.column_stack([X, np.ones(N)]), y, theta, exact)
