"""The least squares of a fit: its parameters and its loss at the minimum.

The samples are what a user has: X (N, F), or x (N,), whose powers are part of the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.polynomial import chebyshev

from bench.works.data import CHUNK, LinearSamples, PolynomialSamples, Result, expected

REFINEMENTS = 3


@dataclass(frozen=True)
class LeastSquares:
    """theta (P,), lowest power first or weights and the intercept, and the mean of squared residuals."""

    N: int

    @property
    def visits(self) -> int:
        """Samples."""
        return self.N

    def reduced(self, visits: int, evaluations: int, by: str) -> LeastSquares:
        """Return this case, or one of fewer samples."""
        return self if visits >= self.N else replace(self, N=visits)

    def expected(self) -> Result:
        """Return theta (P,) and loss ().

        Normal equations in a well-conditioned basis, refined by residuals that are computed anew: what is left is the
        rounding of the residuals' products with the basis.
        """
        parts = [self.rows(first, first + CHUNK) for first in range(0, self.N, CHUNK)]
        G = sum(A.T @ A for A, _ in parts)
        coefficients = np.zeros(len(G))
        for _ in range(1 + REFINEMENTS):
            right = sum(A.T @ (y - A @ coefficients) for A, y in parts)
            coefficients = coefficients + np.linalg.solve(G, right)
        loss = sum(np.sum((y - A @ coefficients) ** 2) for A, y in parts) / self.N
        return self.in_parameters(coefficients), np.float64(loss)

    def check(self, result: Any) -> None:
        """Assert theta and loss; theta to what the condition of the powers leaves of float64's digits."""
        theta, loss = (np.asarray(value, dtype=np.float64) for value in result)
        expected_theta, expected_loss = expected(self)
        np.testing.assert_allclose(theta, expected_theta, rtol=0.0, atol=1e-10 * np.abs(expected_theta).max())
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-12)


@dataclass(frozen=True)
class PolynomialLeastSquares(PolynomialSamples, LeastSquares):
    """Of a polynomial."""

    degree: int = 3

    def __str__(self) -> str:
        return f"degree {self.degree}, N {self.N:,}"

    def rows(self, first: int, last: int) -> Result:
        """Return Chebyshev polynomials of x (n, P) and y (n,)."""
        return chebyshev.chebvander(self.x[first:last], self.degree), self.y[first:last]

    def in_parameters(self, coefficients: np.ndarray) -> np.ndarray:
        """Return the coefficients of powers."""
        return chebyshev.cheb2poly(coefficients)


@dataclass(frozen=True)
class LinearLeastSquares(LinearSamples, LeastSquares):
    """Of a linear model with an intercept."""

    F: int = 2

    def __str__(self) -> str:
        return f"F {self.F}, N {self.N:,}"

    def in_parameters(self, coefficients: np.ndarray) -> np.ndarray:
        """Return them as they are."""
        return coefficients
