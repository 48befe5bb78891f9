"""Least squares from the samples on: scikit-learn's LinearRegression, and NumPy's lstsq, beside `minimum()`."""

from __future__ import annotations

from bench.works import LinearLeastSquares, PolynomialLeastSquares

GROUP = "i. least squares"
CASES = {
    "full": [
        PolynomialLeastSquares(1_000_000, degree=3),
        PolynomialLeastSquares(200_000, degree=9),
        LinearLeastSquares(1_000_000, F=8),
        LinearLeastSquares(100_000, F=32),
    ],
    "small": [PolynomialLeastSquares(20_000, degree=3), LinearLeastSquares(20_000, F=8)],
}


def test_least_squares(compare, case):
    compare(case, work="least squares, " + ("polynomial" if isinstance(case, PolynomialLeastSquares) else "linear"))
