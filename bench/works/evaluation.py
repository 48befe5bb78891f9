"""Loss and gradient of a fit, at one theta or at many."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from bench.works.data import LinearSamples, PolynomialSamples, Result, TooLarge, expected, powers, thetas_for


@dataclass(frozen=True)
class Evaluation:
    """Mean squared error and its gradient at C thetas, or at a single one (thetas = 0)."""

    N: int
    thetas: int = 0
    dtype: str = "float64"  # of the samples as they are stored; arithmetic is float64

    @property
    def C(self) -> int:
        """Thetas."""
        return max(1, self.thetas)

    @property
    def visits(self) -> int:
        """Samples times thetas."""
        return self.N * self.C

    @property
    def flops(self) -> int:
        """Floating point operations."""
        return 4 * self.P * self.visits

    @property
    def chunk(self) -> int:
        """Samples whose rows the expected results are computed from at a time: matrices of 4 MB."""
        return max(256, (1 << 19) // max(self.P, self.C))

    @property
    def theta(self) -> np.ndarray:
        """Return (P,), or (C, P)."""
        thetas = thetas_for(self.P, self.C)
        return thetas if self.thetas else thetas[0]

    def reduced(self, visits: int, evaluations: int, by: str) -> Evaluation:
        """Return this case, or one of fewer samples with no more than so many visits."""
        if self.visits <= visits:
            return self
        if visits < self.C:
            raise TooLarge(f"{self} is more than {visits:,} sample visits")
        return replace(self, N=visits // self.C)

    def expected(self) -> Result:
        """Return loss () or (C,) and gradient (P,) or (C, P): chunk by chunk, the sums by math.fsum over chunks."""
        thetas = thetas_for(self.P, self.C)
        parts = []
        for first in range(0, self.N, self.chunk):
            A, y = self.rows(first, first + self.chunk)
            r = A @ thetas.T - y[:, None]
            parts.append(np.concatenate([np.sum(r**2, axis=0)[:, None], 2.0 * (r.T @ A)], axis=1))
        sums = np.array([[math.fsum(column) for column in row] for row in np.array(parts).transpose(1, 2, 0)]) / self.N
        loss, gradient = sums[:, 0], sums[:, 1:]
        return (loss, gradient) if self.thetas else (loss[0], gradient[0])

    def check(self, result: Any) -> None:
        """Assert that a result is the expected one, to the rounding of a plain sum over N samples."""
        loss, gradient = (np.asarray(value, dtype=np.float64) for value in result)
        expected_loss, expected_gradient = expected(self)
        tolerance = 1e-13 + 4.0 * np.finfo(float).eps * math.sqrt(self.N)
        np.testing.assert_allclose(loss, expected_loss, rtol=tolerance, atol=0.0)
        size = 2.0 * np.sqrt(expected_loss.max())  # bounds the mean of |psi(r) x^k|, since |x| <= 1
        np.testing.assert_allclose(gradient, expected_gradient, rtol=0.0, atol=size * tolerance)


@dataclass(frozen=True)
class PolynomialEvaluation(PolynomialSamples, Evaluation):
    """Loss and gradient of a polynomial fit."""

    degree: int = 3

    def __str__(self) -> str:
        text = f"degree {self.degree}, N {self.N:,}" + f", C {self.C}" * bool(self.thetas)
        return text + f", {self.dtype}" * (self.dtype != "float64")

    @property
    def P(self) -> int:
        """Parameters."""
        return self.degree + 1

    @property
    def bytes(self) -> int:
        """Bytes of the samples."""
        return 2 * np.dtype(self.dtype).itemsize * self.N

    def rows(self, first: int, last: int) -> Result:
        """Return powers of x (n, P) and y (n,)."""
        return powers(self.x[first:last].astype(np.float64), self.P), self.y[first:last].astype(np.float64)


@dataclass(frozen=True)
class LinearEvaluation(LinearSamples, Evaluation):
    """Loss and gradient of a linear fit with an intercept."""

    F: int = 2

    def __str__(self) -> str:
        return f"F {self.F}, N {self.N:,}" + f", C {self.C}" * bool(self.thetas)

    @property
    def P(self) -> int:
        """Parameters: weights and the intercept."""
        return self.F + 1

    @property
    def bytes(self) -> int:
        """Bytes of the samples."""
        return 8 * (self.F + 1) * self.N
