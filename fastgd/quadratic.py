"""A squared-error problem as one small object: S(theta) = ||R theta - q||^2 + floor, and its minimum."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.basis import Basis, FeatureBasis, PolynomialBasis
from fastgd.factor import RANK_TOLERANCE, Factor
from fastgd.once import Once
from fastgd.record import hashed, same

Array = NDArray[np.float64]


class Decomposition(NamedTuple):
    """R = left diag(values) right, its singular value decomposition."""

    left: Array  # (P, P)
    values: Array  # (P,) falling; one that rounding can't tell from zero is zero
    right: Array  # (P, P)

    @classmethod
    def of(cls, R: Array, rank: int) -> Decomposition:
        """Decompose R, whose values from `rank` on are zero."""
        left, values, right = np.linalg.svd(R)
        P = len(values)
        values[(np.arange(P) >= rank) | (values <= RANK_TOLERANCE * np.sqrt(P) * values[0])] = 0.0
        return cls(left, values, right)


class Minimum(NamedTuple):
    """The least loss of a squared-error problem and where it is reached.

    Attributes
    ----------
    theta : ndarray (P,)
        The minimum; where the samples leave it open (rank < P), the one of least norm.
    loss : float
        The loss there.
    rank : int
        How many directions of theta the samples determine.
    """

    theta: Array
    loss: float
    rank: int

    def __eq__(self, other: object) -> bool:  # a tuple would ask an array whether it is true
        return isinstance(other, Minimum) and same(tuple(self), tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hashed(tuple(self))


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The sum of squared residuals of a linear model, S(theta) = ||R theta - q||^2 + floor.

    Attributes
    ----------
    R : ndarray (P, P)
        R'R is the Gram matrix of the model's features, summed over the samples. Rows from `rank` on are zero; R need
        not be triangular.
    q : ndarray (P,)
        R'q is the features' product with y.
    floor : float
        The least sum of squares.
    rank : int
        How many directions of theta the samples determine.
    samples : int
        N.
    theta : ndarray (P,)
        The minimum, of least norm below full rank.
    condition : float
        Condition number of the samples in the basis that was used, with columns scaled to length 1.
    method : str
        How the statistics were taken.
    """

    R: Array
    q: Array
    floor: float
    rank: int
    samples: int
    theta: Array
    condition: float
    method: str
    basis: Basis
    factor: Array  # (rank, K): the samples in the basis; R = factor C
    _decomposition: Once = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_decomposition", Once(partial(Decomposition.of, self.R, self.rank)))

    @classmethod
    def assemble(
        cls,
        basis: Basis,
        factor: Factor,
        q: Sequence[Array],
        floor: float,
        samples: int,
        method: str,
        refinement: Sequence[Array] = (),
    ) -> Quadratic:
        """Bring a factor (r, K) and its right-hand side, the sum of the terms q (r,), from the basis to theta.

        Corrections are terms of their own: they reach theta before its rounding. A refinement (r,) reaches theta only.

        Raises
        ------
        OverflowError
            If a number is beyond float64, or a feature below it: "features", "targets" or "parameters" says which.
        """
        P = basis.parameters if isinstance(basis, PolynomialBasis) else basis.size
        R, padded = np.zeros((P, P)), np.zeros(P)
        with np.errstate(over="ignore", invalid="ignore"):
            R[: factor.rank] = factor.matrix @ basis.coefficients()
            padded[: factor.rank] = np.sum(q, axis=0)
        vanished = factor.rank == P and bool((np.abs(R).max(axis=0) < np.finfo(np.float64).tiny).any())
        if vanished or not np.isfinite(R).all():
            raise OverflowError("features")
        if not (np.isfinite(padded).all() and np.isfinite(floor)):
            raise OverflowError("targets")
        theta = basis.theta([factor.targets(term) for term in (*q, *refinement)], factor.rows)
        if not np.isfinite(theta).all():
            raise OverflowError("parameters")
        return cls(R, padded, floor, factor.rank, samples, theta, factor.condition, method, basis, factor.matrix)

    def decomposition(self) -> Decomposition:
        """Return the singular value decomposition of R, taken at first use."""
        decomposition: Decomposition = self._decomposition()
        return decomposition

    def minimum(self, scale: float = 1.0) -> Minimum:
        """Return the minimum of the loss scale * S."""
        return Minimum(self.theta.copy(), scale * self.floor, self.rank)

    def merge(self, other: Quadratic) -> Quadratic:
        """Return the quadratic of the samples of both.

        Raises
        ------
        ValueError
            If they are of different models.
        """
        if self.theta.size != other.theta.size:
            raise ValueError(f"quadratics must have the same parameters, got {self.theta.size} and {other.theta.size}")
        basis, first, second = _common(self, other)
        stacked = np.concatenate([first, second])
        q = np.concatenate([self.q[: self.rank], other.q[: other.rank]])
        return _reduced(basis, stacked, q, self.floor + other.floor, self.samples + other.samples, "merged")

    def penalized(self, weights: Array) -> Quadratic:
        """Return the quadratic S(theta) + sum_k weights_k theta_k^2, weights (P,) >= 0.

        Theta itself is the basis, where the penalty is diagonal. If the samples are so ill conditioned in it that
        rounding hides directions that they do determine, theirs is.

        Raises
        ------
        OverflowError
            If a number is beyond float64.
        """
        if not np.isfinite(weights).all():
            raise OverflowError("penalty")
        roots, method = np.diag(np.sqrt(weights)), f"{self.method}, penalized"
        q = np.concatenate([self.q[: self.rank], np.zeros(weights.size)])
        rows = np.concatenate([self.R[: self.rank], roots])
        penalized = _reduced(FeatureBasis.of_parameters(weights.size), rows, q, self.floor, self.samples, method)
        if penalized.rank == weights.size or self.rank < weights.size:
            return penalized
        rows = np.concatenate([self.factor, roots @ self.basis.parameters_of_functions()])
        in_theirs = _reduced(self.basis, rows, q, self.floor, self.samples, method)
        return in_theirs if in_theirs.rank > penalized.rank else penalized


def _common(first: Quadratic, second: Quadratic) -> tuple[Basis, Array, Array]:
    """Return a basis for both and their factors in it."""
    a, b = first.basis, second.basis
    if isinstance(a, PolynomialBasis) and isinstance(b, PolynomialBasis):
        union = a.union(b)
        return union, first.factor @ a.expressed(union), second.factor @ b.expressed(union)
    if isinstance(a, FeatureBasis) and isinstance(b, FeatureBasis) and a.intercept == b.intercept:
        shared = a.union(b)
        return shared, first.factor @ a.expressed(shared), second.factor @ b.expressed(shared)
    return FeatureBasis.of_parameters(first.theta.size), first.R[: first.rank], second.R[: second.rank]


def _reduced(basis: Basis, rows: Array, q: Array, floor: float, samples: int, method: str) -> Quadratic:
    """Return the quadratic ||rows z - q||^2 + floor of a basis' coordinates."""
    factor, projected, least = split(np.asarray(np.linalg.qr(np.column_stack([rows, q]), mode="r")))
    return Quadratic.assemble(basis, factor, [projected], floor + least, samples, method)


def split(triangle: Array) -> tuple[Factor, Array, float]:
    """Return what a triangle (k, K + 1) of rows and right-hand side holds: factor, q (r,), least sum of squares."""
    K = triangle.shape[1] - 1
    factor = Factor.of(triangle[:K, :K])
    right = triangle[:K, K]
    q = factor.project(right)
    # the difference of squares would leave a rounding error of theirs in a floor that may be 0
    lost = 0.0 if factor.projection is None else np.sum((right - factor.projection.T @ q) ** 2)
    rest = triangle[K, K] ** 2 if len(triangle) > K else 0.0
    return factor, q, float(lost + rest)
