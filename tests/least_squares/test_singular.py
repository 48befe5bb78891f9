"""Singular values of graded data: eigenvalues and eigenvectors of the curvature, the small as right as the large."""

from __future__ import annotations

from fractions import Fraction

import mpmath
import numpy as np
import pytest

import fastgd
from tests.oracle.mean_square import Exact, columns_of, matrix_of

YEARS = np.arange(1990.0, 2021.0)
COUNTERS = 4.2e9 + np.array([0.0, 1.0, 2.0, 3.0, 5.0, 8.0])


@pytest.mark.parametrize("l2", [0.0, 0.1])
@pytest.mark.parametrize(
    ("x", "degree"),
    [
        (COUNTERS, 1),
        (COUNTERS, 2),
        (YEARS, 3),
        (YEARS, 6),
        (np.arange(0.0, 56.0, 6.0), 4),
        (np.arange(0.0, 2000.0, 250.0), 3),
        (np.linspace(0.0, 1.0, 40), 12),
        (1e-3 * np.arange(7.0), 5),
    ],
)
def test_eigenvalues_have_their_digits(x, degree, l2):
    fit = fastgd.PolynomialFit(x, np.ones(x.size), degree, l2=l2)
    spectrum = fit.spectrum()
    expected = Exact(columns_of(x, degree), np.ones(x.size), l2).eigenvalues()
    assert spectrum.eigenvalues == pytest.approx(expected, rel=1e-12)
    assert spectrum.rank == fit.minimum().rank == degree + 1
    assert not spectrum.singular
    assert spectrum.condition_number == pytest.approx(expected[0] / expected[-1], rel=1e-12)


@pytest.mark.parametrize("intercept", [True, False])
def test_eigenvalues_of_features_of_every_size(intercept):
    random = np.random.default_rng(4)
    X = random.normal(size=(30, 4)) * [1e-6, 1.0, 1e3, 1e9] + [0.0, 1e8, 0.0, 1e9] * np.array([1.0, intercept, 1, 1])
    fit = fastgd.LinearFit(X, np.ones(30), intercept=intercept)
    columns = [[Fraction(value) for value in column] for column in X.T.tolist()] + [[Fraction(1)] * 30] * intercept
    expected = Exact(columns, np.ones(30)).eigenvalues()
    assert fit.spectrum().eigenvalues == pytest.approx(expected, rel=1e-11)
    assert fit.spectrum().rank == fit.minimum().rank == len(columns)


def test_eigenvectors_have_their_digits():
    """Each is one of the exact Hessian matrix: the component along another is small beside what their ratio allows."""
    x = np.arange(0.0, 2000.0, 250.0)
    vectors = fastgd.PolynomialFit(x, np.ones(8), 3).spectrum().eigenvectors
    with mpmath.workdps(80):
        H, _ = matrix_of(Exact(columns_of(x, 3), np.ones(8)))
        values, exact = mpmath.eigsy(H)
        for j in range(4):
            expected = [float(exact[k, 3 - j]) for k in range(4)]
            sign = np.sign(np.dot(expected, vectors[:, j]))
            assert vectors[:, j] == pytest.approx(sign * np.array(expected), rel=1e-12)
        assert values[0] > 0


def test_a_slow_mode_after_many_steps():
    y = np.array([1, 2, -1, 3, 0.5, 2, 1.5, -2])
    x = np.arange(0.0, 2000.0, 250.0)
    problem = fastgd.PolynomialFit(x, y, 3)
    steps = 548_054_103_517_609
    rate = 1.0 / float(problem.spectrum().eigenvalues[0])
    run = fastgd.descend(problem, learning_rate=rate, max_steps=steps, record_every=None, engine="spectral")
    with mpmath.workdps(120):
        H, g0 = matrix_of(Exact(columns_of(x, 3), y))
        values, vectors = mpmath.eigsy(H)
        modal = vectors.T * g0
        powers = [(1 - mpmath.mpf(rate) * value) ** steps for value in values]
        theta = vectors * mpmath.matrix([(p - 1) / v * m for p, v, m in zip(powers, values, modal, strict=True)])
        gradient = mpmath.norm(mpmath.matrix([p * m for p, m in zip(powers, modal, strict=True)]))
        expected = [float(value) for value in theta]
    assert run.gradient_norm == pytest.approx(float(gradient), rel=1e-11)
    assert run.gradient_norm == pytest.approx(1.43070692819, rel=1e-11)
    assert run.theta == pytest.approx(expected, rel=1e-11)
