"""The samples of all works, made chunk by chunk, and what the cases share.

The first samples are the same however many are asked for: a part of a case is a slice of its arrays, and one pair of
arrays serves all sizes up to its own.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from typing import Any

import numpy as np

Result = tuple[np.ndarray, ...]
CHUNK = 1 << 16  # samples that are made, and that expected results are computed from, at a time

_polynomial: dict[str, Result] = {}  # the one pair of arrays that is kept: of 10^8 samples it takes 1.6 GB


class TooLarge(Exception):
    """A case can't be made small enough for a peer."""


def polynomial_samples(N: int, dtype: str = "float64") -> Result:
    """Return x, y (N,): a noisy sine on [-1, 1]."""
    if dtype not in _polynomial or len(_polynomial[dtype][0]) < N:
        _polynomial.clear()
        x, y = np.empty(N, dtype), np.empty(N, dtype)

        def fill(first: int) -> None:
            length = min(CHUNK, N - first)
            rng = np.random.default_rng((1, first))
            some = rng.uniform(-1.0, 1.0, CHUNK)[:length]
            x[first : first + length] = some
            y[first : first + length] = np.sin(3.0 * some) + 0.1 * rng.standard_normal(length)

        with ThreadPoolExecutor(os.cpu_count()) as pool:
            list(pool.map(fill, range(0, N, CHUNK)))
        _polynomial[dtype] = x, y
    x, y = _polynomial[dtype]
    return x[:N], y[:N]


@lru_cache(maxsize=2)
def linear_samples(N: int, F: int) -> Result:
    """Return X (N, F), y (N,): a noisy plane."""
    rng = np.random.default_rng((N, F))
    X = rng.uniform(-1.0, 1.0, (N, F))
    return X, X @ rng.standard_normal(F) + 0.5 + 0.1 * rng.standard_normal(N)


class PolynomialSamples:
    """A case's samples, of its N and dtype."""

    dtype = "float64"

    @property
    def x(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N, self.dtype)[0]

    @property
    def y(self) -> np.ndarray:
        """(N,)."""
        return polynomial_samples(self.N, self.dtype)[1]


class LinearSamples:
    """A case's samples, of its N and F."""

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


def thetas_for(P: int, C: int) -> np.ndarray:
    """Return thetas (C, P) of order 1."""
    return np.random.default_rng((P, C)).standard_normal((C, P))


def powers(x: np.ndarray, P: int) -> np.ndarray:
    """Return the rows 1, x, ..., x^(P - 1), (N, P)."""
    return np.vander(x, P, increasing=True)


@lru_cache(maxsize=4)
def expected(case: Any) -> Result:
    """Return a case's expected results, computed once for all peers."""
    return case.expected()
