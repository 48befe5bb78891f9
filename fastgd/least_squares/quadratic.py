"""A squared-error problem as one small object: S(theta) = ||R theta - q||^2 + floor, and its minimum.

R = F C, the samples' triangular factor in a well-conditioned basis times the change of basis. R theta and q are not
subtracted from each other: residuals c(theta) = F (C theta - z) + c(z) are those at a reference point z, which were
taken from the samples, and what lies between, with twice the digits. There are two such points, 0 and the minimum, and
the nearer one serves. So c has its digits wherever theta is, next to the minimum of a badly placed fit too, where
R theta and q agree to all of theirs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastgd.least_squares import doubled
from fastgd.least_squares.bases import Basis, FeatureBasis, powers_of_two
from fastgd.least_squares.blas import one_thread
from fastgd.least_squares.elimination import Exact, eliminated, exact, product
from fastgd.least_squares.factor import Factor, back_substituted
from fastgd.least_squares.singular import SingularValues
from fastgd.once import Once
from fastgd.record import hashed, same

Array = NDArray[np.float64]

EPSILON = float(np.finfo(np.float64).eps)
WELL_CONDITIONED = 1e2  # of R with columns of length 1, up to which its elements as floats hold its singular values
STARTS_AT_ONCE = 4096
REFINEMENTS = 6  # of theta, at most; each gains nearly all digits of a float
CANDIDATES = 64  # minima over the larger singular values that are looked at
ALIKE = 32.0  # ratio of columns' lengths up to which they need not be scaled
ATTAINED = 1e-6, 1e-10  # what the least may be exceeded by: its own share, and residuals' share of the targets
SMALLEST = float(np.finfo(np.float64).tiny)


class Reference(NamedTuple):
    """A point in the basis, with twice the digits, and the residuals there: F z - q."""

    high: Array  # (K,)
    low: Array  # (K,)
    residuals: Array  # (r,)


class _Minimum(NamedTuple):
    theta: Array
    loss: float
    rank: int

    def __eq__(self, other: object) -> bool:  # a tuple would ask an array whether it is true
        return isinstance(other, Minimum) and same(tuple(self), tuple(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    def __hash__(self) -> int:
        return hashed(tuple(self))


class Minimum(_Minimum):
    """The least loss of a squared-error problem that floats reach, and where: a tuple (theta, loss, rank).

    Attributes
    ----------
    theta : ndarray (P,)
        The minimum; where the samples leave it open (rank < P), the one of least norm. Where its coefficients lose the
        fit when they are rounded to floats, as those of high powers of x may, one of less norm that has a smaller loss.
    loss : float
        The loss at this theta.
    rank : int
        How many directions of theta the samples determine.
    least_loss : float
        The least loss over all real theta.
    attained : bool
        Whether floats reach it, but for a millionth of it and for rounding.
    """

    least_loss: float
    attained: bool

    def __new__(
        cls, theta: Array, loss: float, rank: int, least_loss: float | None = None, attained: bool = True
    ) -> Minimum:
        """Return a tuple with two attributes beside it."""
        minimum = super().__new__(cls, theta, loss, rank)
        minimum.least_loss = loss if least_loss is None else least_loss
        minimum.attained = attained
        return minimum

    def __str__(self) -> str:
        theta = np.array2string(self.theta, precision=6, threshold=8, edgeitems=3, max_line_width=10_000)
        lines = [f"loss {self.loss:.10g} at theta {theta}, rank {self.rank} of {self.theta.size}"]
        if not self.attained:
            lines.append(
                f"  its coefficients as float64 can't hold the fit, whose least loss is {self.least_loss:.10g}; "
                "those of standardized() can"
            )
        return "\n".join(lines)


@dataclass(frozen=True, eq=False)
class Quadratic:
    """The sum of squared residuals of a linear model, with a penalty: S(theta) = ||R theta - q||^2 + floor.

    Attributes
    ----------
    basis : Basis
    factor : ndarray (r, K)
        F: F'F is the Gram matrix of the basis' functions, summed over the samples.
    targets : ndarray (r,)
        q, what the residuals at 0 are but for their sign.
    reference : Reference
        The minimum, or what is near it.
    floor : float
        The least sum of squared residuals, without the penalty.
    samples : int
        N.
    condition : float
        Condition number of the samples in the basis that was used, with columns scaled to length 1.
    method : str
        How the statistics were taken.
    penalty : ndarray (P,) or None
        Weights of theta_k^2; their roots are further rows of R, whose q is 0.
    """

    basis: Basis
    factor: Array
    targets: Array
    reference: Reference
    floor: float
    samples: int
    condition: float
    method: str
    penalty: Array | None = None
    _decomposition: Once | None = field(default=None, repr=False)  # that of another reference is the same
    _theta: Once = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self._decomposition is None:
            object.__setattr__(self, "_decomposition", Once(partial(_decomposed, self)))
        object.__setattr__(self, "_theta", Once(partial(_minimum_of, self)))

    @classmethod
    def assemble(
        cls, basis: Basis, factor: Factor, q: Array, reference: Reference, floor: float, samples: int, method: str
    ) -> Quadratic:
        """Gather what was found, and check that it is within float64.

        Raises
        ------
        OverflowError
            If a number is beyond float64, or a feature below it: "features" or "targets" says which.
        """
        quadratic = cls(basis, factor.matrix, q, reference, floor, samples, factor.condition, method)
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
            rows = self.factor @ self.basis.coefficients()
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
        return len(self.factor) if self.penalty is None else self.basis.parameters

    def exact_R(self, scale: Array) -> Exact:
        """Return R diag(scale) in the precision in force, its factors taken as exact."""
        columns = exact(scale)
        rows = product(self.factor, self.basis.exact_coefficients()) * columns
        if self.penalty is None:
            return np.asarray(rows)
        return np.concatenate([rows, np.diag(exact(np.sqrt(self.penalty)) * columns)])

    def decomposition(self) -> SingularValues:
        """Return the singular value decomposition of R, taken at first use: values (P,), of which `rank` are not 0."""
        assert self._decomposition is not None
        decomposition: SingularValues = self._decomposition()
        return decomposition

    # ---- at given theta ----------------------------------------------------------------------------------------------

    def sample_residuals(self, thetas: Array) -> Array:
        """Return the rows R theta - q (M, r) that stand for the samples at thetas (M, P)."""
        residuals = np.empty((len(thetas), len(self.factor)))
        for first in range(0, len(thetas), STARTS_AT_ONCE):
            some = slice(first, first + STARTS_AT_ONCE)
            with np.errstate(all="ignore"):
                residuals[some] = self._from_the_nearer(*self.basis.coordinates(thetas[some]))
        return residuals

    def _from_the_nearer(self, high: Array, low: Array) -> Array:
        """Return the residuals (M, r) at points (M, K) of the basis from the reference whose rounding counts less."""
        lengths = np.sqrt(np.sum(self.factor * self.factor, axis=0))
        zero = Reference(np.zeros(self.basis.size), np.zeros(self.basis.size), -self.targets)
        found, least = np.empty((len(high), len(self.factor))), np.full(len(high), np.inf)
        for reference in (zero, self.reference):
            between = (high - reference.high) + (low - reference.low)
            rounding = np.sum((between * lengths) ** 2, axis=1) + np.sum(reference.residuals**2)
            nearer = ~(rounding > least)
            found[nearer] = doubled.ordered_product(between[nearer], self.factor.T) + reference.residuals
            least = np.where(nearer, rounding, least)
        return found

    def residuals(self, thetas: Array) -> Array:
        """Return R theta - q at thetas (M, P): (M, r), or (M, r + P) with a penalty."""
        rows = self.sample_residuals(thetas)
        return rows if self.penalty is None else np.concatenate([rows, thetas * np.sqrt(self.penalty)], axis=1)

    def squares(self, thetas: Array) -> Array:
        """Return S (M,) at thetas (M, P)."""
        with np.errstate(over="ignore"):
            return np.asarray(self.floor + np.sum(self.residuals(thetas) ** 2, axis=1))

    # ---- the minimum -------------------------------------------------------------------------------------------------

    @property
    def theta(self) -> Array:
        """The minimum (P,), of least norm below full rank.

        Where its coefficients, rounded to floats, have another loss, the one that has the least of those that keep only
        the larger singular values.

        Raises
        ------
        OverflowError
            If it is beyond float64: "parameters".
        """
        theta: Array = self._theta()
        return theta

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
        """Return the minimum (P,) with every coefficient rounded.

        Raises
        ------
        OverflowError
            If it is beyond float64: "parameters".
        """
        theta = np.zeros(self.basis.parameters)
        with np.errstate(all="ignore"), one_thread():
            for _ in range(REFINEMENTS):
                better = theta - _least_norm(self, self.residuals(theta[None])[0])
                if not np.isfinite(better).all():
                    raise OverflowError("parameters")
                settled, theta = np.array_equal(better, theta), better
                if settled:
                    break
        return np.asarray(theta + 0.0)  # no coefficient is -0

    def minimum(self, scale: float = 1.0, squares: Callable[[Array], float] | None = None) -> Minimum:
        """Return the minimum of the loss scale * S.

        Parameters
        ----------
        squares : callable
            S at a theta (P,), where its rounding is not to count; S of the statistics by default.

        Raises
        ------
        OverflowError
            If it is beyond float64: "parameters".
        """
        theta, least = self.theta, self.least
        own = float(self.squares(theta[None])[0]) if squares is None else squares(theta)
        attained = self._is_attained_by(own, theta)
        return Minimum(theta.copy(), scale * own, self.rank, scale * min(least, own), attained)

    def penalized(self, weights: Array) -> Quadratic:
        """Return the quadratic S(theta) + sum_k weights_k theta_k^2, weights (P,) >= 0.

        Raises
        ------
        OverflowError
            If a number is beyond float64.
        """
        if not np.isfinite(weights).all():
            raise OverflowError("penalty")
        return replace(self, penalty=weights, method=f"{self.method}, penalized", _decomposition=None)

    def is_attained_at(self, theta: Array) -> bool:
        """Tell whether S is the least at theta (P,), but for what rounding a theta to floats must cost."""
        return self._is_attained_by(float(self.squares(theta[None])[0]), theta)

    def _is_attained_by(self, squares: float, theta: Array) -> bool:
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


def _decomposed(quadratic: Quadratic, scale: Array | None = None) -> SingularValues:
    """Return the decomposition of R diag(scale), `scale` being 1 if not given, with P values."""
    P = quadratic.basis.parameters
    scale = np.ones(P) if scale is None else scale
    R = quadratic.R * scale
    with np.errstate(all="ignore"):  # what is beyond float64 is told by whoever asks
        found = _with_digits(quadratic, R, scale)
    values, left = np.zeros(P), np.zeros((len(R), P))
    values[: len(found.values)], left[:, : len(found.values)] = found.values, found.left
    return SingularValues(left, values, found.right)


def _with_digits(quadratic: Quadratic, R: Array, scale: Array) -> SingularValues:
    """Decompose R by the cheapest way that keeps its digits; where none does, what only rounding moves is zero."""
    lengths, rank = _lengths(R), quadratic.rank
    if not rank:
        return SingularValues.by_lapack(R)
    with one_thread():
        scaled = np.linalg.svd(R / lengths, compute_uv=False)
    if rank == len(scaled) == R.shape[1] and scaled[0] <= WELL_CONDITIONED * scaled[-1]:
        return SingularValues.of(R)
    if quadratic.basis.is_exact:
        return SingularValues.of_product(*eliminated(lambda: quadratic.exact_R(scale), rank))
    alike = lengths.max() <= ALIKE * lengths.min()
    found = SingularValues.by_lapack(R) if alike else SingularValues.of(R)
    rank = min(rank, int(np.count_nonzero(scaled > EPSILON * max(R.shape) * scaled[0])))
    found.values[rank:] = 0.0
    return found


def _lengths(R: Array) -> Array:
    """Return a measure of the columns' lengths, 1 for one of zeros."""
    lengths = np.abs(R).max(axis=0, initial=0.0)
    lengths[lengths == 0.0] = 1.0
    return np.asarray(lengths)


def _minimum_of(quadratic: Quadratic) -> Array:
    """Return the minimum as floats, or what is nearest to it in loss."""
    theta = quadratic.rounded_minimum()
    if quadratic.is_attained_at(theta):
        return theta
    return _nearest_in_loss(quadratic, theta)


def _least_norm(quadratic: Quadratic, residuals: Array) -> Array:
    """Return the shortest d (P,) with R d nearest to the residuals."""
    basis = quadratic.basis
    if isinstance(basis, FeatureBasis) and quadratic.penalty is None and quadratic.rank == basis.size:
        return basis.theta(back_substituted(quadratic.factor, residuals))
    left, values, right = quadratic.decomposition()
    return _of_modes(right, left.T @ residuals, values, len(values))


def _of_modes(right: Array, modal: Array, values: Array, count: int) -> Array:
    some = np.flatnonzero(values[:count])
    return np.asarray(np.einsum("jk,j->k", right[some], modal[some] / values[some]))


def _nearest_in_loss(quadratic: Quadratic, theta: Array) -> Array:
    """Return theta, or of the minima over the larger singular values the one whose rounded coefficients lose least.

    Columns are brought to like lengths first: what rounding a coefficient costs goes by the length of its column.
    """
    lengths = _lengths(quadratic.R)
    scale, (left, values, right) = np.ones(theta.size), quadratic.decomposition()
    if quadratic.rank == theta.size and lengths.max() > ALIKE * lengths.min():  # below it theta is that of least norm
        scale = 1.0 / powers_of_two(lengths)
        left, values, right = _decomposed(quadratic, scale)
    counts = np.unique(np.linspace(1, np.count_nonzero(values), CANDIDATES).astype(int))
    candidates = np.zeros((len(counts) + 1, theta.size))
    for _ in range(2):
        modal = doubled.ordered_product(quadratic.residuals(candidates), left)
        for k, count in enumerate(counts, start=1):
            candidates[k] -= scale * _of_modes(right, modal[k], values, count)
    candidates[0] = theta
    squares = quadratic.squares(candidates)
    best: Array = candidates[np.argmin(np.where(np.isfinite(squares), squares, np.inf))]
    return best
