"""A squared-error problem as one small object: S(theta) = ||R theta - q||^2 + floor, and its minimum.

R = F C, the samples' triangular factor in a well-conditioned basis times the change of basis. R theta and q are not
subtracted from each other: residuals c(theta) = F (C theta - z) + c(z) are those at a reference point z, which were
taken from the samples, and what lies between, with twice the digits. There are two such points, 0 and the minimum, and
the nearer one serves. So c has its digits wherever theta is, next to the minimum of a badly placed fit too, where
R theta and q agree to all of theirs.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np

from fastgd.check import Array
from fastgd.least_squares import doubled
from fastgd.least_squares.bases import Basis, FeatureBasis, is_exact
from fastgd.least_squares.blas import one_thread
from fastgd.least_squares.doubled import powers_of_two
from fastgd.least_squares.elimination import Exact, exact, product
from fastgd.least_squares.factor import Factor, back_substituted
from fastgd.least_squares.minimum import Minimum, nearest_in_loss, of_modes
from fastgd.least_squares.singular import SingularValues, are_alike, decomposed, lengths_of
from fastgd.once import Once, computed_once

STARTS_AT_ONCE = 4096
REFINEMENTS = 6  # of theta, at most; each gains nearly all digits of a float
ATTAINED = 1e-6, 1e-10  # what the least may be exceeded by: its own share, and residuals' share of the targets
SMALLEST = float(np.finfo(np.float64).tiny)


class Reference(NamedTuple):
    """A point in the basis, with twice the digits, and the residuals there: F z - q."""

    high: Array  # (K,)
    low: Array  # (K,)
    residuals: Array  # (r,)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The sum of squared residuals of a linear model, with a penalty: S(theta) = ||R theta - q||^2 + floor.

    With a penalty the roots of its weights are further rows of R, whose q is 0.
    """

    basis: Basis
    rows_in_basis: Array  # (r, K), F: F'F is the Gram matrix of the basis' functions, summed over the samples
    targets: Array  # (r,), q: what the residuals at 0 are but for their sign
    reference: Reference  # the minimum, or what is near it
    floor: float  # the least sum of squared residuals, without the penalty
    sample_count: int  # N
    condition: float  # of the samples in the basis that was used, with columns scaled to length 1
    method: str  # how the statistics were taken
    penalty: Array | None = None  # (P,) weights of theta_k^2
    _decomposition: Once[SingularValues] | None = field(default=None, repr=False)  # the same with another reference

    def __post_init__(self) -> None:
        if self._decomposition is None:
            object.__setattr__(self, "_decomposition", Once(self._decomposed))

    @classmethod
    def assemble(
        cls, basis: Basis, factor: Factor, q: Array, reference: Reference, floor: float, sample_count: int, method: str
    ) -> Quadratic:
        """Gather what was found; OverflowError "features" or "targets" if a number is beyond float64, or one below."""
        quadratic = cls(basis, factor.matrix, q, reference, floor, sample_count, factor.condition, method)
        R = quadratic.R
        vanished = factor.rank == basis.parameters and bool((np.abs(R).max(axis=0) < SMALLEST).any())
        if vanished or not np.isfinite(R).all():
            raise OverflowError("features")
        if not (np.isfinite(q).all() and np.isfinite(floor)):
            raise OverflowError("targets")
        return quadratic

    # ---- the matrix --------------------------------------------------------------------------------------------------

    @property
    def R(self) -> Array:
        """(r, P), and with a penalty (r + P, P): R'R is the Gram matrix of the features, summed over the samples."""
        with one_thread(), np.errstate(over="ignore", invalid="ignore"):
            rows = self.rows_in_basis @ self.basis.coefficients()
        return rows if self.penalty is None else np.concatenate([rows, np.diag(np.sqrt(self.penalty))])

    @property
    def q(self) -> Array:
        """(r,), or (r + P,) with a penalty: R'q is the features' product with y."""
        return self.targets if self.penalty is None else np.append(self.targets, np.zeros(len(self.penalty)))

    @property
    def size(self) -> float:
        """The sum of the squared targets."""
        with np.errstate(over="ignore"):
            return self.floor + float(np.sum(self.targets * self.targets))

    @property
    def rank(self) -> int:
        """How many directions of theta samples and penalty determine."""
        return len(self.rows_in_basis) if self.penalty is None else self.basis.parameters

    def exact_R(self, scale: Array) -> Exact:
        """Return R diag(scale) in the precision in force, its factors taken as exact."""
        columns = exact(scale)
        rows = product(self.rows_in_basis, self.basis.exact_coefficients()) * columns
        if self.penalty is None:
            return np.asarray(rows)
        return np.concatenate([rows, np.diag(exact(np.sqrt(self.penalty)) * columns)])

    def decomposition(self) -> SingularValues:
        """Return the singular value decomposition of R, taken at first use: values (P,), of which `rank` are not 0."""
        assert self._decomposition is not None
        return self._decomposition()

    def _decomposed(self, scale: Array | None = None) -> SingularValues:
        """Return the decomposition of R diag(scale), `scale` being 1 if not given."""
        scale = np.ones(self.basis.parameters) if scale is None else scale
        return decomposed(self.R * scale, self.rank, partial(self.exact_R, scale) if is_exact(self.basis) else None)

    # ---- at given theta ----------------------------------------------------------------------------------------------

    def sample_residuals(self, thetas: Array) -> Array:
        """Return the rows R theta - q (M, r) that stand for the samples at thetas (M, P)."""
        K = self.basis.size
        references = Reference(np.zeros(K), np.zeros(K), -self.targets), self.reference
        residuals = np.empty((len(thetas), len(self.rows_in_basis)))
        for first in range(0, len(thetas), STARTS_AT_ONCE):
            some = slice(first, first + STARTS_AT_ONCE)
            with np.errstate(all="ignore"):
                high, low = self.basis.coordinates(thetas[some])
                residuals[some] = _residuals_from(references, self.rows_in_basis, high, low)
        return residuals

    def residuals(self, thetas: Array) -> Array:
        """Return R theta - q at thetas (M, P): (M, r), or (M, r + P) with a penalty."""
        rows = self.sample_residuals(thetas)
        return rows if self.penalty is None else np.concatenate([rows, thetas * np.sqrt(self.penalty)], axis=1)

    def squares(self, thetas: Array) -> Array:
        """Return S (M,) at thetas (M, P)."""
        with np.errstate(over="ignore"):
            return np.asarray(self.floor + np.sum(self.residuals(thetas) ** 2, axis=1))

    # ---- the minimum -------------------------------------------------------------------------------------------------

    @computed_once
    def theta(self) -> Array:
        """The minimum (P,), of least norm below full rank.

        Where its coefficients, rounded to floats, have another loss, the one that has the least of those that keep only
        the larger singular values. Columns are brought to like lengths for them: what rounding a coefficient costs goes
        by the length of its column. OverflowError "parameters" if it is beyond float64.
        """
        theta = self.rounded_minimum()
        if self._is_attained_by(float(self.squares(theta[None])[0]), theta):
            return theta
        scale = np.ones(theta.size)
        modes = self.decomposition()
        lengths = lengths_of(self.R)
        if self.rank == theta.size and not are_alike(lengths):  # below full rank theta is that of least norm
            scale = 1.0 / powers_of_two(lengths)
            modes = self._decomposed(scale)
        return nearest_in_loss(theta, modes, scale, self.residuals, self.squares)

    @property
    def least(self) -> float:
        """The least S over all theta, whether or not floats can hold it."""
        if self.penalty is None:
            return self.floor
        try:
            theta = self.theta
        except OverflowError:
            theta = np.zeros(self.basis.parameters)
        return self._least_from(theta)

    def rounded_minimum(self) -> Array:
        """Return the minimum (P,) with every coefficient rounded; OverflowError "parameters" beyond float64."""
        theta = np.zeros(self.basis.parameters)
        with np.errstate(all="ignore"), one_thread():
            for _ in range(REFINEMENTS):
                better = theta - self._shortest(self.residuals(theta[None])[0])
                if not np.isfinite(better).all():
                    raise OverflowError("parameters")
                settled = np.array_equal(better, theta)
                theta = better
                if settled:
                    break
        return np.asarray(theta + 0.0)  # no coefficient is -0

    def _shortest(self, residuals: Array) -> Array:
        """Return the shortest d (P,) with R d nearest to the residuals."""
        if isinstance(self.basis, FeatureBasis) and self.penalty is None and self.rank == self.basis.size:
            return self.basis.theta(back_substituted(self.rows_in_basis, residuals))
        modes = self.decomposition()
        return of_modes(modes, modes.left.T @ residuals, len(modes.values))

    def minimum(self, scale: float = 1.0, squares: Callable[[Array], float] | None = None) -> Minimum:
        """Return the minimum of the loss scale * S; OverflowError "parameters" if it is beyond float64.

        `squares` gives S at a theta (P,), where its rounding is not to count: S of the statistics by default.
        """
        theta = self.theta
        own = float(self.squares(theta[None])[0]) if squares is None else squares(theta)
        attained = self._is_attained_by(own, theta)
        return Minimum(theta.copy(), scale * own, self.rank, scale * min(self.least, own), attained)

    def penalized(self, weights: Array) -> Quadratic:
        """Return S(theta) + sum_k weights_k theta_k^2, weights (P,) >= 0; OverflowError if one is beyond float64."""
        if not np.isfinite(weights).all():
            raise OverflowError("penalty")
        return replace(self, penalty=weights, method=f"{self.method}, penalized", _decomposition=None)

    def _is_attained_by(self, squares: float, theta: Array) -> bool:
        """Tell whether S at theta (P,) is the least, but for what rounding a theta to floats must cost."""
        relative, of_targets = ATTAINED
        return squares <= (1.0 + relative) * self._least_from(theta) + of_targets**2 * self.size

    def _least_from(self, theta: Array) -> float:
        """Return the least S, from the residuals at a theta (P,) near where it is: what no step takes away of them."""
        if self.penalty is None:
            return self.floor
        at = self.residuals(theta[None])
        left = self.decomposition().left
        beyond = at - doubled.ordered_product(doubled.ordered_product(at, left), left.T)
        return self.floor + float(np.sum(beyond * beyond))


def _residuals_from(references: Iterable[Reference], F: Array, high: Array, low: Array) -> Array:
    """Return the residuals (M, r) at points (M, K), with twice the digits, from the reference that rounds them least.

    What lies between a point and a reference is multiplied by F (r, K).
    """
    lengths = np.sqrt(np.sum(F * F, axis=0))
    found = np.empty((len(high), len(F)))
    least = np.full(len(high), np.inf)
    for reference in references:
        between = (high - reference.high) + (low - reference.low)
        rounding = np.sum((between * lengths) ** 2, axis=1) + np.sum(reference.residuals**2)
        nearer = ~(rounding > least)
        found[nearer] = doubled.ordered_product(between[nearer], F.T) + reference.residuals
        least = np.where(nearer, rounding, least)
    return found
