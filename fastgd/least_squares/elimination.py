"""A matrix known exactly, as X diag(D) Y with X and Y well conditioned: Gaussian elimination in decimal arithmetic.

What a model's features do to its statistics is graded over tens of orders of magnitude where they are powers of x. With
complete pivoting X and Y are unit triangular but for the order of their rows and columns, no element above 1, and as a
rule well conditioned; D holds what the data determine, small and large. The precision is raised until no pivot is made
of rounding.
"""

from __future__ import annotations

import decimal
from collections.abc import Callable
from contextlib import AbstractContextManager
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from fastgd.check import Array

Exact = NDArray[np.object_]  # of Decimal

FIRST_PRECISION = 60  # digits, and one more for each column
SPARE = 25  # digits beyond what the pivots reach over
LARGEST_PRECISION = 20_000


def with_digits(count: int) -> AbstractContextManager[decimal.Context]:
    """Put decimals of so many digits in force, whatever the context of who calls: its precision, rounding and traps."""
    context = decimal.Context(
        prec=count,
        rounding=decimal.ROUND_HALF_EVEN,
        Emin=decimal.MIN_EMIN,
        Emax=decimal.MAX_EMAX,
        clamp=0,
        traps=[decimal.DivisionByZero, decimal.Overflow, decimal.InvalidOperation],
    )
    return decimal.localcontext(context)


def exact(values: Array) -> Exact:
    """Return floats as decimals, which rounds nothing."""
    decimals: Exact = np.array([Decimal(value) for value in values.ravel().tolist()], dtype=object)
    return decimals.reshape(values.shape)


def rounded(values: Exact) -> Array:
    """Return decimals as floats; beyond float64 they are infinite or zero."""
    return np.array([float(value) for value in values.ravel().tolist()]).reshape(values.shape)


def product(a: Array, b: Exact) -> Exact:
    """Return a b (m, n) of floats a (m, k), which may have many zeros, and b (k, n)."""
    rows = []
    for row in a:
        some = np.flatnonzero(row)
        rows.append(exact(row[some]).dot(b[some]))
    return np.stack(rows)


def eliminated(matrix: Callable[[], Exact], rank: int) -> tuple[Array, Array, Array]:
    """Return X (m, rank), D (rank,) and Y (rank, n); `matrix` makes it (m, n) in whatever precision is in force."""
    precision = FIRST_PRECISION + rank
    while True:
        with with_digits(precision):
            X, D, Y = _eliminated(matrix(), rank)
            needed = SPARE + _graded_by(D)
        if needed <= precision or precision >= LARGEST_PRECISION:
            return rounded(X), rounded(D), rounded(Y)
        precision = max(2 * precision, needed)


def _eliminated(rest: Exact, rank: int) -> tuple[Exact, Exact, Exact]:
    m, n = rest.shape
    rows = np.arange(m)
    columns = np.arange(n)
    X = exact(np.zeros((m, rank)))
    D = exact(np.zeros(rank))
    Y = exact(np.zeros((rank, n)))
    for k in range(rank):
        i, j = divmod(int(np.argmax(np.abs(rest))), len(columns))
        pivot = rest[i, j]
        if not pivot:
            break
        D[k] = pivot
        X[rows, k] = rest[:, j] / pivot
        Y[k, columns] = rest[i] / pivot
        others = np.arange(len(rows)) != i
        beside = np.arange(len(columns)) != j
        rest = rest[others][:, beside] - np.multiply.outer(X[rows[others], k], rest[i, beside])
        rows = rows[others]
        columns = columns[beside]
    return X, D, Y


def _graded_by(D: Exact) -> int:
    """Return over how many digits the pivots reach."""
    exponents = [value.adjusted() for value in D.tolist() if value]
    return max(exponents) - min(exponents) if exponents else 0
