"""The works that are measured: their data, their sizes, what they count, and what they must give.

A case is a few numbers, so that test names and JSON can hold it; its data is made when it is first asked for, the same
every time. The expected results are computed here by NumPy, in a form that none of the peers uses.

Sizes: N samples, F features, P parameters, C thetas or learning rates. Floating point operations are 4 P for each
sample and theta, bytes those of the samples, read once.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import numpy as np

Result = tuple[np.ndarray, ...]
CHUNK = 1 << 16  # samples that the expected results are computed from at a time


class TooLarge(Exception):
    """A case can't be made small enough for a peer."""


@lru_cache(maxsize=2)
def polynomial_samples(N: int) -> Result:
    """Return x, y (N,): a noisy sine on [-1, 1]."""
    rng = np.random.default_rng(N)
    x = rng.uniform(-1.0, 1.0, N)
    return x, np.sin(3.0 * x) + 0.1 * rng.standard_normal(N)


@lru_cache(maxsize=2)
def linear_samples(N: int, F: int) -> Result:
    """Return X (N, F), y (N,): a noisy plane."""
    rng = np.random.default_rng((N, F))
    X = rng.uniform(-1.0, 1.0, (N, F))
    return X, X @ rng.standard_normal(F) + 0.5 + 0.1 * rng.standard_normal(N)


def thetas_for(P: int, C: int) -> np.ndarray:
    """Return thetas (C, P) of order 1."""
    return np.random.default_rng((P, C)).standard_normal((C, P))


def powers(x: np.ndarray, P: int) -> np.ndarray:
    """Return the rows 1, x, ..., x^(P - 1), (N, P)."""
    return np.vander(x, P, increasing=True)


@dataclass(frozen=True)
class Evaluation:
    """Mean squared error and its gradient at C thetas, or at a single one (thetas = 0)."""

    N: int
    thetas: int = 0

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
        for first in range(0, self.N, CHUNK):
            A, y = self.rows(first, first + CHUNK)
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
class PolynomialEvaluation(Evaluation):
    """Loss and gradient of a polynomial fit."""

    degree: int = 3

    def __str__(self) -> str:
        return f"degree {self.degree}, N {self.N:,}" + f", C {self.C}" * bool(self.thetas)

    @property
    def P(self) -> int:
        """Parameters."""
        return self.degree + 1

    @property
    def bytes(self) -> int:
        """Bytes of the samples."""
        return 16 * self.N

    @property
    def x(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N)[0]

    @property
    def y(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N)[1]

    def rows(self, first: int, last: int) -> Result:
        """Return powers of x (n, P) and y (n,)."""
        return powers(self.x[first:last], self.P), self.y[first:last]


@dataclass(frozen=True)
class LinearEvaluation(Evaluation):
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

    @property
    def X(self) -> np.ndarray:
        """(N, F)."""
        return linear_samples(self.N, self.F)[0]

    @property
    def y(self) -> np.ndarray:
        """(N,)."""
        return linear_samples(self.N, self.F)[1]

    def rows(self, first: int, last: int) -> Result:
        """Return X with a column of ones (n, P) and y (n,)."""
        X = self.X[first:last]
        return np.column_stack([X, np.ones(len(X))]), self.y[first:last]


@dataclass(frozen=True)
class PolynomialSweep:
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
    def x(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N)[0]

    @property
    def y(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N)[1]

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (C,) from slow to 0.9 of the stability limit 2 / lambda_max; of a part every n-th."""
        A = powers(self.x[:100_000], self.P)
        limit = 2.0 / np.linalg.eigvalsh(2.0 * A.T @ A / len(A))[-1]
        rates = limit * np.geomspace(1e-4, 0.9, self.all_rates or self.C)
        return rates[np.linspace(0, rates.size - 1, self.C).astype(int)]

    def reduced(self, visits: int, evaluations: int, by: str) -> PolynomialSweep:
        """Return this case, or one of fewer configurations, or steps, within so many visits and evaluations."""
        allowed = min(evaluations, visits // self.N)
        if self.C * (self.steps + 1) <= allowed:
            return self
        whole = self.all_rates or self.C
        if by == "steps" and allowed >= 2 * self.C:
            return replace(self, steps=allowed // self.C - 1, all_rates=whole)
        if allowed < 2:
            raise TooLarge(f"{self} can't be cut to {visits:,} sample visits")
        steps = min(self.steps, allowed - 1)
        return replace(self, steps=steps, C=min(self.C, allowed // (steps + 1)), all_rates=whole)

    def expected(self) -> Result:
        """Return theta (C, P) and loss (C,) from the normal equations, in long double.

        theta_{t+1} = theta_t - rate (H theta_t - c), H = 2 A'A / N and c = 2 A'y / N.
        """
        H, c = np.zeros((self.P, self.P), np.longdouble), np.zeros(self.P, np.longdouble)
        squares = np.longdouble(0.0)
        for first in range(0, self.N, CHUNK):
            A = powers(self.x[first : first + CHUNK].astype(np.longdouble), self.P)
            y = self.y[first : first + CHUNK].astype(np.longdouble)
            H += A.T @ A * 2 / self.N
            c += A.T @ y * 2 / self.N
            squares += y @ y / self.N
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


@dataclass(frozen=True)
class DartSweep:
    """Gradient descents of the dart's miss at C learning rates, to a loss below 0.001 or the last step."""

    C: int
    steps: int
    all_rates: int = 0

    threshold = 0.001
    bound = math.pi / 2

    def __str__(self) -> str:
        return f"dart, {self.C:,} rates x at most {self.steps} steps"

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (C,), below those that bounce; of a part every n-th."""
        rates = np.geomspace(1e-4, 1e-2, self.all_rates or self.C)
        return rates[np.linspace(0, rates.size - 1, self.C).astype(int)]

    @property
    def visits(self) -> int:
        """Evaluations at most."""
        return self.C * (self.steps + 1)

    def reduced(self, visits: int, evaluations: int, by: str) -> DartSweep:
        """Return this case, or one of fewer configurations."""
        if self.visits <= evaluations:
            return self
        return replace(self, C=max(1, evaluations // (self.steps + 1)), all_rates=self.all_rates or self.C)

    def expected(self) -> Result:
        """Return theta (C,), loss (C,) and steps (C,), all configurations in step; y = 1 + 10 tan - 4.9 / cos^2."""
        rates, theta, steps = self.rates, np.zeros(self.C), np.zeros(self.C, dtype=int)
        running = np.arange(self.C)
        loss = np.empty(self.C)
        for t in range(self.steps + 1):
            tangent = np.tan(theta[running])
            secant2 = 1.0 + tangent**2
            miss = 10.0 * tangent - 4.9 * secant2
            loss[running] = miss**2 / 2.0
            steps[running] = t
            going = loss[running] >= self.threshold
            gradient = (miss * (10.0 * secant2 - 9.8 * secant2 * tangent))[going]
            running = running[going]
            if t < self.steps:
                moved = theta[running] - rates[running] * gradient
                theta[running] = np.clip(moved, -self.bound, self.bound)
        return theta, loss, steps

    def check(self, result: Any) -> None:
        """Assert theta, loss and steps (C,): equal steps, the rest to rounding."""
        theta, loss, steps = (np.asarray(value) for value in result)
        expected_theta, expected_loss, expected_steps = expected(self)
        np.testing.assert_array_equal(steps, expected_steps)
        np.testing.assert_allclose(theta, expected_theta, rtol=1e-11, atol=0.0)
        np.testing.assert_allclose(loss, expected_loss, rtol=1e-9, atol=0.0)


@lru_cache(maxsize=4)
def expected(case: Any) -> Result:
    """Return a case's expected results, computed once for all peers."""
    return case.expected()
