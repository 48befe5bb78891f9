"""`Quadratic` as an object: its penalty, its minimum, its loss at any theta and its decomposition."""

from __future__ import annotations

import pickle
from fractions import Fraction

import numpy as np
import pytest

from fastgd.least_squares.from_samples import linear_quadratic, polynomial_quadratic
from tests.oracle import exact


def sum_of_squares(quadratic, theta):
    return float(np.sum((quadratic.R @ theta - quadratic.q) ** 2) + quadratic.floor)


# ---- penalties -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("weight", [1e-9, 0.5, 1e6])
def test_penalty(weight):
    rng = np.random.default_rng(2)
    x, y = rng.uniform(-1.0, 1.0, 40), rng.normal(size=40)
    weights = np.array([0.0, weight, weight, weight])
    penalized = polynomial_quadratic(x, y, 3).penalized(weights)
    columns = exact.power_columns(x, 3)
    gram = [[exact.dot(a, b) for b in columns] for a in columns]
    for k in range(4):
        gram[k][k] += Fraction(weights[k])
    (theta,) = exact.solve(gram, [[exact.dot(column, exact.fractions(y)) for column in columns]])
    rest = exact.residuals(columns, exact.fractions(y), theta)
    least = exact.dot(rest, rest) + sum(Fraction(weights[k]) * theta[k] ** 2 for k in range(4))
    np.testing.assert_allclose(penalized.theta, [float(value) for value in theta], rtol=1e-12)
    assert penalized.least == pytest.approx(float(least), rel=1e-13)
    at = rng.normal(size=4)
    direct = np.sum((np.polynomial.polynomial.polyval(x, at) - y) ** 2) + np.sum(weights * at**2)
    assert sum_of_squares(penalized, at) == pytest.approx(direct, rel=1e-13)


def test_penalty_makes_up_rank():
    X = np.array([[1.0, 2.0], [2.0, 4.0]])
    quadratic = linear_quadratic(X, np.array([1.0, 2.0]), intercept=False)
    assert quadratic.rank == 1
    penalized = quadratic.penalized(np.array([1.0, 1.0]))
    assert penalized.rank == 2
    np.testing.assert_allclose(penalized.theta, np.array([5.0, 10.0]) / 26.0, rtol=1e-14)


# ---- the minimum -----------------------------------------------------------------------------------------------------


def test_minimum():
    quadratic = polynomial_quadratic(np.array([0.0, 1.0, 2.0]), np.array([0.0, 3.0, 0.0]), 1)
    theta, loss, rank = quadratic.minimum(scale=1.0 / 3.0)
    np.testing.assert_allclose(theta, [1.0, 0.0], atol=1e-15)
    assert loss == pytest.approx(2.0, rel=1e-15)
    assert rank == 2
    theta[:] = np.nan
    assert not np.isnan(quadratic.minimum().theta).any()


def test_pickles():
    quadratic = polynomial_quadratic(np.arange(9.0), np.arange(9.0) ** 2, 3)
    copy = pickle.loads(pickle.dumps(quadratic))
    for name in ("R", "q", "theta", "rows_in_basis"):
        assert np.array_equal(getattr(copy, name), getattr(quadratic, name))


# ---- the loss itself ------------------------------------------------------------------------------------------------


def error_of_loss(quadratic, rows, y, theta):
    """Return the relative error of the quadratic's loss at theta, against rational numbers."""
    found = float(quadratic.squares(np.asarray(theta, float)[None])[0])
    exactly = [Fraction(value) for value in np.asarray(theta, float).tolist()]
    squares = sum(
        (sum(a * b for a, b in zip(row, exactly, strict=True)) - Fraction(value)) ** 2
        for row, value in zip(rows, y.tolist(), strict=True)
    )
    return float(abs(Fraction(found) - squares) / squares)


@pytest.mark.parametrize("condition", [1e8, 1e12])
@pytest.mark.parametrize(("N", "F"), [(5, 5), (20, 20), (5, 8), (20, 5)])
def test_the_loss_keeps_its_digits_where_features_are_nearly_dependent(N, F, condition):
    random = np.random.default_rng(N + F)
    left, _, right = np.linalg.svd(random.normal(size=(N, F)), full_matrices=False)
    X = left * np.geomspace(1, 1 / condition, min(N, F)) @ right
    y = random.normal(size=N)
    quadratic = linear_quadratic(X, y, intercept=False)
    assert quadratic.condition > 0.01 * condition
    rows = [[Fraction(value) for value in row] for row in X.tolist()]
    for theta in (np.zeros(F), random.normal(size=F)):
        assert error_of_loss(quadratic, rows, y, theta) < 1e-14


def test_the_loss_keeps_its_digits_on_badly_placed_points():
    """The polynomials are orthogonal there up to 5e-13."""
    random = np.random.default_rng(5)
    x = np.append(random.uniform(0, 1e-6, 300), [1, 0.5, 0.7, 0.2])
    y = random.normal(size=x.size)
    quadratic = polynomial_quadratic(x, y, degree=12)
    rows = [[Fraction(value) ** k for k in range(13)] for value in x.tolist()]
    for _ in range(10):
        assert error_of_loss(quadratic, rows, y, random.normal(size=13)) < 1e-15


# ---- its decomposition -----------------------------------------------------------------------------------------------


def test_a_decomposition_is_taken_once_and_not_pickled(monkeypatch):
    quadratic = linear_quadratic(np.arange(12.0).reshape(4, 3) ** 2, np.ones(4), intercept=True)
    bare = len(pickle.dumps(quadratic))
    left, values, right = quadratic.decomposition()
    with monkeypatch.context() as patch:
        patch.setattr(np.linalg, "svd", None)
        assert quadratic.decomposition() is quadratic.decomposition()
    assert np.allclose(left * values @ right, quadratic.R, rtol=0, atol=1e-12)
    assert len(pickle.dumps(quadratic)) == bare
    assert np.array_equal(pickle.loads(pickle.dumps(quadratic)).decomposition().values, values)
