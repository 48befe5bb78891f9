"""Every loss and every kind of fit, each with its oracle: what the tests of losses run over."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np

import fastgd
from fastgd.problems.losses import Loss
from tests.oracle import residuals
from tests.oracle.reference import LossAndGradient, linear, numbers, polynomial


def cauchy(r: float) -> float:
    return math.log1p(r * r)


def cauchy_slope(r: float) -> float:
    return 2 * r / (1 + r * r)


class Kind(NamedTuple):
    """A loss as fastgd and as the oracle take it."""

    loss: Any
    oracle: residuals.ResidualLoss


def kind_of(loss: Loss) -> Kind:
    """Return a built-in loss with its oracle."""
    if loss.word not in residuals.BY_WORD:
        raise LookupError(f"the loss {loss.word!r} needs its line in BY_WORD of tests/oracle/residuals.py")
    numbers_of_it = (getattr(loss, name) for name in loss.parameters())
    return Kind(loss, residuals.BY_WORD[loss.word](*numbers_of_it))


DELTA = 1.5  # and whatever else is a number of a loss
LOSSES = {word: kind_of(kind(*[DELTA] * len(kind.parameters()))) for word, kind in Loss.known.items()}
LOSSES["the user's"] = Kind(fastgd.ResidualLoss(cauchy, cauchy_slope), residuals.CAUCHY)
RATIONAL = ("squared", "absolute", "huber")


class Model(NamedTuple):
    """A kind of fit: a polynomial of so many parameters, or a line of so many features and an intercept."""

    kind: str
    size: int

    def __str__(self) -> str:
        return f"{self.kind} of {self.size}"

    @property
    def P(self) -> int:
        return self.size + (self.kind == "line")

    @property
    def free(self) -> int:
        """The parameter without a penalty."""
        return self.size if self.kind == "line" else 0

    def shape(self, N: int) -> tuple[int, ...]:
        return (N, self.size) if self.kind == "line" else (N,)

    def fit(self, X: Any, y: Any, **how: Any) -> Any:
        return (
            fastgd.LinearFit(X, y, **how) if self.kind == "line" else fastgd.PolynomialFit(X, y, self.size - 1, **how)
        )

    def rows(self, X: Any) -> np.ndarray:
        """Return dr/dtheta (N, P)."""
        if self.kind == "line":
            return np.column_stack([X, np.ones(len(X))])
        return np.vander(X, self.size, increasing=True)

    def oracle(
        self,
        number: Any,
        X: Any,
        y: Any,
        loss: residuals.ResidualLoss,
        reduction: str = "mean",
        weights: Any = None,
        l2: float = 0.0,
    ) -> LossAndGradient:
        """Return the oracle in this kind of number."""
        how = {"loss": loss, "l2": number(l2), "weights": None if weights is None else numbers(weights, number)}
        samples = numbers(X, number), numbers(y, number)
        if self.kind == "line":
            return linear(*samples, True, reduction, **how)
        return polynomial(*samples, self.size - 1, reduction, **how)


MODELS = [Model("polynomial", 3), Model("polynomial", 8), Model("polynomial", 12), Model("line", 2), Model("line", 12)]


def is_weighted(loss: str, model: Model) -> bool:
    """Tell whether this loss and this kind of fit are tested with weights and a penalty, or without.

    Every loss meets every kind of fit, and each of both is tested with and without: a kernel for each of the fifty
    combinations would be compiled for minutes, and hold no line of code that those of the half do not.
    """
    return (list(LOSSES).index(loss) + MODELS.index(model)) % 2 == 0


def dyadic(model: Model, N: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return X, y, weights, theta: multiples of small powers of two, of which every sum and product is exact."""
    random = np.random.default_rng((seed, N, model.P))
    X = random.integers(-2, 3, model.shape(N)) / 2
    return X, random.integers(-18, 19, N) / 4, random.integers(0, 4, N) + 0.0, random.integers(-3, 4, model.P) / 2


def real(model: Model, N: int, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Return X, y, weights, theta at random, some weights 0."""
    random = np.random.default_rng((seed, N, model.P))
    X = random.uniform(-1, 1, model.shape(N))
    weights = random.uniform(0, 2, N) * (random.uniform(size=N) > 0.2)
    return X, 2 * random.normal(size=N), weights, random.normal(size=model.P)
