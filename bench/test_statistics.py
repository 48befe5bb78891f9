"""What a polynomial fit's statistics cost, in evaluations of its loss and gradient; the first of two passes also alone.

The minimum that they give is asserted to be one: its residuals are orthogonal to the Chebyshev polynomials of x, in
which, unlike in powers, no digits are lost at a high degree.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

import fastgd
from bench.measure import interleaved
from bench.works import PolynomialLeastSquares
from fastgd.kernels.least_squares.chebyshev import ChebyshevData
from fastgd.least_squares.passes import Workers
from fastgd.least_squares.solving import chebyshev_gram

GROUP = "e. exact engines, their statistics"
CASES = {
    "full": [PolynomialLeastSquares(20_000_000, degree=degree) for degree in (3, 9, 15)],
    "small": [PolynomialLeastSquares(200_000, degree=degree) for degree in (3, 9, 15)],
}
BUDGET = {"full": 1.5, "small": 0.5}  # seconds
CHUNK = 1 << 16


def optimality(case: PolynomialLeastSquares, theta: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the means of r T_k(x), k = 0, ..., degree, and of r^2, at the residuals r."""
    coefficients, sums, squares = chebyshev.poly2cheb(theta), np.zeros(case.degree + 1), 0.0
    for first in range(0, case.N, CHUNK):
        T, y = case.rows(first, first + CHUNK)
        r = y - T @ coefficients
        sums += r @ T
        squares += r @ r
    return sums / case.N, squares / case.N


def test_statistics_in_evaluations(listed, size, case):
    def problem() -> fastgd.PolynomialFit:
        return fastgd.PolynomialFit(case.x, case.y, degree=case.degree)

    def statistics() -> Any:
        return problem().minimum()

    theta, loss, rank = statistics()
    slopes, squares = optimality(case, theta)
    assert rank == case.degree + 1
    assert np.abs(slopes).max() < 1e-12
    assert abs(squares - loss) < 1e-12 * loss
    alone = problem()
    data = ChebyshevData(alone.x, alone.y, 0.0, 1.0, (0.0,) * case.degree)  # on [-1, 1]

    def chebyshev_pass() -> tuple[np.ndarray, np.ndarray]:
        with Workers() as workers:
            return chebyshev_gram(data, case.degree + 1, alone.source, workers)

    gram, products = chebyshev_pass()
    assert np.abs(gram @ chebyshev.poly2cheb(theta) - products).max() < 1e-12 * case.N
    series = interleaved(
        {
            "construction": problem,
            "with statistics": statistics,
            "Chebyshev pass": chebyshev_pass,
            "evaluation": lambda: alone.loss_and_gradient(theta),
        },
        BUDGET[size],
    )
    own = series["with statistics"].median - series["construction"].median
    found = {
        "case": str(case),
        "seconds": own,
        "evaluations that the Chebyshev pass costs": series["Chebyshev pass"].over(series["evaluation"]).median,
        "evaluations that all statistics cost": own / series["evaluation"].median,
    }
    listed(statistics, found, series["with statistics"].median)
