"""Sweeps of learning rates over the samples of a polynomial fit."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

from bench.works.data import CHUNK, PolynomialSamples, Result, TooLarge, expected, polynomial_samples, powers

FEW = 8  # configurations
LEAST_STEPS = 4  # the first costs less where a compiler sees that all configurations begin at one theta
RATES_FROM = 20_000  # samples that learning rates are chosen by


@lru_cache(maxsize=8)
def normal_equations(N: int, P: int) -> Result:
    """Return 2 A'A / N (P, P), 2 A'y / N (P,) and y'y / N, in long double."""
    all_x, all_y = polynomial_samples(N)
    sums = np.zeros((P + 1, P + 1), np.longdouble)
    for first in range(0, N, CHUNK):
        x = all_x[first : first + CHUNK].astype(np.longdouble)
        rows = np.vstack([x**0, *(x**k for k in range(1, P)), all_y[first : first + CHUNK]])
        sums += rows @ rows.T
    sums /= N
    return 2 * sums[:P, :P], 2 * sums[:P, P], sums[P, P]


@dataclass(frozen=True)
class PolynomialSweep(PolynomialSamples):
    """Descents of a polynomial fit from theta = 0 at C learning rates, all stable, each of the same number of steps."""

    N: int
    C: int
    steps: int
    degree: int = 3
    all_rates: int = 0  # of the case that this is a part of

    def __str__(self) -> str:
        return f"{self.C} rates x {self.steps:,} steps x N {self.N:,}, degree {self.degree}"

    @property
    def P(self) -> int:
        """Parameters."""
        return self.degree + 1

    @property
    def visits(self) -> int:
        """Samples times evaluations, one at the last theta of each."""
        return self.C * (self.steps + 1) * self.N

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (C,) from slow to 0.9 of the stability limit 2 / lambda_max; of a part every n-th."""
        A = powers(self.x[:RATES_FROM], self.P)
        limit = 2.0 / np.linalg.eigvalsh(2.0 * A.T @ A / len(A))[-1]
        rates = limit * np.geomspace(1e-4, 0.9, self.all_rates or self.C)
        return rates[np.linspace(0, rates.size - 1, self.C).astype(int)]

    def reduced(self, visits: int, evaluations: int, by: str) -> PolynomialSweep:
        """Return this case, or one of fewer configurations, or steps, within so many visits and evaluations.

        By configurations a few are left, so that every thread has some; by steps all. Where a few steps of these
        are too much, samples are cut: those that are left have the same rates.
        """
        allowed = min(evaluations, visits // self.N)
        if self.C * (self.steps + 1) <= allowed:
            return self
        whole = self.all_rates or self.C
        C = self.C if by == "steps" else max(min(self.C, FEW), min(self.C, allowed // (self.steps + 1)))
        least = C * (LEAST_STEPS + 1)
        if allowed >= least:
            return replace(self, steps=min(self.steps, allowed // C - 1), C=C, all_rates=whole)
        N = min(self.N, visits // least)
        if evaluations >= least and N >= RATES_FROM:
            return replace(self, N=N, steps=LEAST_STEPS, C=C, all_rates=whole)
        if allowed < 2:
            raise TooLarge(f"{self} can't be cut to {visits:,} sample visits")
        return replace(self, steps=1, C=min(self.C, allowed // 2), all_rates=whole)

    def expected(self) -> Result:
        """Return theta (C, P) and loss (C,) from the normal equations, in long double.

        theta_{t+1} = theta_t - rate (H theta_t - c), H = 2 A'A / N and c = 2 A'y / N.
        """
        H, c, squares = normal_equations(self.N, self.P)
        rates = self.rates[:, None].astype(np.longdouble)
        theta = np.zeros((len(rates), self.P), np.longdouble)
        for _ in range(self.steps):
            theta = theta - rates * (theta @ H - c)
        loss = np.sum(theta * (theta @ H / 2 - c), axis=1) + squares
        return theta.astype(np.float64), loss.astype(np.float64)

    def check(self, result: Any) -> None:
        """Assert theta (C, P) and loss (C,) after the last step, to the rounding that its steps may add up to."""
        theta, loss = (np.asarray(value, dtype=np.float64) for value in result)
        expected_theta, expected_loss = expected(self)
        tolerance = 1e-12 + 4.0 * np.finfo(float).eps * (math.sqrt(self.N) + self.steps)
        np.testing.assert_allclose(theta, expected_theta, rtol=0.0, atol=tolerance * np.abs(expected_theta).max())
        np.testing.assert_allclose(loss, expected_loss, rtol=tolerance, atol=0.0)
