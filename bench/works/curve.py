"""Fits of a user's own model: a exp(-b x) + c, and a sin(b x + c)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from bench.works.data import Result, TooLarge, expected


class Model(NamedTuple):
    """A model of x (N,) and theta (3, ...), in NumPy, with its derivatives (3, ...)."""

    value: Callable[..., np.ndarray]
    slopes: Callable[..., np.ndarray]
    truth: tuple[float, float, float]
    start: tuple[float, float, float]


def _exp(x: np.ndarray, a: Any, b: Any, c: Any) -> np.ndarray:
    return a * np.exp(-b * x) + c


def _exp_slopes(x: np.ndarray, a: Any, b: Any, c: Any) -> np.ndarray:
    e = np.exp(-b * x)
    return np.array([e, -a * x * e, np.ones_like(e)])


def _sin(x: np.ndarray, a: Any, b: Any, c: Any) -> np.ndarray:
    return a * np.sin(b * x + c)


def _sin_slopes(x: np.ndarray, a: Any, b: Any, c: Any) -> np.ndarray:
    angle = b * x + c
    return np.array([np.sin(angle), a * x * np.cos(angle), a * np.cos(angle)])


MODELS = {
    "exp": Model(_exp, _exp_slopes, (2.0, 1.3, 0.5), (1.0, 1.0, 0.0)),
    "sin": Model(_sin, _sin_slopes, (1.5, 2.0, 0.3), (1.0, 1.8, 0.0)),
}


@lru_cache(maxsize=4)
def curve_samples(N: int, model: str) -> Result:
    """Return x, y (N,): the model with noise, on [0, 4]."""
    rng = np.random.default_rng((2, N))
    x = rng.uniform(0.0, 4.0, N)
    return x, MODELS[model].value(x, *MODELS[model].truth) + 0.1 * rng.standard_normal(N)


class _Curve:
    """What is done with such a model, and its samples."""

    N: int
    model: str
    P = 3
    dtype = "float64"

    @property
    def x(self) -> np.ndarray:
        """Return (N,)."""
        return curve_samples(self.N, self.model)[0]

    @property
    def y(self) -> np.ndarray:
        """Return (N,)."""
        return curve_samples(self.N, self.model)[1]

    @property
    def start(self) -> np.ndarray:
        """Return theta (3,)."""
        return np.array(MODELS[self.model].start)

    def sums(self, thetas: np.ndarray) -> Result:
        """Return mean squared errors (C,) and gradients (C, 3) at thetas (C, 3), by NumPy."""
        losses, gradients = np.empty(len(thetas)), np.empty(thetas.shape)
        for c, theta in enumerate(thetas):
            r = MODELS[self.model].value(self.x, *theta) - self.y
            losses[c] = np.mean(r**2)
            gradients[c] = 2.0 * MODELS[self.model].slopes(self.x, *theta) @ r / self.N
        return losses, gradients


@dataclass(frozen=True)
class CurveEvaluation(_Curve):
    """Mean squared error and its gradient at one theta."""

    N: int
    model: str = "exp"

    def __str__(self) -> str:
        return f"{self.model}, N {self.N:,}"

    @property
    def theta(self) -> np.ndarray:
        """Return (3,)."""
        return self.start

    @property
    def visits(self) -> int:
        """Samples."""
        return self.N

    def reduced(self, visits: int, evaluations: int, by: str) -> CurveEvaluation:
        """Return this case, or one of fewer samples."""
        return self if visits >= self.N else replace(self, N=visits)

    def expected(self) -> Result:
        """Return loss () and gradient (3,)."""
        losses, gradients = self.sums(self.start[None])
        return losses[0], gradients[0]

    def check(self, result: Any) -> None:
        """Assert that a result is the expected one, to the rounding of a sum over N samples."""
        for value, wanted in zip(result, expected(self), strict=True):
            np.testing.assert_allclose(np.asarray(value), wanted, rtol=1e-10)


@dataclass(frozen=True)
class CurveSweep(_Curve):
    """Descents from one start at C learning rates, all stable, each of the same number of steps."""

    N: int
    C: int
    steps: int
    model: str = "exp"
    all_rates: int = 0  # of the case that this is a part of

    def __str__(self) -> str:
        return f"{self.model}, {self.C} rates x {self.steps:,} steps x N {self.N:,}"

    @property
    def visits(self) -> int:
        """Samples times evaluations, one at the last theta of each."""
        return self.C * (self.steps + 1) * self.N

    @property
    def rates(self) -> np.ndarray:
        """Return learning rates (C,) from slow to a fifth of Gauss-Newton's limit at the true theta."""
        J = MODELS[self.model].slopes(self.x, *MODELS[self.model].truth)
        limit = 2.0 / np.linalg.eigvalsh(2.0 * J @ J.T / self.N)[-1]
        rates = limit * np.geomspace(1e-3, 0.2, self.all_rates or self.C)
        return rates[np.linspace(0, rates.size - 1, self.C).astype(int)]

    def reduced(self, visits: int, evaluations: int, by: str) -> CurveSweep:
        """Return this case, or one of fewer configurations, or steps."""
        allowed = min(evaluations, visits // self.N)
        if self.C * (self.steps + 1) <= allowed:
            return self
        if by == "steps" and allowed >= 2 * self.C:
            return replace(self, steps=allowed // self.C - 1)
        if allowed < self.steps + 1:
            raise TooLarge(f"{self} can't be cut to {visits:,} sample visits")
        return replace(self, C=allowed // (self.steps + 1), all_rates=self.all_rates or self.C)

    def expected(self) -> Result:
        """Return theta (C, 3) and loss (C,) after the last step."""
        thetas = np.repeat(self.start[None], self.C, axis=0)
        for _ in range(self.steps):
            thetas = thetas - self.rates[:, None] * self.sums(thetas)[1]
        return thetas, self.sums(thetas)[0]

    def check(self, result: Any) -> None:
        """Assert theta (C, 3) and loss (C,)."""
        for value, wanted in zip(result, expected(self), strict=True):
            np.testing.assert_allclose(np.asarray(value), wanted, rtol=1e-9)
