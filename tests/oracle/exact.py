"""Least squares in exact arithmetic, and how well its data determine it."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Vector = list[Fraction]
EPSILON = 2.0**-53  # a rounding error


class Solution(NamedTuple):
    theta: Vector  # of least norm
    squares: Fraction  # residual sum of squares
    rank: int


def fractions(values: NDArray[np.floating]) -> Vector:
    return [Fraction(float(value)) for value in values]


def power_columns(x: NDArray[np.floating], degree: int) -> list[Vector]:
    columns = [[Fraction(1)] * len(x)]
    for _ in range(degree):
        columns.append([a * b for a, b in zip(columns[-1], fractions(x), strict=True)])
    return columns


def feature_columns(X: NDArray[np.floating], intercept: bool) -> list[Vector]:
    return [fractions(column) for column in X.T] + [[Fraction(1)] * len(X)] * intercept


def dot(a: Vector, b: Vector) -> Fraction:
    return sum((p * q for p, q in zip(a, b, strict=True)), Fraction(0))


def independent_rows(matrix: list[Vector]) -> list[int]:
    """Return the indices of a largest set of independent rows."""
    reduced: list[Vector] = []
    chosen = []
    for index, row in enumerate(matrix):
        rest = list(row)
        for other in reduced:
            pivot = next(k for k, value in enumerate(other) if value)
            factor = rest[pivot] / other[pivot]
            rest = [a - factor * b for a, b in zip(rest, other, strict=True)]
        if any(rest):
            reduced.append(rest)
            chosen.append(index)
    return chosen


def solve(matrix: list[Vector], rights: list[Vector]) -> list[Vector]:
    """Solve a regular system for several right-hand sides, by Gauss and Jordan."""
    size = len(matrix)
    rows = [[*row, *(right[i] for right in rights)] for i, row in enumerate(matrix)]
    for k in range(size):
        pivot = next(i for i in range(k, size) if rows[i][k])
        rows[k], rows[pivot] = rows[pivot], rows[k]
        rows[k] = [value / rows[k][k] for value in rows[k]]
        for i in range(size):
            if i != k and rows[i][k]:
                factor = rows[i][k]
                rows[i] = [a - factor * b for a, b in zip(rows[i], rows[k], strict=True)]
    return [[rows[i][size + j] for i in range(size)] for j in range(len(rights))]


def residuals(columns: list[Vector], y: Vector, theta: Vector) -> Vector:
    return [value - dot(theta, list(row)) for value, row in zip(y, zip(*columns, strict=True), strict=True)]


def least_squares(columns: list[Vector], y: NDArray[np.floating]) -> Solution:
    """Minimise ||sum_k theta_k column_k - y||^2; the shortest theta where columns are dependent."""
    target = fractions(y)
    gram = [[dot(a, b) for b in columns] for a in columns]
    right = [dot(column, target) for column in columns]
    chosen = independent_rows(gram)
    rows = [gram[i] for i in chosen]
    if rows:
        (multipliers,) = solve([[dot(a, b) for b in rows] for a in rows], [[right[i] for i in chosen]])
        theta = [dot(multipliers, list(column)) for column in zip(*rows, strict=True)]
    else:
        theta = [Fraction(0)] * len(columns)
    rest = residuals(columns, target, theta)
    return Solution(theta, dot(rest, rest), len(chosen))


def uncertainty(columns: list[Vector], y: NDArray[np.floating], theta: Vector) -> NDArray[np.float64]:
    """Bound each theta's change if every number of the data is off by one rounding error, columns independent.

    To first order it is |X+| (|X| |theta| + |y|) + |(X'X)^-1| |X'| |r|, times that error.
    """
    P = len(columns)
    gram = [[dot(a, b) for b in columns] for a in columns]
    inverse = solve(gram, [[Fraction(int(i == j)) for i in range(P)] for j in range(P)])
    X = np.array([[float(value) for value in column] for column in columns]).T
    r = np.abs([float(value) for value in residuals(columns, fractions(y), theta)])
    rows = list(zip(*columns, strict=True))
    pseudo_inverse = np.abs([[float(dot(inverse[j], list(row))) for row in rows] for j in range(P)])
    sizes = np.abs(X) @ np.abs([float(value) for value in theta]) + np.abs(y)
    through_residuals = np.abs([[float(value) for value in row] for row in inverse]) @ (np.abs(X).T @ r)
    return EPSILON * (pseudo_inverse @ sizes + through_residuals)
